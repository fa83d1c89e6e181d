"""Lesion masks of any tool in a folder, and which masks of two folders are of the same scan."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mslesion.cohort.people import Diagnosis
from mslesion.errors import CohortError
from mslesion.read.detections import DetectionFiles, detection_of_mask, is_reviewed_mask
from mslesion.read.names import bids_entities, entries, is_volume, plain, without_ending

_LESION_WORDS = {"lesion", "lesions", "wmh"}
_MASK_WORDS = _LESION_WORDS | {
    "mask", "masks", "seg", "segmentation", "dseg", "label", "labels", "pred", "prediction", "gt",
    "groundtruth", "truth", "reference", "manual", "consensus", "binary", "bin", "l", "ms",
}  # fmt: skip
_CONTRASTS = {"flair", "t1", "t1w", "t2", "t2w", "pd", "pdw", "t1c", "t2star"}
_OTHER_WORDS = {
    "prob", "probs", "probseg", "probability", "probabilities", "softmax", "brain", "brainmask",
    "ventricle", "ventricles", "aseg", "orig",
}  # fmt: skip
_FREE_ENTITIES = {"label", "desc", "space", "res", "den", "hemi", "seg"}
"""Entities in which a mask may differ from its scan; the others say which scan it is of."""
_DEEPEST = 8


@dataclass(frozen=True)
class ScanKey:
    """What a file's name and folders say about which scan it is of.

    ``entities`` are those of BIDS; without ``sub``, the ``words`` of the name count, or those of
    ``other_words``, where a scan is called by another name than its file.
    """

    entities: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    other_words: tuple[str, ...] = ()

    def called(self, name: str) -> ScanKey:
        """The key of a scan that results are named after by ``name``."""
        return replace(self, other_words=_own_words(name))

    def pairs_with(self, other: ScanKey) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
        """The words of both, in every spelling that there is."""
        for mine in filter(None, (self.words, self.other_words)):
            for theirs in filter(None, (other.words, other.other_words)):
                yield mine, theirs

    def fits(self, other: ScanKey) -> bool:
        """Whether both can be of one scan.

        By BIDS, all entities that both name must agree, the subject among them. Otherwise the
        words of one name must be those that the other begins with, apart from those for masks.
        """
        mine, theirs = dict(self.entities), dict(other.entities)
        if "sub" in mine and "sub" in theirs:
            return all(theirs[name] == value for name, value in mine.items() if name in theirs)
        return any(
            mine[: len(theirs)] == theirs[: len(mine)] for mine, theirs in self.pairs_with(other)
        )


@dataclass(frozen=True)
class FileOfScan:
    """One file, whose it is, and the key of its scan; ``diagnosis`` is None where not known."""

    person_id: str
    name: str
    path: Path
    key: ScanKey
    diagnosis: Diagnosis | None = None


@dataclass(frozen=True)
class MaskFile(FileOfScan):
    """One lesion mask."""

    @property
    def detection(self) -> DetectionFiles | None:
        """What ``mslesion detect`` wrote beside it; None for the mask of another tool."""
        return detection_of_mask(self.path)

    @property
    def seen_in_training(self) -> bool:
        """Whether this is a detection by a detector that says it was trained on the scan."""
        files = self.detection
        return files is not None and files.read_summary().get("seen_in_training") is True


MaskPair = tuple[MaskFile, MaskFile]
"""A found mask and the reference mask of the same scan."""


def find_masks(folder: Path) -> tuple[MaskFile, ...]:
    """The lesion masks in a folder, or the one in a file, in the order of their names.

    Where any file's name says lesion (``label-L``, ``lesion``, ``wmh``), those are taken; else
    all volumes that are not named as an image, a probability or a mask of something else. A mask
    that a reader reviewed (``mslesion view``) is passed over where the automatic one is beside it.

    Raises:
        CohortError: there is no such folder, or no mask in it.
    """
    if not folder.exists():
        raise CohortError("does not exist", remedy="check the path", file=folder)
    files = list(_volumes_below(folder, _DEEPEST)) if folder.is_dir() else [folder]
    masks = [path for path in files if _may_be_lesion_mask(path)]
    if folder.is_dir():
        masks = [path for path in masks if not is_reviewed_mask(path)]
    masks = [path for path in masks if _says_lesion(path)] or masks
    if not masks:
        raise CohortError(
            "holds no lesion masks",
            remedy="give a folder of NIfTI masks, named after their scans",
            file=folder,
        )
    keys = scan_keys(masks, folder)
    return tuple(
        MaskFile(_person(key), _name(key), path, key) for path, key in zip(masks, keys, strict=True)
    )


def pair_masks(
    found: Sequence[MaskFile], reference: Sequence[MaskFile], *, only_common: bool = False
) -> tuple[MaskPair, ...]:
    """Each reference mask with the found mask of the same scan, in the order of the references.

    Where several fit, the one whose name agrees in most is taken. ``only_common`` leaves out what
    has no counterpart; otherwise that is an error, for a scan on which a tool failed must not
    vanish from its measures.

    Raises:
        CohortError: no two masks belong together, a mask has no counterpart, or a scan has several
            equally good ones.
    """
    pairs: list[MaskPair] = []
    partner_of: dict[Path, str] = {}
    missing: list[MaskFile] = []
    for wanted in reference:
        best = _best(wanted, found)
        if best is None:
            missing.append(wanted)
        elif best.path in partner_of:
            raise CohortError(
                f"is the nearest by name to both {partner_of[best.path]} and {wanted.name}",
                remedy="name the masks after their scans",
                file=best.path,
            )
        else:
            partner_of[best.path] = wanted.name
            pairs.append((best, wanted))
    left = [mask for mask in found if mask.path not in partner_of]
    for masks, of_what in ((missing, "found mask"), (left, "reference mask")):
        if masks and (not only_common or not pairs):
            more = f", as have {len(masks) - 1} others" if len(masks) > 1 else ""
            raise CohortError(
                f"has no {of_what} of the same name{more}",
                remedy="add it, or leave out what has no counterpart with --only-common",
                file=masks[0].path,
            )
    return tuple(pairs)


def _best(wanted: MaskFile, found: Sequence[MaskFile]) -> MaskFile | None:
    fitting = [mask for mask in found if mask.key.fits(wanted.key)]
    if not fitting:
        return None
    agreement = {mask.path: agreement_of_keys(mask.key, wanted.key) for mask in fitting}
    most = max(agreement.values())
    best = [mask for mask in fitting if agreement[mask.path] == most]
    if len(best) > 1:
        raise CohortError(
            f"and {best[1].path.name} both look like masks of {wanted.name}",
            remedy="keep one mask of each scan in the folder",
            file=best[0].path,
        )
    return best[0]


def mask_beside(mask: Path, kind: str) -> Path | None:
    """The file ``*_KIND.nii*`` in a lesion mask's folder that is of the same scan, by its name.

    Of several the one whose name agrees in most, and the first of equal ones; None where there is
    none.
    """
    others = [path for path in sorted(mask.parent.glob(f"*_{kind}.nii*")) if path != mask]
    key, *keys = scan_keys([mask, *others], mask.parent)
    fitting = [(path, of) for path, of in zip(others, keys, strict=True) if of.fits(key)]
    best = max(fitting, key=lambda pair: agreement_of_keys(pair[1], key), default=None)
    return None if best is None else best[0]


def agreement_of_keys(key: ScanKey, wanted: ScanKey) -> tuple[int, int]:
    """How much two keys have in common, and how little else there is."""
    common = len(set(key.entities) & set(wanted.entities))
    spellings = (
        (sum(a == b for a, b in zip(mine, theirs, strict=False)), -abs(len(mine) - len(theirs)))
        for mine, theirs in key.pairs_with(wanted)
    )
    words, unlike = max(spellings, default=(0, 0))
    return common + words, unlike


def _volumes_below(folder: Path, deepest: int) -> Iterator[Path]:
    for path in entries(folder):
        if is_volume(path):
            yield path
        elif deepest and path.is_dir() and not path.is_symlink():
            yield from _volumes_below(path, deepest - 1)


def _words(path: Path) -> set[str]:
    return set(re.split(r"[\W_]+", without_ending(path.name).lower()))


def _says_lesion(path: Path) -> bool:
    return bool(_words(path) & _LESION_WORDS) or _label(path) == "l"


def _may_be_lesion_mask(path: Path) -> bool:
    if _words(path) & _OTHER_WORDS or _label(path) not in {"", "l", *_LESION_WORDS}:
        return False
    return bool(_words(path) & _MASK_WORDS) or not _words(path) & _CONTRASTS


def _label(path: Path) -> str:
    """What a mask is of, by its BIDS entity; empty where it has none."""
    return bids_entities(path.name.lower()).get("label", "")


def scan_keys(paths: Sequence[Path], root: Path) -> list[ScanKey]:
    """One key a file; where files share a name, or have none but 'mask', folders name them."""
    names = Counter(path.name for path in paths)
    return [_key(path, root, is_shared=names[path.name] > 1) for path in paths]


def _key(path: Path, root: Path, *, is_shared: bool) -> ScanKey:
    parts = Path(os.path.relpath(path, root if root.is_dir() else root.parent)).parts
    entities = {
        name: value
        for part in parts
        for name, value in bids_entities(part).items()
        if name not in _FREE_ENTITIES
    }
    own = _own_words(parts[-1])
    if is_shared or not own:
        own = (*(word for part in parts[:-1] for word in _own_words(part)), *own)
    return ScanKey(tuple(sorted(entities.items())), own)


def _own_words(name: str) -> tuple[str, ...]:
    words = re.split(r"[\W_]+", without_ending(name).lower())
    return tuple(word for word in words if word and word not in _MASK_WORDS | _CONTRASTS)


def _person(key: ScanKey) -> str:
    entities = dict(key.entities)
    return f"sub-{entities['sub']}" if "sub" in entities else _name(key)


def _name(key: ScanKey) -> str:
    named = dict(key.entities)
    if "sub" in named:
        first = [name for name in ("sub", "ses") if name in named]
        others = [name for name in named if name not in first]
        return "_".join(f"{name}-{named[name]}" for name in (*first, *others))
    return plain("-".join(key.words)) if key.words else "scan"
