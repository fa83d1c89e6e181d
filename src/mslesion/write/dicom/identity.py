"""Who DICOM objects speak of, what they are called by, and when they say they were made."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

from mslesion import __version__
from mslesion.errors import UsageError

if TYPE_CHECKING:
    from mslesion.detection import Detection


class DicomIdentity(StrEnum):
    """Whether DICOM objects name the patient, as archives want and other files never do."""

    LEFT_OUT = "left out"
    KEPT = "kept"


def asked_identity(*, dicom_seg: bool, keep_patient: bool) -> DicomIdentity | None:
    """What two options together ask for; None where no objects are wanted.

    Raises:
        UsageError: A patient is to be kept in objects that nobody asked for.
    """
    if not dicom_seg:
        if keep_patient:
            raise UsageError(
                "--keep-patient is about the objects of --dicom-seg",
                remedy="give both, or neither",
            )
        return None
    return DicomIdentity.KEPT if keep_patient else DicomIdentity.LEFT_OUT


FIXED_DATE, FIXED_TIME = "19700101", "000000"
"""Of objects that say nothing of the patient; dates that DICOM lets be empty are empty."""

_REMOVED = ["Patient and study attributes left empty", "UIDs of the source retained"]
_DATES = ("ContentDate", "InstanceCreationDate", "SeriesDate")
_TIMES = ("ContentTime", "InstanceCreationTime", "SeriesTime")
_GENERATED = "1.2.826.0.1.3680043.10.511.3."
"""What highdicom's own random UIDs begin with."""


class Uids:
    """UIDs that are the same for the same result, and others for any other (PS3.5, annex B.2)."""

    def __init__(self, detection: Detection, series_uid: str, identity: DicomIdentity) -> None:
        self.identity = identity
        digest = sha256()
        about = (series_uid, identity.value, __version__, repr(detection.detector))
        for text in (*about, detection.input_sha256, repr(detection.lesions)):
            digest.update(text.encode() + b"\0")
        digest.update(detection.mask.tobytes())
        digest.update(detection.probability.tobytes())
        self._key = digest.hexdigest()

    def of(self, what: str) -> str:
        """A UID for one thing."""
        return f"2.25.{uuid5(NAMESPACE_OID, f'{self._key}/{what}').int}"


def _uids_in(header: Any) -> Iterator[str]:
    for element in header.iterall():
        if element.VR == "UI":
            yield str(element.value)


def _is_random(uid: str, theirs: Collection[str]) -> bool:
    return uid.startswith(_GENERATED) and uid not in theirs


def settle(data: Any, uids: Uids, what: str, sources: Sequence[Any]) -> None:
    """Give all that is random or of the moment in a new object values that are not.

    UIDs that stand in ``sources``, the headers of the images, are theirs and stay. With the
    patient's identity kept, it is dated as the study is; else it has the fixed date, and says that
    the identity was taken out (PS3.3, C.7.1.1).
    """
    source = sources[0]
    theirs = {uid for header in sources for uid in _uids_in(header)}
    if uids.identity is DicomIdentity.LEFT_OUT:
        data.PatientIdentityRemoved = "YES"
        data.DeidentificationMethod = _REMOVED
    made: dict[str, str] = {}
    date, time = source.get("StudyDate") or FIXED_DATE, source.get("StudyTime") or FIXED_TIME

    def settle_one(_parent: Any, element: Any) -> None:
        if element.keyword == "ContributionDateTime":
            element.value = f"{date}{time}"
        elif element.VR == "UI" and _is_random(str(element.value), theirs):
            random = str(element.value)
            made.setdefault(random, uids.of(f"{what}/{len(made)}"))
            element.value = made[random]

    data.walk(settle_one)
    for names, value in ((_DATES, date), (_TIMES, time)):
        for name in names:
            if name in data:
                setattr(data, name, value)
