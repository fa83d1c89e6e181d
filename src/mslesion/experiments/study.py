"""The study from its table to its result files: what is there already is not done again.

table ──► plan.json ──► for each experiment: answers, measures ──► NAME.json ──► seeds.tsv
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from mslesion import __version__
from mslesion.detector import load_detector
from mslesion.evaluation.predictions import Question
from mslesion.experiments.answers import answer, draw
from mslesion.experiments.bench import Bench
from mslesion.experiments.experiment import CNN, DETECTOR, Arm, Experiment, Scale, Thickening
from mslesion.experiments.measures import difference_of, found_by_area, measures_of
from mslesion.experiments.table import THIN, experiments, study_cohorts, thin_cohort
from mslesion.experiments.thickness import measure_thicknesses
from mslesion.paper.protocol import rows
from mslesion.read.side_files import read_text
from mslesion.write.atomic import write_json, write_table

RESULTS = Path("results") / "study"
PLAN = "plan.json"
QUOTED = Path("results") / "detector-default.json"
"""The detector's own figures on real scans, which 'make detector' measures."""

Row = Experiment | Thickening


@dataclass(frozen=True)
class StudyOrder:
    """What is asked of the study: its scale, and where things lie.

    ``data`` is the folder of the real datasets; ``detector_results`` what 'make detector' measured;
    either may be None, and what needs it is then left out. ``command`` is what a reader types.
    """

    output: Path
    data: Path | None
    scale: Scale
    detector_results: Path | None = None
    workers: int = 1
    command: str = ""

    @property
    def results(self) -> Path:
        """The folder of the result files."""
        return self.output / RESULTS


def make_bench(order: StudyOrder) -> Bench:
    """The bench of a study; nothing is made yet."""
    cohorts = study_cohorts(order.scale)
    return Bench(cohorts, order.output / "work", order.data, order.workers)


def planned(order: StudyOrder, bench: Bench) -> tuple[Row, ...]:
    """The experiments that the cohorts at hand allow."""
    within = (
        row.within(bench.available) if isinstance(row, Experiment) else row
        for row in experiments(order.scale)
    )
    return tuple(row for row in within if isinstance(row, Thickening) or row.arms)


def run_experiments(order: StudyOrder) -> None:
    """Run what has no result yet; ``plan.json`` says which results the study consists of."""
    bench = make_bench(order)
    listed = planned(order, bench)
    left_out = sorted(set(bench.cohorts) - set(bench.available))
    quoted = order.detector_results is not None
    if order.detector_results is not None:
        target = order.output / QUOTED
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.resolve() != order.detector_results.resolve():
            shutil.copyfile(order.detector_results, target)
    write_json(
        order.results / PLAN,
        {
            "command": order.command,
            "mslesion": __version__,
            "is_rehearsal": order.scale.is_rehearsal,
            "experiments": [row.name for row in listed],
            "quotes_detector_results": quoted,
            "cohorts_left_out": left_out,
            "cohorts": {name: cohort.words for name, cohort in bench.cohorts.items()},
        },
    )
    for row in listed:
        run_experiment(row, order, bench)
        bench.forget_slices()
    write_seeds(order.results, listed)


def run_experiment(row: Row, order: StudyOrder, bench: Bench) -> bool:
    """Write the result of one experiment, where there is none from the same protocol and cohorts.

    Returns whether it was run.
    """
    place = order.results / f"{row.name}.json"
    cohorts = {name: bench.sha256(name) for name in _cohorts(row)}
    key = _key(row, cohorts)
    if place.exists() and json.loads(read_text(place)).get("key") == key:
        return False
    provenance = {"mslesion": __version__, "command": order.command, "cohorts_sha256": cohorts}
    head = {"name": row.name, "question": row.question, "key": key, "provenance": provenance}
    write_json(place, {**head, **_MEASURED[type(row)](row, bench)})
    return True


def _cohorts(row: Row) -> list[str]:
    if isinstance(row, Thickening):
        return [thin_cohort(mm) for mm in row.thicknesses_mm]
    return sorted({name for arm in row.arms for name in arm.cohorts})


def _key(row: Row, cohorts: Mapping[str, str]) -> str:
    """A hash of all that decides a result: protocols, seeds, cohorts, the detector's weights."""
    asks_detector = isinstance(row, Thickening) or any(a.classifier == DETECTOR for a in row.arms)
    detector = asdict(load_detector().identity) if asks_detector else None
    said = [asdict(row), cohorts, detector]
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _measure_arms(row: Experiment, bench: Bench) -> dict[str, Any]:
    answered = answer(row.arms, bench)
    decision = {arm.label: arm.protocol.decision for arm in row.arms}
    return {
        "arms": {
            arm.label: {
                **_describe(arm, bench),
                **measures_of(answered[arm.label], arm.protocol.decision),
                **_by_area(arm, answered[arm.label], bench),
            }
            for arm in row.arms
        },
        "differences": [
            {
                "of": first, "from": second,
                **difference_of(answered[first], answered[second], decision[first]),
            }
            for first, second in row.pairs
        ],
    }  # fmt: skip


def _by_area(arm: Arm, runs: Any, bench: Bench) -> dict[str, Any]:
    if arm.question is not Question.LESION or arm.classifier not in (CNN, DETECTOR):
        return {}
    slices = bench.slices(arm.tested_on or arm.cohort, arm.protocol.slices)
    return {"found_by_lesion_area": found_by_area(runs, slices, arm.protocol.decision)}


def _describe(arm: Arm, bench: Bench) -> dict[str, Any]:
    """Which arm it is, and what of its protocol is not the paper's or our default."""
    changed = {
        f"{choice.part}.{choice.name}": choice.value
        for choice in rows(arm.protocol)
        if choice.reason.startswith("changed from")
    }
    return {
        **{name: value for name, value in asdict(arm).items() if name not in ("label", "protocol")},
        "protocol_sha256": arm.protocol.sha256,
        "changed": changed,
        "split_sha256": [draw(arm, seed, bench)[1].sha256 for seed in arm.seeds],
    }


def _measure_thickening(row: Thickening, bench: Bench) -> dict[str, Any]:
    detector = load_detector()
    thick = {mm: bench.cohort(thin_cohort(mm)) for mm in row.thicknesses_mm}
    return {
        "detector": asdict(detector.identity),
        **measure_thicknesses(bench.cohort(THIN), thick, row.people, detector),
    }


_MEASURED: dict[type[Any], Callable[[Any, Bench], dict[str, Any]]] = {
    Experiment: _measure_arms,
    Thickening: _measure_thickening,
}


def write_seeds(results: Path, listed: tuple[Row, ...]) -> None:
    """``seeds.tsv``: mean, SD and all runs of every arm with several seeds.

    Measures that are undefined under any of them are left out.
    """
    lines = []
    for row in listed:
        if isinstance(row, Thickening):
            continue
        found = json.loads(read_text(results / f"{row.name}.json"))
        for label, arm in found["arms"].items():
            if len(arm["seeds"]) < 2:
                continue
            lines += [
                {
                    "experiment": row.name, "arm": label, "measure": measure,
                    "seeds": len(values), "mean": round(sum(values) / len(values), 5),
                    "sd": round(arm["sd_over_seeds"][measure], 5),
                    "runs": " ".join(f"{value:.5f}" for value in values),
                }
                for measure, values in arm["of_each_seed"].items()
                if None not in values
            ]  # fmt: skip
    columns = ("experiment", "arm", "measure", "seeds", "mean", "sd", "runs")
    write_table(results / "seeds.tsv", lines, columns)
