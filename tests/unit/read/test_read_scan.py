"""What reading mends, and what it says about it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mslesion.errors import MaskError
from mslesion.read.nifti import read_lesion_mask, read_mask, read_scan
from mslesion.scan import Scan
from mslesion.write.nifti import write_nifti

AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])
SHAPE = (6, 7, 8)


def _voxels() -> NDArray[np.float32]:
    """Tissue, and a little air."""
    voxels = np.random.default_rng(1).normal(100, 20, SHAPE).astype(np.float32)
    voxels[-1, -1, -4:] = 0
    return voxels


def _read(tmp_path: Path, data: bytes) -> Scan:
    path = tmp_path / "scan.nii"
    path.write_bytes(data)
    return read_scan(path)


def _image_bytes(voxels: NDArray[np.generic], **fields: object) -> bytes:
    image = nib.Nifti1Image(voxels, AFFINE)
    image.set_qform(AFFINE, 1)
    image.set_sform(AFFINE, 1)
    data = bytearray(image.to_bytes())
    header = nib.Nifti1Header(bytes(data[:348]), check=False)
    for name, value in fields.items():
        header[name] = value
    data[:348] = header.binaryblock
    return bytes(data)


def test_nan_and_infinite_voxels_become_zero(tmp_path: Path) -> None:
    """Voxels without a number become 0, their count is noted, and the others stay."""
    voxels = _voxels()
    voxels[0, 0, :3] = np.nan, np.inf, -np.inf
    scan = _read(tmp_path, _image_bytes(voxels))
    assert scan.history == ("3 NaN or infinite voxels set to 0",)
    np.testing.assert_array_equal(scan.voxels[0, 0, :3], 0)
    np.testing.assert_array_equal(scan.voxels[0, 0, 3:], voxels[0, 0, 3:])


def test_values_beyond_float32_are_counted(tmp_path: Path) -> None:
    """A float64 value that float32 cannot hold is set to 0 like an infinite one."""
    voxels = _voxels().astype(np.float64)
    voxels[1, 1, 1] = 1e300
    scan = _read(tmp_path, _image_bytes(voxels))
    assert scan.history == ("1 NaN or infinite voxels set to 0",)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_every_real_type_gives_the_same_scan(dtype: str, tmp_path: Path) -> None:
    """Whole numbers read the same from every type that can hold them."""
    voxels = np.random.default_rng(2).integers(0, 100, SHAPE)
    image = nib.Nifti1Image(voxels.astype(dtype), AFFINE, dtype=dtype)
    scan = _read(tmp_path, image.to_bytes())
    np.testing.assert_array_equal(scan.voxels, voxels)


@pytest.mark.parametrize(
    ("slope", "intercept", "expected", "warning"),
    [
        (2.0, -3.0, lambda v: 2.0 * v - 3.0, ""),
        (0.0, 5.0, lambda v: v, ""),
        (np.nan, 5.0, lambda v: v, ""),
        (np.inf, 5.0, lambda v: v, "scaling of inf and 5 in the header ignored"),
        (
            -1.0,
            100.0,
            lambda v: 100 - v,
            "negative scaling in the header: the highest stored value is the darkest",
        ),
    ],
)
def test_scaling(
    slope: float,
    intercept: float,
    expected: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    warning: str,
    tmp_path: Path,
) -> None:
    """The header's slope and intercept are applied; a slope of 0 or NaN means none."""
    voxels = np.random.default_rng(2).integers(0, 100, SHAPE).astype(np.int16)
    scan = _read(tmp_path, _image_bytes(voxels, scl_slope=slope, scl_inter=intercept))
    np.testing.assert_array_equal(scan.voxels, expected(voxels.astype(np.float32)))
    assert "; ".join(scan.warnings) == warning


def test_scaling_is_done_in_float64(tmp_path: Path) -> None:
    """A large intercept does not swallow the small differences that a slope makes."""
    voxels = np.arange(336, dtype=np.int32).reshape(SHAPE) + 2**30
    scan = _read(tmp_path, _image_bytes(voxels, scl_slope=0.5, scl_inter=-(2.0**29)))
    np.testing.assert_array_equal(scan.voxels, np.arange(336).reshape(SHAPE) / 2)


