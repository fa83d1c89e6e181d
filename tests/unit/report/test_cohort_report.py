"""The page over all scans: what it says, what it leads to, and what its figure shows."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from reading import Page

from mslesion.cohort.outliers import MEASURES, fences
from mslesion.report.canvas import BLUE, VERMILION
from mslesion.report.cohort_content import ScanRow, build_cohort_document
from mslesion.report.distributions import draw_distributions
from mslesion.report.document import Document
from mslesion.report.drawings import DistributionDrawing, Strip
from mslesion.report.page import render

SUMMARY = {
    "model": "default", "weights_sha256": "ab" * 32, "threshold": 0.25, "min_peak": 0.5,
    "min_lesion_mm3": 10.0, "is_calibrated": True, "version": "1.2.3",
}  # fmt: skip


def _done(name: str, volume_ml: float, warnings: str | None = None) -> ScanRow:
    values: dict[str, Any] = {
        "scan": name, "participant_id": name[:6], "status": "done",
        "lesion_count": round(volume_ml), "lesion_volume_ml": volume_ml,
        "largest_lesion_mm3": "120.0" if volume_ml else None, "ms_probability": 0.75,
        "warnings": warnings, "noise_share": 0.03, "bias_ratio": 1.1, "ghost_share": None,
    }  # fmt: skip
    return ScanRow(f"{name}/anat/{name}_report.html", "", values)


def _refused(name: str, reason: str) -> ScanRow:
    values = {"scan": name, "participant_id": name, "status": "set aside", "reason": reason}
    return ScanRow("", "give FLAIR", {**dict.fromkeys(_done("x", 1).values), **values})


def _page(scans: list[ScanRow]) -> Page:
    document = build_cohort_document(scans, "Ours", [SUMMARY])
    return Page(render(document, {figure.name: b"png" for figure in document.figures}))


def _strips(document: Document) -> tuple[Strip, ...]:
    (figure,) = document.figures
    assert isinstance(figure.drawing, DistributionDrawing)
    return figure.drawing.strips


MANY = [_done(f"sub-{n:02d}", 10.0 + n / 10) for n in range(9)]


def test_the_page_says_how_many_and_how_much() -> None:
    """Totals and medians of the scans that were done, and how many are missing, by hand."""
    page = _page([_done("sub-01", 1.0), _done("sub-02", 4.0), _refused("sub-03", "CONTRAST: T1w")])
    assert "What mslesion found in 2 FLAIR scans, of 3 scans of 3 participants" in page.text
    assert "In 2 scans there are 5 lesions, 5.00 ml in all; every scan has some." in page.text
    assert "1 scan is set aside or without a result" in page.text
    assert "2.50 ml median; from 1.00 ml to 4.00 ml" in page.text
    assert "fewer than 8 scans for outliers" in page.text
    assert "mslesion 1.2.3" in page.text


def test_the_scans_to_look_at_are_named_with_the_reason() -> None:
    """Refused with what to do, an outlier with its fence, a warning; each in its group."""
    scans = [*MANY, _done("sub-80", 900.0), _done("sub-81", 10.2, "strong noise"),
             _refused("sub-99", "CONTRAST: looks like T1w")]  # fmt: skip
    table = _page(scans).table("Scans to look at")
    assert table.after("Without a result (1)") == [
        [["sub-99"], ["CONTRAST: looks like T1w", "To do: give FLAIR"]]
    ]
    ((name, (why,)),) = table.after("Outliers (1)")
    assert name == ["sub-80"]
    volumes = np.array([scan.values["lesion_volume_ml"] for scan in scans[:-1]])
    limits = fences(volumes, MEASURES[1])
    assert limits is not None
    said = f"lesion volume high: 900.0 ml, above the fence at {limits.high:.1f} ml"
    assert said in why.replace("\u00a0", " ")
    assert table.after("In doubt: what the detector warns of (1)") == [
        [["sub-81"], ["strong noise"]]
    ]


def test_every_scan_has_a_row_that_leads_to_its_own_page() -> None:
    """Count, volume, largest, probability; a scan without result has dashes and no link."""
    page = _page([_done("sub-01", 2.0), _done("sub-02", 0.0), _refused("sub-03", "SCAN: no")])
    rows = {row[0][0]: [cell[0] if cell else "" for cell in row] for row in
            page.table("All scans").rows[1:]}  # fmt: skip
    assert rows["sub-01"] == ["sub-01", "2", "2.00", "120", "0.75", ""]
    assert rows["sub-02"] == ["sub-02", "0", "0", "\N{EN DASH}", "0.75", ""]
    assert rows["sub-03"][1:] == [*["\N{EN DASH}"] * 4, "without a result"]
    links = [address for address in page.addresses if address.endswith("_report.html")]
    assert links == ["sub-01/anat/sub-01_report.html", "sub-02/anat/sub-02_report.html"]


def test_where_nothing_is_wrong_the_page_says_so() -> None:
    """No table of scans to look at, but the rule by which there are none."""
    text = _page(MANY).text
    assert "No scan was refused, is in doubt, or lies apart from the others." in text
    assert "Tukey's fences" in text


def test_names_are_escaped_wherever_they_stand() -> None:
    """Markup in a scan's name is text in cells, and quoted in links."""
    name = '"><script>alert(1)</script>'
    text = render(
        build_cohort_document([_done(name, 1.0), _refused(name, name)], name, [SUMMARY]),
        {"distributions": b"png"},
    )
    assert "<script" not in text
    assert "%22%3E%3Cscript%3E" in text


def _picture(strips: tuple[Strip, ...]) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(draw_distributions(DistributionDrawing(strips))))
                      .convert("RGB")).astype(int)  # fmt: skip


def _near(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(picture - colour).sum(axis=2) < 60


def test_the_figure_shows_each_measure_and_marks_what_lies_apart() -> None:
    """A strip for each known measure; red dots only where a scan lies apart, to the right."""
    document = build_cohort_document([*MANY, _done("sub-80", 900.0)], "Ours", [SUMMARY])
    strips = _strips(document)
    assert [strip.measure.column for strip in strips] == [
        "lesion_count", "lesion_volume_ml", "noise_share", "bias_ratio",
    ]  # fmt: skip
    assert strips[1].apart == {"sub-80"}
    volume, noise = _picture(strips[1:2]), _picture(strips[2:3])
    assert _near(volume, BLUE).any()
    assert not _near(noise, VERMILION).any()
    rows, columns = np.nonzero(_near(volume, VERMILION))
    assert columns.min() > np.nonzero(_near(volume, BLUE))[1].max()
    assert rows.max() < volume.shape[0]


@pytest.mark.parametrize("count", [1, 3, 400])
def test_any_number_of_scans_can_be_drawn(count: int) -> None:
    """One scan, few, all the same, and more than fit on each other."""
    scans = [_done(f"sub-{n:03d}", 0.0 if n % 2 else 3.0) for n in range(count)]
    document = build_cohort_document(scans, "Ours", [SUMMARY])
    assert _picture(_strips(document)).shape[1] == 1400


def test_the_same_scans_give_the_same_picture() -> None:
    """No date and no chance is in it."""
    strips = _strips(build_cohort_document(MANY, "Ours", [SUMMARY]))
    drawing = DistributionDrawing(strips)
    assert draw_distributions(drawing) == draw_distributions(drawing)
