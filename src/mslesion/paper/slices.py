"""From scans to the paper's images: chosen slices, 64x64 pixels, z-scores (sections 3.1, 3.1.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mslesion.cohort.people import Cohort, Diagnosis, Person, ScanFile
from mslesion.columns import Columns
from mslesion.errors import CohortError, MslesionError, ScanError
from mslesion.evaluation.predictions import Question
from mslesion.paper.protocol import SliceProtocol
from mslesion.progress import track
from mslesion.read import mask_doubts, read_lesion_mask, read_scan
from mslesion.scan import Grid, Scan

UNKNOWN = -1
"""The label of a slice for a question its cohort cannot answer."""


@dataclass(frozen=True, eq=False)
class SliceSet(Columns):
    """Images of one size with what is known of each; arrays have one entry a slice.

    Attributes:
        pixels: float32 (N, S, S), z-scores; row 0 is anterior and column 0 the patient's right,
            as radiologists look at it.
        lesion_share: float32 (N, S, S), the share of each pixel that lesions cover; 0 where no
            mask is known.
        person_id: str (N,).
        scan_name: str (N,).
        slice_index: int16 (N,), position in the RAS+ volume, from its lowest slice.
        is_ms: int8 (N,), 1, 0 or :data:`UNKNOWN`.
        has_lesion: int8 (N,), 1, 0 or :data:`UNKNOWN`.
        lesion_area_mm2: float32 (N,), on the scan's own grid; 0 where no mask is known.
    """

    pixels: NDArray[np.float32]
    lesion_share: NDArray[np.float32]
    person_id: NDArray[np.str_]
    scan_name: NDArray[np.str_]
    slice_index: NDArray[np.int16]
    is_ms: NDArray[np.int8]
    has_lesion: NDArray[np.int8]
    lesion_area_mm2: NDArray[np.float32]

    def labels(self, question: Question) -> NDArray[np.int8]:
        """The answer to ``question`` for each slice: 1, 0 or :data:`UNKNOWN`."""
        return self.is_ms if question is Question.DIAGNOSIS else self.has_lesion

    @property
    def slice_names(self) -> NDArray[np.str_]:
        """A name for each slice, unique in its cohort."""
        return np.array(
            [f"{s}_slice-{i:03d}" for s, i in zip(self.scan_name, self.slice_index, strict=True)]
        )


@dataclass(frozen=True, eq=False)
class CutCohort:
    """The slices of a cohort, how many the tissue rule left out, and the scans set aside.

    ``mended`` says what was mended in a scan or its mask, ``doubts`` what is in doubt about them,
    each after the scan's name.
    """

    slices: SliceSet
    left_out: int
    set_aside: tuple[MslesionError, ...]
    mended: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


Examine = Callable[[Scan], tuple[str, ...]]
"""A look at a whole scan, before it is cut: what is in doubt about it."""


def cut_cohort(
    cohort: Cohort, protocol: SliceProtocol, examine: Examine | None = None
) -> CutCohort:
    """Cut every scan of a cohort; one that cannot be used is set aside and the others go on.

    A scan with the same image as one before it is set aside too: under another name it could
    stand on the other side of a split. Of a scan whose mask cannot be used, only the mask is lost.

    Raises:
        CohortError: not a single scan could be used.
        ScanError: the only scan of the cohort cannot be used.
    """
    scans = [(person, scan_file) for person in cohort.people for scan_file in person.scans]
    parts: list[SliceSet] = []
    left_out = 0
    set_aside = list(cohort.set_aside)
    mended: list[str] = []
    doubts = list(cohort.remarks)
    first_with: dict[str, str] = {}
    for person, scan_file in track(scans, "cutting slices", len(scans)):
        try:
            part = cut_scan(person, scan_file, protocol, examine)
            _require_new(part.slices, scan_file, first_with)
        except ScanError as error:
            set_aside.append(error)
            continue
        left_out += part.left_out
        parts.append(part.slices)
        set_aside += part.set_aside
        mended += part.mended
        doubts += part.doubts
    if not parts and len(scans) == 1:
        raise set_aside[-1]
    if not parts:
        raise CohortError(
            f"none of {len(scans)} scans can be used; the first: {set_aside[0]}",
            remedy="mend the scans, or give another folder",
            file=cohort.root,
        )
    return CutCohort(SliceSet.join(parts), left_out, tuple(set_aside), tuple(mended), tuple(doubts))


def _require_new(slices: SliceSet, scan_file: ScanFile, first_with: dict[str, str]) -> None:
    (fingerprint,) = scan_fingerprints(slices).values()
    first = first_with.setdefault(fingerprint, scan_file.name)
    if first != scan_file.name:
        raise ScanError(
            f"holds the same image as {first}", remedy="remove one of them", file=scan_file.image
        )


def scan_fingerprints(slices: SliceSet) -> dict[str, str]:
    """The :func:`fingerprint` of the images of each scan, by the scan's name."""
    return {
        str(name): fingerprint(slices.pixels[slices.scan_name == name])
        for name in np.unique(slices.scan_name)
    }