@pytest.mark.parametrize("factor", [1e-30, 1e30, -1e30, 1e300])
def test_values_of_any_size_give_the_same_image(factor: float, tmp_path: Path) -> None:
    """Values far from 1 are taken times a power of two: contrast stays, and sums do not overflow.

    Where all are negative, they are raised first, the lowest to 0.
    """
    voxels = np.abs(_voxels().astype(np.float64))
    scan = _read(tmp_path, _image_bytes(factor * voxels, datatype=64, bitpix=64))
    expected = voxels if factor > 0 else voxels.max() - voxels
    ratio = scan.voxels.max() / expected.max()
    np.testing.assert_allclose(scan.voxels, ratio * expected, rtol=1e-5, atol=1e-5 * ratio)
    assert 2.0**-10 < scan.voxels.max() < 2.0**10
    assert "times 2 to the power of" in scan.history[-1]


def test_around_a_brain_nan_is_background_as_zeros_are(tmp_path: Path) -> None:
    """A z-scored brain in NaN gives the image of the same brain in zeros."""
    rng = np.random.default_rng(1)
    brain = rng.normal(size=(12, 12, 12))
    brain[:, :, 4:] = 0
    without = np.where(brain == 0, np.nan, brain)
    zeros, unknown = (
        _read(tmp_path, _image_bytes(voxels, datatype=64, bitpix=64)) for voxels in (brain, without)
    )
    np.testing.assert_array_equal(zeros.voxels, unknown.voxels)


def test_one_volume_of_four_axes_is_taken(tmp_path: Path) -> None:
    """A fourth axis of length 1 is dropped, and noted."""
    scan = _read(tmp_path, _image_bytes(_voxels()[..., None]))
    np.testing.assert_array_equal(scan.voxels, _voxels())
    assert scan.history == ("stored as 6 x 7 x 8 x 1: one volume",)


def test_without_orientation_there_is_a_warning(tmp_path: Path) -> None:
    """A header that says nothing of sides gives a scan with a warning about left and right."""
    scan = _read(tmp_path, _image_bytes(_voxels(), sform_code=0, qform_code=0))
    assert scan.history == ()
    assert "left and right are not known" in scan.warnings[0]
    np.testing.assert_allclose(scan.spacing_mm, (1, 1, 3))


def test_the_sform_comes_before_the_qform(tmp_path: Path) -> None:
    """Where both are given and differ, the sform is taken and the distance is told."""
    image = nib.Nifti1Image(_voxels(), AFFINE)
    shifted = AFFINE.copy()
    shifted[0, 3] = 12.0
    image.set_qform(AFFINE, 1)
    image.set_sform(shifted, 1)
    scan = _read(tmp_path, image.to_bytes())
    assert scan.grid.affine_vox_to_ras[0, 3] == 12.0
    assert scan.warnings == (
        "sform and qform disagree by 0.0 degrees and up to 12.0 mm: the sform is taken",
    )


def test_voxel_sizes_of_sform_and_qform_that_differ_are_told(tmp_path: Path) -> None:
    """Axes that point the same way but with other steps lie apart most at the far corner."""
    image = nib.Nifti1Image(_voxels(), AFFINE)
    image.set_qform(np.diag([1.0, 1.0, 4.0, 1.0]), 1)
    image.set_sform(AFFINE, 1)
    (warning,) = _read(tmp_path, image.to_bytes()).warnings
    assert "by 0.0 degrees and up to 7.0 mm" in warning  # 7 steps of 1 mm


def test_an_unusable_sform_gives_way_to_the_qform(tmp_path: Path) -> None:
    """A singular sform is mended from a good qform."""
    scan = _read(tmp_path, _image_bytes(_voxels(), srow_x=0))
    np.testing.assert_allclose(scan.grid.affine_vox_to_ras, AFFINE)
    assert scan.history == ("the sform is unusable: the qform is taken",)


def test_an_unusable_qform_does_not_matter(tmp_path: Path) -> None:
    """A quaternion that is none is passed over where the sform is good, and noted."""
    scan = _read(tmp_path, _image_bytes(_voxels(), quatern_b=3.0))
    np.testing.assert_allclose(scan.grid.affine_vox_to_ras, AFFINE)
    assert scan.history == ("the qform is unusable: the sform is taken",)
    assert scan.warnings == ()


