"""What the detector learns from: volumes with known regions, real and made up, in one form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mslesion.cohort.people import ScanFile
from mslesion.lesions.contrast import DOUBTFUL_BRAIN_ML
from mslesion.lesions.intensity import tissue_level
from mslesion.lesions.network import CONTRASTS
from mslesion.lesions.slabs import AXES, BRIGHTEST, THIN_MM, planes_of
from mslesion.read import load, read_lesion_mask, read_scan
from mslesion.read.masks import mask_beside
from mslesion.scan import Scan

FLAIR, *OTHER_CONTRASTS = CONTRASTS
_STRIPPED_SHARE = 0.3
"""A scan with a larger share of voxels of exactly 0, and no more than a brain's volume of others,
comes without its skull. A whole head whose air was set to 0 has more."""

Share = NDArray[np.uint8]
"""How much of a voxel something fills, from 0 to 255."""


@dataclass(frozen=True, eq=False)
class TrainingVolume:
    """One volume to learn from; arrays are (Z, Y, X), slices first, from low to high.

    Of another ``plane`` they are (slices, rows, columns), as :data:`~mslesion.lesions.slabs.AXES`
    has them. ``image`` is float16 with tissue near 1. A region that nobody drew is None, a contrast
    that nobody knows too: nothing is learnt about them. ``is_ideal`` volumes have neither noise
    nor bias, and slices thin enough to be averaged into thicker ones.
    """

    name: str
    image: NDArray[np.float16]
    lesion: Share | None
    ventricle: Share | None
    brain: Share | None
    contrast: str | None
    in_plane_mm: tuple[float, float]
    slice_spacing_mm: float
    is_ideal: bool = False
    plane: str = "axial"

    @property
    def regions(self) -> tuple[Share | None, ...]:
        """The shares in the order of :data:`~mslesion.lesions.network.REGIONS`."""
        return self.lesion, self.ventricle, self.brain

    @property
    def has_thin_slices(self) -> bool:
        """Whether it can be seen in every plane."""
        return self.slice_spacing_mm <= THIN_MM

    def seen_from(self, plane: str) -> TrainingVolume:
        """The same voxels of an axial volume in slices of a plane; nothing is copied."""
        z_mm, (y_mm, x_mm) = self.slice_spacing_mm, self.in_plane_mm
        # From (Z, Y, X) to (X, Y, Z), and on to the plane's own order.
        order = tuple(2 - axis for axis in AXES[plane])
        slice_mm, row_mm, column_mm = ((x_mm, y_mm, z_mm)[axis] for axis in AXES[plane])
        lesion, ventricle, brain = (
            None if region is None else region.transpose(order) for region in self.regions
        )
        return replace(
            self,
            name=f"{self.name}_{plane}",
            image=self.image.transpose(order),
            lesion=lesion,
            ventricle=ventricle,
            brain=brain,
            in_plane_mm=(row_mm, column_mm),
            slice_spacing_mm=slice_mm,
            plane=plane,
        )

    @cached_property
    def lesion_slices(self) -> NDArray[np.intp]:
        """Indices of the slices that hold lesion."""
        if self.lesion is None:
            return np.zeros(0, np.intp)
        return np.flatnonzero((self.lesion > 127).any(axis=(1, 2)))


@dataclass(frozen=True, eq=False)
class Material:
    """Groups of volumes; ``share`` is how much of the training each group makes up."""

    groups: tuple[tuple[float, tuple[TrainingVolume, ...]], ...] = field(default=())

    def __add__(self, other: Material) -> Material:
        return Material(self.groups + other.groups)

    @property
    def volumes(self) -> tuple[TrainingVolume, ...]:
        """All volumes, in order."""
        return tuple(volume for _, volumes in self.groups for volume in volumes)

    @property
    def weights(self) -> NDArray[np.float64]:
        """How often each volume is drawn; their sum is 1."""
        weights = np.concatenate(
            [np.full(len(v), share / len(v)) for share, v in self.groups if v] or [np.zeros(0)]
        )
        shares: NDArray[np.float64] = weights / weights.sum()
        return shares


def group(share: float, volumes: Sequence[TrainingVolume]) -> Material:
    """One group; no group where there are no volumes."""
    return Material(((share, tuple(volumes)),) if volumes else ())


_OTHER_PLANES_SHARE = 0.2


def in_every_plane(share: float, volumes: Sequence[TrainingVolume]) -> Material:
    """A group in which volumes with thin slices are also seen in coronal and sagittal slices."""
    thin = [volume for volume in volumes if volume.has_thin_slices]
    of_thin = share * len(thin) / max(len(volumes), 1)
    others = [volume.seen_from(plane) for volume in thin for plane in ("coronal", "sagittal")]
    # Each scan weighs the same, however many planes it is seen in.
    away = 2 * _OTHER_PLANES_SHARE * of_thin
    thick = [volume for volume in volumes if not volume.has_thin_slices]
    return group(share - of_thin, thick) + group(of_thin - away, thin) + group(away, others)


def real_volume(scan_file: ScanFile, *, is_lesion_free: bool = False) -> TrainingVolume:
    """A real FLAIR scan with its lesion mask, and with the masks of brain and ventricles.

    Those are looked for next to the lesion mask, as ``*_desc-brain_mask`` and
    ``*_label-ventricle_mask``, named after the same scan; where the scan comes without a skull,
    its own zeros tell the brain.

    Raises:
        ScanError: the scan or a mask cannot be used.
    """
    loaded = load(scan_file)
    nothing = np.zeros(loaded.scan.grid.shape, np.bool_)
    return volume_of(
        scan_file.name,
        loaded.scan,
        nothing if is_lesion_free else loaded.lesion_mask,
        ventricle=_mask_beside(scan_file, "label-ventricle_mask", loaded.scan),
        brain=_brain(scan_file, loaded.scan),
    )


def other_contrasts(scan_file: ScanFile) -> Iterator[TrainingVolume]:
    """The T1w and T2w images beside a FLAIR scan, where they lie on its grid.

    They teach what a brain looks like in other contrasts, and that these are no FLAIR.

    Raises:
        ScanError: an image or a mask cannot be used.
    """
    flair = None
    for contrast in OTHER_CONTRASTS:
        path = scan_file.image.with_name(scan_file.image.name.replace("FLAIR", contrast))
        if path == scan_file.image or not path.is_file():
            continue
        flair = flair or read_scan(scan_file.image)
        scan = read_scan(path)
        if scan.grid.matches(flair.grid):
            yield volume_of(
                f"{scan_file.name}_{contrast}",
                scan,
                None,
                ventricle=_mask_beside(scan_file, "label-ventricle_mask", scan),
                brain=_brain(scan_file, scan),
                contrast=contrast,
            )


def volume_of(
    name: str,
    scan: Scan,
    lesion: NDArray[np.bool_] | None,
    *,
    ventricle: NDArray[np.bool_] | None = None,
    brain: NDArray[np.bool_] | None = None,
    contrast: str = FLAIR,
) -> TrainingVolume:
    """A training volume of a scan and masks (X, Y, Z) on its grid.

    It lies in the plane that the detector would ask about: with thick slices the one it was
    acquired in, with thin ones the axial one, from which the others can be seen.
    """
    x_mm, y_mm, z_mm = scan.spacing_mm
    relative = np.clip(scan.voxels / np.float32(tissue_level(scan.voxels)), 0, BRIGHTEST)
    volume = TrainingVolume(
        name=name,
        image=slices_first(relative).astype(np.float16),
        lesion=_as_share(lesion),
        ventricle=_as_share(ventricle),
        brain=_as_share(brain),
        contrast=contrast,
        in_plane_mm=(y_mm, x_mm),
        slice_spacing_mm=z_mm,
    )
    plane, *_ = planes_of(scan.grid)
    return volume if plane == volume.plane else volume.seen_from(plane)


def slices_first(volume: NDArray[np.generic]) -> NDArray[np.generic]:
    """A volume (X, Y, Z) as (Z, Y, X)."""
    return np.ascontiguousarray(volume.transpose(2, 1, 0))


def _as_share(mask: NDArray[np.bool_] | None) -> Share | None:
    return None if mask is None else slices_first(mask).astype(np.uint8) * np.uint8(255)


def _brain(scan_file: ScanFile, scan: Scan) -> NDArray[np.bool_] | None:
    beside = _mask_beside(scan_file, "desc-brain_mask", scan)
    return _where_stripped(scan) if beside is None else beside


def _where_stripped(scan: Scan) -> NDArray[np.bool_] | None:
    """The brain that a stripper left; None where the scan has a skull."""
    left = np.not_equal(scan.voxels, 0)
    left_ml = float(left.sum()) * scan.grid.voxel_volume_mm3 / 1000
    is_stripped = 1 - float(left.mean()) > _STRIPPED_SHARE and left_ml <= DOUBTFUL_BRAIN_ML
    return left if is_stripped else None


def _mask_beside(scan_file: ScanFile, kind: str, scan: Scan) -> NDArray[np.bool_] | None:
    if scan_file.lesion_mask is None:
        return None
    found = mask_beside(scan_file.lesion_mask, kind)
    return None if found is None else read_lesion_mask(found, scan)[0]