def fingerprint(pixels: NDArray[np.float32]) -> str:
    """A fingerprint of the slices (N, H, W) of one scan.

    It is the SHA-256 of the order in which 8 x 8 blocks of the scan's mean slice lie from dark to
    bright: the same for the same voxels in other units or another file, different for a scan with
    more noise, resampled, or cut.
    """
    mean = pixels.mean(axis=0, dtype=np.float64)
    edges = np.arange(8) * mean.shape[0] // 8
    blocks = np.add.reduceat(np.add.reduceat(mean, edges, axis=0), edges, axis=1)
    order = np.argsort(blocks.ravel().round(4), kind="stable").astype(np.uint8)
    return sha256(order.tobytes()).hexdigest()


def cut_scan(
    person: Person, scan_file: ScanFile, protocol: SliceProtocol, examine: Examine | None = None
) -> CutCohort:
    """Read one scan and cut its slices, keeping those with enough tissue.

    What ``examine`` says of the scan stands among the ``doubts``.
    A mask that cannot be used is noted in ``set_aside``, and the slices' lesion label is unknown.

    Raises:
        ScanError: the scan cannot be used, or no slice holds enough tissue.
    """
    scan = read_scan(scan_file.image)
    indices = spread_indices(scan.voxels.shape[2], protocol.slices_per_scan)
    threshold = otsu_threshold(scan.voxels)
    images = resize_slices(scan.voxels, scan.grid, indices, protocol.size_pixels)
    tissue = images > threshold
    kept = tissue.mean(axis=(1, 2)) >= protocol.least_tissue_share
    if not kept.any():
        raise ScanError(
            f"no slice holds {protocol.least_tissue_share:.0%} of tissue",
            remedy="check that this is a brain scan",
            file=scan_file.image,
        )
    mask, mended, problems = _read_mask(scan_file, scan)
    doubts = (*scan.warnings, *mask_doubts(mask, person.diagnosis))
    doubts += examine(scan) if examine else ()
    shown = np.zeros(scan.voxels.shape, bool) if mask is None else mask
    area_mm2 = _lesion_area_mm2(shown, scan, indices)[kept]
    count = int(kept.sum())
    slices = SliceSet(
        pixels=z_score(images[kept], tissue[kept], protocol.normalisation_scope),
        lesion_share=resize_slices(
            shown.astype(np.float32), scan.grid, indices[kept], protocol.size_pixels,
            Image.Resampling.BOX,
        ),
        person_id=np.full(count, person.person_id),
        scan_name=np.full(count, scan_file.name),
        slice_index=indices[kept].astype(np.int16),
        is_ms=np.full(count, _diagnosis_label(person.diagnosis), np.int8),
        has_lesion=np.where(mask is None, UNKNOWN, area_mm2 > 0).astype(np.int8),
        lesion_area_mm2=area_mm2,
    )  # fmt: skip
    of_scan = (
        tuple(f"{scan_file.name}: {remark}" for remark in remarks)
        for remarks in ((*scan.history, *mended), doubts)
    )
    return CutCohort(slices, int((~kept).sum()), problems, *of_scan)


