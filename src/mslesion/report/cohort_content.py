"""What the report over many scans says, in which order: from the rows of ``cohort.tsv``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from mslesion.cohort.outliers import (
    LEAST_SCANS,
    MEASURES,
    Apart,
    Fences,
    Measure,
    fences,
    known_values,
    outliers,
)
from mslesion.report.detection_wording import MM3, SPACE, limits, millilitres, reach, volume
from mslesion.report.document import (
    Block,
    Callout,
    Caption,
    Cell,
    Column,
    Document,
    Figure,
    Listing,
    Row,
    RowGroup,
    Section,
    Table,
    Text,
    Tile,
    Tiles,
)
from mslesion.report.drawings import DistributionDrawing, Strip
from mslesion.report.wording import NOTHING, TO
from mslesion.told import counted, is_or_are, probability


@dataclass(frozen=True)
class ScanRow:
    """One row of ``cohort.tsv``, with what the page says beyond it.

    ``report`` is the scan's own page, relative to this one, and ``remedy`` what to do about a scan
    that was set aside; each is empty where it does not apply.
    """

    report: str
    remedy: str
    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What the scan is called."""
        return str(self.values["scan"])

    @property
    def is_done(self) -> bool:
        """Whether there is a result of it."""
        return bool(self.values["status"] == "done")

    @property
    def cell(self) -> Cell:
        """The name, which leads to the scan's own page."""
        return Cell(self.name, file=self.report)


@dataclass(frozen=True)
class _Spoken:
    """How a measure is spoken of."""

    title: str
    short: str
    value: Callable[[float], str]