@pytest.mark.parametrize("pixdim", [0.0, -1.0])
def test_voxel_sizes_without_sense_are_told(pixdim: float, tmp_path: Path) -> None:
    """A voxel size that is zero or negative does no harm beside a good sform."""
    data = bytearray(_image_bytes(_voxels()))
    struct.pack_into("<f", data, 80, pixdim)
    scan = _read(tmp_path, bytes(data))
    np.testing.assert_allclose(scan.grid.affine_vox_to_ras, AFFINE)
    assert "zero or negative" in scan.warnings[0]


@pytest.mark.parametrize(("unit_code", "factor", "longest_mm"), [(1, 1e-3, 240.0), (3, 1e3, 240.0)])
def test_metres_and_microns_become_millimetres(
    unit_code: int, factor: float, longest_mm: float, tmp_path: Path
) -> None:
    """A header in metres or microns is believed where that makes the size of a head."""
    affine = np.diag([30.0, 30.0, 30.0, 1 / factor]) * factor
    image = nib.Nifti1Image(_voxels(), affine)
    image.header["xyzt_units"] = unit_code
    scan = _read(tmp_path, image.to_bytes())
    assert max(np.multiply(scan.spacing_mm, SHAPE)) == pytest.approx(longest_mm)
    assert "taken to millimetres" in scan.history[0]


def test_metres_are_not_believed_of_a_house(tmp_path: Path) -> None:
    """A unit that would make the image the size of a house is passed over, and noted."""
    scan = _read(tmp_path, _image_bytes(_voxels(), xyzt_units=1))
    assert scan.spacing_mm == (1, 1, 3)
    assert "not believed" in scan.warnings[0]


def test_a_picture_lies_as_radiologists_look_at_it(tmp_path: Path) -> None:
    """The top of a PNG slice is anterior, and its left is the patient's right."""
    pixels = np.zeros((4, 5), dtype=np.uint8)
    pixels[0, 1] = 200  # top, left of the middle
    pixels[3, 4] = 100  # bottom right
    Image.fromarray(pixels).save(tmp_path / "slice.png")
    scan = read_scan(tmp_path / "slice.png")
    assert scan.voxels.shape == (5, 4, 1)
    assert scan.grid.axis_codes == "RAS"
    assert scan.voxels[3, 3, 0] == 200  # far in +x (right) and +y (anterior)
    assert scan.voxels[0, 0, 0] == 100
    assert scan.warnings[0] == "spacing unknown: 1 mm is taken"
    np.testing.assert_array_equal(scan.to_stored_order(scan.voxels)[:, :, 0].T, pixels)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_pictures_of_every_mode_become_grey(mode: str, tmp_path: Path) -> None:
    """Black and white stay 0 and the mode's white, in every mode that PNG knows."""
    wide = mode == "I;16"
    pixels = np.array([[0, 65535 if wide else 255]] * 3, dtype=np.uint16 if wide else np.uint8)
    picture = Image.fromarray(pixels)
    (picture if wide else picture.convert(mode)).save(tmp_path / "slice.png")
    scan = read_scan(tmp_path / "slice.png")
    np.testing.assert_array_equal(scan.to_stored_order(scan.voxels)[:, 0, 0], pixels[0])


def _scan_and_mask(
    tmp_path: Path, mask: NDArray[np.generic], affine: NDArray[np.float64] = AFFINE
) -> tuple[Scan, Path]:
    write_nifti(tmp_path / "scan.nii.gz", _voxels(), AFFINE)
    write_nifti(tmp_path / "mask.nii.gz", mask, affine)
    return read_scan(tmp_path / "scan.nii.gz"), tmp_path / "mask.nii.gz"


@pytest.mark.parametrize("mark", [1, 255])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_masks_mark_lesions_with_1_or_255(mark: int, dtype: type, tmp_path: Path) -> None:
    """Either way to mark a lesion gives the same mask."""
    values = np.zeros(SHAPE, dtype=dtype)
    values[1, 2, 3] = mark
    scan, path = _scan_and_mask(tmp_path, values)
    assert np.argwhere(read_lesion_mask(path, scan)[0]).tolist() == [[1, 2, 3]]


def test_a_mask_without_lesion_is_empty(tmp_path: Path) -> None:
    """A mask of zeros is a mask, of somebody without lesions."""
    scan, path = _scan_and_mask(tmp_path, np.zeros(SHAPE, dtype=np.uint8))
    mask, _ = read_lesion_mask(path, scan)
    assert mask.shape == SHAPE
    assert not mask.any()


