"""The scanner: which points of the head it sees, with what slice profile, bias field and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mslesion.simulate.fields import Axes, Volume, smooth_noise


@dataclass(frozen=True)
class Acquisition:
    """A kind of FLAIR protocol; ranges are those its people differ within.

    ``sub_slices`` is the number of planes a thick slice is averaged from.
    """

    name: str
    shape: tuple[int, int, int]
    in_plane_mm: tuple[float, float]
    slice_spacing_mm: tuple[float, float]
    slice_thickness_share: float
    sub_slices: int
    centre_z_mm: float
    noise_share: tuple[float, float]
    bias_share: tuple[float, float]
    blur_voxels: tuple[float, float]


AXIAL2D = Acquisition(
    name="axial2d",
    shape=(256, 256, 23),
    in_plane_mm=(0.9, 1.0),
    slice_spacing_mm=(6.0, 6.5),
    slice_thickness_share=0.85,
    sub_slices=4,
    centre_z_mm=5.0,
    noise_share=(0.012, 0.035),
    bias_share=(0.04, 0.12),
    blur_voxels=(0.0, 0.4),
)
"""23 thick axial slices that cover the brain, as in the paper's scans."""

VOLUME3D = Acquisition(
    name="volume3d",
    shape=(192, 232, 184),
    in_plane_mm=(1.0, 1.0),
    slice_spacing_mm=(1.0, 1.0),
    slice_thickness_share=1.0,
    sub_slices=1,
    centre_z_mm=8.0,
    noise_share=(0.03, 0.07),
    bias_share=(0.02, 0.08),
    blur_voxels=(0.0, 0.4),
)
"""A 3D FLAIR at 1 mm."""

ACQUISITIONS: dict[str, tuple[Acquisition, ...]] = {
    "axial2d": (AXIAL2D,),
    "volume3d": (VOLUME3D,),
    "mixed": (AXIAL2D, VOLUME3D),
}
"""What a recipe may ask for; where there are several, each person draws one, whatever the
diagnosis."""


@dataclass(frozen=True)
class AcquisitionDraw:
    """One scan's grid and imperfections; shares are of the white matter signal."""

    protocol: str
    in_plane_mm: float
    slice_spacing_mm: float
    white_level: float
    noise_share: float
    bias_share: float
    coil_gain: float
    blur_voxels: float


_PROTOCOLS = {protocol.name: protocol for protocol in (AXIAL2D, VOLUME3D)}


def draw_acquisition(rng: np.random.Generator, choice: str) -> AcquisitionDraw:
    """Draw one of the protocols that ``choice`` names, and a scan of it."""
    options = ACQUISITIONS[choice]
    protocol = options[int(rng.integers(len(options)))]
    return AcquisitionDraw(
        protocol=protocol.name,
        in_plane_mm=round(float(rng.uniform(*protocol.in_plane_mm)), 4),
        slice_spacing_mm=round(float(rng.uniform(*protocol.slice_spacing_mm)), 3),
        white_level=round(float(np.exp(rng.uniform(np.log(120), np.log(2400)))), 2),
        noise_share=round(float(rng.uniform(*protocol.noise_share)), 5),
        bias_share=round(float(rng.uniform(*protocol.bias_share)), 5),
        coil_gain=round(float(rng.uniform(0.0, 0.3)), 4),
        blur_voxels=round(float(rng.uniform(*protocol.blur_voxels)), 4),
    )


def scan_affine(draw: AcquisitionDraw) -> NDArray[np.float64]:
    """``affine_vox_to_ras`` (4, 4) of the scan: axes along RAS, isocentre in the brain."""
    protocol = _PROTOCOLS[draw.protocol]
    spacing = np.array([draw.in_plane_mm, draw.in_plane_mm, draw.slice_spacing_mm])
    centre = np.array([0.0, -14.0, protocol.centre_z_mm])
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = centre - spacing * (np.array(protocol.shape) - 1) / 2
    return affine


def sample_axes(draw: AcquisitionDraw) -> Axes:
    """Positions in mm whose values make up the scan; several planes for a thick slice."""
    protocol = _PROTOCOLS[draw.protocol]
    affine = scan_affine(draw)
    x, y, z = (affine[a, 3] + affine[a, a] * np.arange(protocol.shape[a]) for a in range(3))
    planes = protocol.sub_slices
    thickness_mm = protocol.slice_thickness_share * draw.slice_spacing_mm
    within = ((np.arange(planes) + 0.5) / planes - 0.5) * thickness_mm
    through = (z[:, None] + within[None, :]).ravel()
    return x.astype(np.float32), y.astype(np.float32), through.astype(np.float32)


def average_slices(fine: Volume, draw: AcquisitionDraw) -> Volume:
    """Turn the planes of :func:`sample_axes` into slices, weighted by a slice profile."""
    planes = _PROTOCOLS[draw.protocol].sub_slices
    if planes == 1:
        return fine
    position = (np.arange(planes) + 0.5) / planes - 0.5
    profile = np.exp(-((position / 0.55) ** 2))
    weights = (profile / profile.sum()).astype(np.float32)
    slices: Volume = sum(weight * fine[:, :, plane::planes] for plane, weight in enumerate(weights))
    return slices


def measure(ideal: Volume, draw: AcquisitionDraw, rng: np.random.Generator) -> Volume:
    """The image a scanner makes of ``ideal`` (white matter 1): blur, bias, Rician noise, units.

    Magnitude images have Rician noise (Gudbjartsson and Patz, Magn Reson Med 34(6), 1995).
    """
    affine = scan_affine(draw)
    axes: Axes = tuple(
        (affine[a, 3] + affine[a, a] * np.arange(n)).astype(np.float32)
        for a, n in enumerate(ideal.shape)
    )
    thick = draw.slice_spacing_mm > 2 * draw.in_plane_mm
    sigma = (draw.blur_voxels, draw.blur_voxels, 0.0 if thick else draw.blur_voxels)
    image = ndimage.gaussian_filter(ideal, sigma, truncate=3.0)
    image *= np.exp(draw.bias_share * smooth_noise(rng, axes, 90.0))
    image *= _coil_sensitivity(draw.coil_gain, axes)
    real = image + draw.noise_share * rng.standard_normal(image.shape, dtype=np.float32)
    imaginary = draw.noise_share * rng.standard_normal(image.shape, dtype=np.float32)
    magnitude: Volume = np.sqrt(real * real + imaginary * imaginary) * draw.white_level
    return magnitude


def _coil_sensitivity(gain: float, axes: Axes) -> Volume:
    """A head coil sees best what is near it: (X, Y, 1), 1 on the axis, 1 + gain at the skull."""
    x, y, _ = axes
    squared = (x / 75)[:, None, None] ** 2 + ((y + 16) / 95)[None, :, None] ** 2
    return (1 + gain * np.clip(squared, 0, 1.6)).astype(np.float32)


def slice_thickness_mm(draw: AcquisitionDraw) -> float:
    """Thickness of one slice; the rest of the spacing is a gap."""
    share = _PROTOCOLS[draw.protocol].slice_thickness_share
    return round(share * draw.slice_spacing_mm, 3)