def _count(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def _ml(value: float) -> str:
    return f"{millilitres(value)}{SPACE}ml"


def _share(value: float) -> str:
    return f"{value:.3f}"


_SPOKEN = {
    "lesion_count": _Spoken("lesions in a scan", "lesion count", _count),
    "lesion_volume_ml": _Spoken("lesion volume, ml", "lesion volume", _ml),
    "noise_share": _Spoken("noise, as a share of the tissue's signal", "noise", _share),
    "bias_ratio": _Spoken("brightest over darkest tissue", "bias ratio", _share),
    "ghost_share": _Spoken("ghosts beside the head, as a share of tissue", "ghosts", _share),
}

_RULE = (
    "A scan is called an outlier in a measure if it lies beyond Tukey's fences: more than 1.5 "
    "times the distance between the quartiles above the upper one, or below the lower one. Lesion "
    "counts and volumes are looked at on both sides; of noise, bias and ghosts only high values "
    "are bad. All are compared on a logarithmic scale, as such values are skewed. With fewer than "
    f"{LEAST_SCANS} scans nobody can tell, and none is called so. An outlier is a scan to look at, "
    "not a scan to leave out."
)

_CAPTION = Caption(
    "Each dot is a scan. The box holds the middle half of them, the line in it is the median, and "
    "the dashed lines are the fences; scans beyond them are red and named where there is room. "
    f"With fewer than {LEAST_SCANS} scans there is neither box nor fence.",
    "One group of dots within the fences.",
    "Red dots, or two groups where the cohort should be one: other scanners, other protocols, or "
    "scans in which lesions were missed or made up.",
    "Open the reports of the red scans and look at every outline. Of two groups, see whether site "
    "or protocol divides them before comparing anything.",
)


def build_cohort_document(
    scans: Sequence[ScanRow], cohort_name: str, summaries: Sequence[Mapping[str, Any]]
) -> Document:
    """The whole report as a value; ``summaries`` are those of the scans that were done."""
    rows = [scan.values for scan in scans]
    apart = dict(zip((scan.name for scan in scans), outliers(rows), strict=True))
    done = [scan for scan in scans if scan.is_done]
    people = len({scan.values["participant_id"] for scan in scans})
    return Document(
        title=f"Lesions in {cohort_name}",
        subtitle=f"What mslesion found in {counted(len(done), 'FLAIR scan')}, of "
        f"{counted(len(scans), 'scan')} of {counted(people, 'participant')}",
        lead=_lead(scans, apart),
        sections=(
            Section("look", "Scans to look at", _to_look_at(scans, apart)),
            Section("spread", "How the scans are spread", _spread(done, apart)),
            Section("scans", "Every scan", (_table_of_scans(scans, apart),)),
            Section(
                "run",
                "How it was made, and its limits",
                (
                    _origin(summaries),
                    Listing(limits(is_calibrated=summaries[0]["is_calibrated"])),
                ),
            ),
        ),
    )


def _lead(scans: Sequence[ScanRow], apart: Mapping[str, tuple[Apart, ...]]) -> tuple[Block, ...]:
    done = [scan for scan in scans if scan.is_done]
    refused = len(scans) - len(done)
    counts = [scan.values["lesion_count"] for scan in done]
    volumes = [scan.values["lesion_volume_ml"] for scan in done]
    doubted = sum(bool(scan.values["warnings"]) for scan in done)
    outlying = sum(bool(found) for found in apart.values())
    to_look_at = sum(bool(scan.values["warnings"]) or bool(apart[scan.name]) for scan in done)
    without = sum(count == 0 for count in counts)
    are = "is" if refused == 1 else "are"
    return (
        Text(
            f"In {counted(len(done), 'scan')} there {is_or_are(sum(counts))} "
            f"{counted(sum(counts), 'lesion')}, "
            f"{_ml(sum(volumes))} in all; "
            f"{_without(without)}"
        ),
        *(
            [
                Callout(
                    "warning",
                    f"{counted(refused, 'scan')} {are} set aside or without a result, and "
                    "missing in every figure below.",
                )
            ]
            if refused
            else []
        ),
        Tiles(
            "At a glance",
            (
                Tile("ours", "lesions in a scan", _half(counts, _count), _range(counts, _count)),
                Tile("ours", "lesion volume", _half(volumes, _ml), _range(volumes, _ml)),
                Tile(
                    "doubt" if refused else "ours",
                    "without a result",
                    str(refused),
                    f"of {counted(len(scans), 'scan')}",
                ),
                Tile(
                    "doubt" if doubted or outlying else "ours",
                    "to look at",
                    str(to_look_at),
                    f"{doubted} with a warning, "
                    + (
                        counted(outlying, "outlier")
                        if len(done) >= LEAST_SCANS
                        else f"fewer than {LEAST_SCANS} scans for outliers"
                    ),
                ),
            ),
        ),
        Callout(
            "research",
            "Research use only. This is no medical device, and nothing here is a diagnosis.",
        ),
    )


def _without(count: int) -> str:
    """How many scans are without lesions, as the end of a sentence."""
    if count == 0:
        return "every scan has some."
    return f"{count} of the scans {'has' if count == 1 else 'have'} none."


def _half(values: Sequence[float], said: Callable[[float], str]) -> str:
    return said(median(values))


def _range(values: Sequence[float], said: Callable[[float], str]) -> str:
    return f"median; from {said(min(values))}{TO}{said(max(values))}"


def _to_look_at(
    scans: Sequence[ScanRow], apart: Mapping[str, tuple[Apart, ...]]
) -> tuple[Block, ...]:
    refused = tuple(
        Row((Cell(scan.name), Cell(str(scan.values["reason"]), f"To do: {scan.remedy}")))
        for scan in scans
        if not scan.is_done
    )
    outlying = tuple(
        Row((scan.cell, Cell("; ".join(map(_lies_apart, apart[scan.name])))))
        for scan in scans
        if apart[scan.name]
    )
    doubted = tuple(
        Row((scan.cell, Cell(str(scan.values["warnings"]))))
        for scan in scans
        if scan.values.get("warnings")
    )
    groups = (
        ("Without a result", refused),
        ("Outliers", outlying),
        ("In doubt: what the detector warns of", doubted),
    )
    shown = tuple(RowGroup(f"{title} ({len(rows)})", rows) for title, rows in groups if rows)
    if not shown:
        return (
            Text("No scan was refused, is in doubt, or lies apart from the others."),
            Text(_RULE),
        )
    return (
        Table("Scans to look at, and why", (Column("scan"), Column("why")), shown),
        Text(_RULE),
    )


def _lies_apart(one: Apart) -> str:
    spoken = _SPOKEN[one.measure]
    beyond = "above" if one.side == "high" else "below"
    return (
        f"{spoken.short} {one.side}: {spoken.value(one.value)}, {beyond} the fence at "
        f"{spoken.value(one.fence)}"
    )


def _spread(done: Sequence[ScanRow], apart: Mapping[str, tuple[Apart, ...]]) -> tuple[Block, ...]:
    rows = [scan.values for scan in done]
    strips = tuple(
        Strip(
            _SPOKEN[measure.column].title,
            measure,
            tuple(
                (scan.name, float(scan.values[measure.column]))
                for scan in done
                if scan.values.get(measure.column) is not None
            ),
            fences(known_values(rows, measure), measure),
            frozenset(
                name
                for name, found in apart.items()
                if any(one.measure == measure.column for one in found)
            ),
        )
        for measure in MEASURES
        if known_values(rows, measure).size
    )
    titles = ", ".join(_SPOKEN[strip.measure.column].short for strip in strips)
    return (
        Figure(
            "distributions",
            "Every scan, in each measure",
            f"Strips of dots over {counted(len(done), 'scan')}: {titles}; the table below has "
            "their quartiles and fences",
            _CAPTION,
            DistributionDrawing(strips),
        ),
        Table(
            "Quartiles and fences",
            (
                Column("measure"),
                Column("scans", is_number=True),
                Column("lowest", is_number=True),
                Column("lower quartile", is_number=True),
                Column("median", is_number=True),
                Column("upper quartile", is_number=True),
                Column("highest", is_number=True),
                Column("fences", "low, high", is_number=True),
            ),
            (RowGroup("", tuple(_spread_row(strip) for strip in strips)),),
            (f"{NOTHING}: not asked, of fewer than {LEAST_SCANS} scans, or where low is good.",),
        ),
    )


def _spread_row(strip: Strip) -> Row:
    spoken = _SPOKEN[strip.measure.column]
    values = [value for _, value in strip.scans]
    middle: Sequence[str] = [NOTHING, spoken.value(median(values)), NOTHING]
    if strip.fences is not None:
        middle = [spoken.value(value) for value in strip.fences.quartiles]
    cells = (
        spoken.short,
        str(len(values)),
        spoken.value(min(values)),
        *middle,
        spoken.value(max(values)),
        _fence_cell(strip.measure, strip.fences, spoken),
    )
    return Row(tuple(Cell(cell) for cell in cells))


def _fence_cell(measure: Measure, limits: Fences | None, spoken: _Spoken) -> str:
    if limits is None:
        return NOTHING
    low = spoken.value(limits.low) if measure.low_matters else NOTHING
    return f"{low}, {spoken.value(limits.high)}"


def _table_of_scans(scans: Sequence[ScanRow], apart: Mapping[str, tuple[Apart, ...]]) -> Table:
    return Table(
        "All scans, in the order of the dataset",
        (
            Column("scan"),
            Column("lesions", is_number=True),
            Column("volume", "ml", is_number=True),
            Column("largest", "mm\N{SUPERSCRIPT THREE}", is_number=True),
            Column("probability of MS", is_number=True),
            Column("remarks"),
        ),
        (RowGroup("", tuple(_scan_row(scan, apart[scan.name]) for scan in scans)),),
        ("The same and more, for other programs, is in cohort.tsv; every lesion in lesions.tsv.",),
    )


def _scan_row(scan: ScanRow, apart: Sequence[Apart]) -> Row:
    values = scan.values
    if not scan.is_done:
        return Row(
            (scan.cell, *[Cell(NOTHING)] * 4, Cell("without a result")),
            is_marked=True,
        )
    largest = values["largest_lesion_mm3"]
    ms_probability = values["ms_probability"]
    remarks = [f"{_SPOKEN[one.measure].short} {one.side}" for one in apart]
    remarks += ["in doubt"] if values["warnings"] else []
    return Row(
        (
            scan.cell,
            Cell(_count(values["lesion_count"])),
            Cell(millilitres(values["lesion_volume_ml"])),
            Cell(NOTHING if largest is None else volume(float(largest))),
            Cell("abstained" if ms_probability is None else probability(ms_probability)),
            Cell("; ".join(remarks)),
        ),
        is_marked=bool(apart),
    )


def _origin(summaries: Sequence[Mapping[str, Any]]) -> Table:
    summary = summaries[0]
    versions = ", ".join(sorted({str(one["version"]) for one in summaries}))
    rows = (
        ("detector", str(summary["model"])),
        ("SHA-256 of its weights", str(summary["weights_sha256"])),
        (
            "lesions reach as far as",
            reach(summary["threshold"], is_calibrated=summary["is_calibrated"]),
        ),
        ("and are counted if it is", f"somewhere above {summary['min_peak']:g}"),
        ("least lesion", f"{summary['min_lesion_mm3']:g}{MM3}"),
        ("software", f"mslesion {versions}"),
    )
    return Table(
        "Where this comes from",
        (Column("what"), Column("value")),
        (RowGroup("", tuple(Row((Cell(what), Cell(value))) for what, value in rows)),),
        ("All scans were looked at by this detector, or they would not stand in one table.",),
    )
