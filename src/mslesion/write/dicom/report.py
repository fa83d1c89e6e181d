"""Number and volumes of lesions as a structured report, after TID 1500 (PS3.16)."""

from __future__ import annotations

from typing import Any

from mslesion import __version__
from mslesion.detection import Detection
from mslesion.write.dicom.identity import Uids, settle
from mslesion.write.dicom.segmentation import MANUFACTURER, SERIES_NUMBER, algorithm_name
from mslesion.write.dicom.source import SourceImages


def report_object(detection: Detection, source: SourceImages, mask: Any, uids: Uids) -> Any:
    """The report: of all lesions together, on the segments of ``mask``, and of each by itself."""
    from highdicom import sr
    from pydicom.sr.coding import Code

    device = sr.ObserverContext(
        sr.CodedConcept("121007", "DCM", "Device"),
        sr.DeviceObserverIdentifyingAttributes(
            uid=uids.of("device"),
            name=MANUFACTURER,
            manufacturer_name=MANUFACTURER,
            model_name=detection.detector.name[:64],
        ),
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=device),
        procedure_reported=Code("816077007", "SCT", "Magnetic resonance imaging of brain"),
        imaging_measurements=[_all_lesions(detection, source, mask, uids), *_each(detection, uids)],
        title=Code("126000", "DCM", "Imaging Measurement Report"),
    )
    data = sr.ComprehensiveSR(
        evidence=[*source.data_sets, mask],
        content=content,
        series_instance_uid=uids.of("report series"),
        series_number=SERIES_NUMBER + 1,
        sop_instance_uid=uids.of("report"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description="Lesion measurements (mslesion, research use only)",
    )
    settle(data, uids, "report", source.data_sets)
    return data


def _all_lesions(detection: Detection, source: SourceImages, mask: Any, uids: Uids) -> Any:
    from highdicom import sr
    from pydicom.sr.coding import Code

    count = sr.Measurement(
        name=Code("246206008", "SCT", "Number of lesions"),
        value=detection.lesion_count,
        unit=Code("{lesions}", "UCUM", "lesions"),
    )
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=uids.of("lesions"), identifier="lesions"),
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=mask.SOPClassUID,
            sop_instance_uid=mask.SOPInstanceUID,
            segment_number=1,
            source_series=sr.SourceSeriesForSegmentation(source.first.SeriesInstanceUID),
        ),
        finding_type=Code("110702", "DCM", "White Matter T2 Hyperintensity"),
        finding_sites=[sr.FindingSite(anatomic_location=Code("12738006", "SCT", "Brain"))],
        algorithm_id=sr.AlgorithmIdentification(algorithm_name(detection), __version__),
        measurements=[count, _volume(detection.lesion_volume_ml * 1000)],
    )


def _each(detection: Detection, uids: Uids) -> list[Any]:
    from highdicom import sr
    from pydicom.sr.coding import Code

    return [
        sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=sr.TrackingIdentifier(
                uid=uids.of(f"lesion {lesion.lesion_id}"), identifier=f"lesion {lesion.lesion_id}"
            ),
            finding_type=Code("52988006", "SCT", "Lesion"),
            measurements=[_volume(lesion.volume_mm3)],
        )
        for lesion in detection.lesions
    ]


def _volume(volume_mm3: float) -> Any:
    from highdicom import sr
    from pydicom.sr.coding import Code

    return sr.Measurement(
        name=Code("118565006", "SCT", "Volume"),
        value=round(float(volume_mm3), 4),
        unit=Code("mm3", "UCUM", "cubic millimeter"),
    )