def test_a_mask_stored_in_another_order_fits(tmp_path: Path) -> None:
    """A mask whose file runs to the left while its scan's runs to the right is put right."""
    values = np.zeros(SHAPE, dtype=np.uint8)
    values[1, 2, 3] = 1
    flipped = np.diag([-1.0, 1.0, 3.0, 1.0])
    flipped[0, 3] = SHAPE[0] - 1
    scan, path = _scan_and_mask(tmp_path, values[::-1], flipped)
    assert np.argwhere(read_lesion_mask(path, scan)[0]).tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("marks", "shown"),
    [
        ([0.5, 1.0], "0, 0.5, 1,"),
        ([1.0, 2.0], "0, 1, 2,"),
        ([1.0, 255.0], "0, 1, 255,"),
        ([3.0, 3.0], "0, 3,"),
        ([np.nan, 1.0], "0, 1, nan,"),
        ([1, 2, 3, 4, 5], "0, 1, 2, 3, 4, ...,"),
    ],
)
def test_masks_of_other_values_are_refused(marks: list[float], shown: str, tmp_path: Path) -> None:
    """Values that leave open what is lesion are refused and named."""
    values = np.zeros(SHAPE, dtype=np.float32)
    values[0, 0, : len(marks)] = marks
    scan, path = _scan_and_mask(tmp_path, values)
    with pytest.raises(MaskError) as caught:
        read_lesion_mask(path, scan)
    assert f"holds the values {shown} so what is lesion" in str(caught.value)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.uint16])
@pytest.mark.parametrize("mark", [1.0, 255.0])
def test_a_mask_that_its_header_scales_is_a_mask_still(
    dtype: type, mark: float, tmp_path: Path
) -> None:
    """A float mask saved with a scan's whole numbers: 1 comes back as 0.99999, 0 as a speck."""
    values = np.zeros((6, 7, 8), np.float32)
    values[2:4, 2:4, 2:4] = mark
    image = nib.Nifti1Image(values, np.eye(4))
    image.set_data_dtype(dtype)
    nib.save(image, tmp_path / "scaled.nii.gz")
    assert read_mask(tmp_path / "scaled.nii.gz").voxels.sum() == 8
    image = nib.Nifti1Image(values * 0.5, np.eye(4))
    nib.save(image, tmp_path / "halves.nii.gz")
    if mark == 1:
        with pytest.raises(MaskError, match=r"0, 0\.5"):
            read_mask(tmp_path / "halves.nii.gz")


def test_a_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    """A mask on another grid is refused with the shape and spacing of both."""
    scan, path = _scan_and_mask(tmp_path, np.zeros((6, 7, 9), dtype=np.uint8))
    with pytest.raises(MaskError) as caught:
        read_lesion_mask(path, scan)
    assert "(6x7x9 voxels of 1x1x3 mm)" in str(caught.value)
    assert "(6x7x8 voxels of 1x1x3 mm)" in str(caught.value)


def test_a_mask_in_another_place_is_refused(tmp_path: Path) -> None:
    """A mask of the same shape that lies 2 mm beside its scan is refused."""
    shifted = AFFINE.copy()
    shifted[1, 3] = 2.0
    scan, path = _scan_and_mask(tmp_path, np.zeros(SHAPE, dtype=np.uint8), shifted)
    with pytest.raises(MaskError, match="in another place"):
        read_lesion_mask(path, scan)


def test_an_mgh_file_without_geometry_says_so(tmp_path: Path) -> None:
    """Its flag is not set: FreeSurfer's own axes and 1 mm are taken, with a warning for each."""
    data = bytearray(nib.MGHImage(np.zeros(SHAPE, np.int16) + 1, np.diag([2, 2, 2, 1])).to_bytes())
    data[284:290] = b"\0\1\0\2\0\3"
    path = tmp_path / "a.mgh"
    path.write_bytes(data)
    assert read_scan(path).sides_known
    data[28:30] = b"\0\0"
    path.write_bytes(data)
    scan = read_scan(path)
    assert not scan.sides_known
    assert scan.spacing_mm == (1, 1, 1)
    assert [warning.split(":")[0] for warning in scan.warnings] == [
        "no orientation in the header",
        "no voxel sizes in the header",
    ]
