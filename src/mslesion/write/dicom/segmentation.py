"""Lesions as DICOM segmentations: the mask, and the probability in steps of 1/255 (PS3.3, A.51).

Every slice has its frame, empty ones too: readers that are not told of empty frames lose the grid.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion import __version__
from mslesion.detection import Detection, probability_explained
from mslesion.write.dicom.identity import Uids, settle
from mslesion.write.dicom.source import SourceImages

MANUFACTURER = "mslesion"
SERIES_NUMBER = 9001
"""Beyond what scanners count to."""


def algorithm_name(detection: Detection) -> str:
    """What the objects call the detector, in the 64 characters that a name may have."""
    return f"{MANUFACTURER} {detection.detector.name}"[:64]


def mask_object(detection: Detection, source: SourceImages, uids: Uids) -> Any:
    """The mask as a binary segmentation."""
    return _segmentation(
        detection, source, uids, "mask", detection.mask.astype(np.uint8),
        instance_number=1, segmentation_type="BINARY", content_label="LESIONS",
        content_description="Lesions",
    )  # fmt: skip


def probability_object(detection: Detection, source: SourceImages, uids: Uids) -> Any:
    """The calibrated probability as a fractional segmentation, 255 for 1."""
    return _segmentation(
        detection, source, uids, "probability", detection.probability,
        instance_number=2, segmentation_type="FRACTIONAL", fractional_type="PROBABILITY",
        max_fractional_value=255, content_label="PROBABILITY",
        content_description=probability_explained(detection.detector),
    )  # fmt: skip


def _segmentation(
    detection: Detection,
    source: SourceImages,
    uids: Uids,
    what: str,
    volume: NDArray[Any],
    **options: Any,
) -> Any:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription
    from pydicom.sr.coding import Code

    segment = SegmentDescription(
        segment_number=1,
        segment_label="Lesions",
        segmented_property_category=Code("49755003", "SCT", "Morphologically Abnormal Structure"),
        segmented_property_type=Code("110702", "DCM", "White Matter T2 Hyperintensity"),
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=AlgorithmIdentificationSequence(
            name=algorithm_name(detection),
            family=Code("123110", "DCM", "Artificial Intelligence"),
            version=__version__,
        ),
        tracking_uid=uids.of("lesions"),
        tracking_id="lesions",
        anatomic_regions=[Code("12738006", "SCT", "Brain")],
    )
    data = Segmentation(
        source_images=list(source.data_sets),
        pixel_array=_in_frame_order(detection, volume, source),
        segment_descriptions=[segment],
        series_instance_uid=uids.of("segmentation series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uids.of(what),
        manufacturer=MANUFACTURER,
        manufacturer_model_name=detection.detector.name[:64],
        software_versions=__version__,
        device_serial_number=detection.detector.weights_sha256,
        omit_empty_frames=False,
        series_description="Lesions (mslesion, research use only)",
        **options,
    )
    settle(data, uids, what, source.data_sets)
    return data


def _in_frame_order(
    detection: Detection, volume: NDArray[Any], source: SourceImages
) -> NDArray[Any]:
    """A volume (X, Y, Z) of the detection as frames (frames, rows, columns) of the source."""
    slices = detection.scan.to_stored_order(volume).transpose(2, 1, 0)
    frames = np.empty_like(slices)
    frames[list(source.order)] = slices
    return np.ascontiguousarray(frames)