def _read_mask(
    scan_file: ScanFile, scan: Scan
) -> tuple[NDArray[np.bool_] | None, tuple[str, ...], tuple[MslesionError, ...]]:
    """The mask where there is a usable one, what was mended in it, and why there is none."""
    if scan_file.lesion_mask is None:
        return None, (), ()
    try:
        mask, remarks = read_lesion_mask(scan_file.lesion_mask, scan)
    except ScanError as error:
        return None, (), (error,)
    return mask, remarks.history, ()


def _diagnosis_label(diagnosis: Diagnosis | None) -> int:
    return UNKNOWN if diagnosis is None else int(diagnosis is Diagnosis.MS)


def _lesion_area_mm2(
    mask: NDArray[np.bool_], scan: Scan, indices: NDArray[np.intp]
) -> NDArray[np.float32]:
    x_mm, y_mm, _ = scan.spacing_mm
    area_mm2: NDArray[np.float32] = mask[:, :, indices].sum(axis=(0, 1)) * np.float32(x_mm * y_mm)
    return area_mm2.astype(np.float32)


def spread_indices(available: int, wanted: int) -> NDArray[np.intp]:
    """Indices of ``wanted`` slices evenly spread over ``available``, ends included.

    All indices, where fewer are available than wanted.
    """
    if available <= wanted:
        return np.arange(available)
    return np.rint(np.linspace(0, available - 1, wanted)).astype(np.intp)


def otsu_threshold(voxels: NDArray[np.float32], bins: int = 256) -> float:
    """The intensity that best divides dark from bright (Otsu 1979), over a whole volume.

    Maximises the variance between the two classes of the histogram. The brightest 0.5 % are
    pooled in the last bin, so that a few bright voxels of fat do not stretch it. A constant
    volume gives its constant.
    """
    top = float(np.percentile(voxels, 99.5))
    bottom = float(voxels.min())
    if top <= bottom:
        return bottom
    counts, edges = np.histogram(np.clip(voxels, bottom, top), bins=bins, range=(bottom, top))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = voxels.size - below
    sum_below = np.cumsum(counts * centres)
    mean_below = sum_below / np.maximum(below, 1)
    mean_above = (sum_below[-1] - sum_below) / np.maximum(above, 1)
    between = below.astype(float) * above * (mean_below - mean_above) ** 2
    return float(edges[int(np.argmax(between)) + 1])


def resize_slices(
    volume: NDArray[np.float32],
    grid: Grid,
    indices: NDArray[np.intp],
    size_pixels: int,
    resampling: Image.Resampling = Image.Resampling.BICUBIC,
) -> NDArray[np.float32]:
    """Axial slices as square images (N, S, S) in radiological display order.

    Each slice is padded with its volume's lowest value to a square in millimetres, then resized;
    Pillow widens the filter when it shrinks, which is antialiasing.
    """
    x_mm, y_mm, _ = grid.spacing_mm
    side_mm = max(volume.shape[0] * x_mm, volume.shape[1] * y_mm)
    padding = []
    for count, spacing in ((volume.shape[0], x_mm), (volume.shape[1], y_mm)):
        missing = max(0, round(side_mm / spacing) - count)
        padding.append((missing // 2, missing - missing // 2))
    background = float(volume.min())
    images = np.empty((len(indices), size_pixels, size_pixels), np.float32)
    for number, index in enumerate(indices):
        padded = np.pad(volume[:, :, index], padding, constant_values=background)
        display = np.ascontiguousarray(padded[::-1, ::-1].T, dtype=np.float32)
        images[number] = np.asarray(
            Image.fromarray(display, mode="F").resize((size_pixels, size_pixels), resampling)
        )
    return images


def z_score(
    images: NDArray[np.float32], tissue: NDArray[np.bool_], scope: str
) -> NDArray[np.float32]:
    """Images with mean 0 and SD 1 over their tissue pixels (section 3.1.1).

    Over all images together with ``scope="scan"``, over each alone with ``scope="slice"``.
    Statistics are taken in float64; a constant tissue is only shifted.
    """
    if scope == "slice":
        pairs = zip(images, tissue, strict=True)
        return np.stack([z_score(i[None], t[None], "scan")[0] for i, t in pairs])
    values = images[tissue].astype(np.float64)
    deviation = float(values.std()) or 1.0
    scored: NDArray[np.float64] = (images - values.mean()) / deviation
    return scored.astype(np.float32)
