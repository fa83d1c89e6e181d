"""One head under two names: the same voxels, or the same head in another picture."""

from __future__ import annotations

from mslesion.audit.finding import Finding, failed, not_applicable, passed
from mslesion.audit.likeness import SAME_HEAD, Likeness
from mslesion.audit.material import Material, named

_SUSPECT = 0.72
_MOST_SCANS = 400
"""Pairs grow with the square: these take minutes."""


def exact(material: Material) -> Finding:
    """No two people have the same voxels, whatever their files are."""
    check = "exact duplicates"
    holders: dict[str, list[str]] = {}
    for scan in material.survey.scans:
        people = holders.setdefault(scan.voxels_sha256, [])
        if scan.person_id not in people:
            people.append(scan.person_id)
    shared = [people for people in holders.values() if len(people) > 1]
    if not shared:
        return passed(check, f"{len(holders)} scans, no two with the same voxels")
    told = [f"{' = '.join(people)} ({material.sides(*people[:2])})" for people in shared]
    return failed(
        check,
        f"{_counted(len(shared), 'scan stands', 'scans stand')} under more than one name: "
        f"{named(told)}",
        "keep one of each, and draw the split again",
        pairs=shared,
    )


def near(material: Material) -> Finding:
    """No two people are one head: with noise, resampled, mirrored, at another visit."""
    check = "near-duplicates"
    scans = material.survey.scans
    if not material.cohort.has_patient_names:
        return not_applicable(check, "each slice stands as a person of its own")
    if len(scans) < 2:
        return not_applicable(check, "there is one scan alone")
    if len(scans) > _MOST_SCANS:
        return not_applicable(check, f"more than {_MOST_SCANS} scans; audit the cohort in parts")
    pairs = material.likenesses
    same = [pair for pair in pairs if pair.value >= SAME_HEAD]
    shown = {"most_alike": [_as_json(material, pair) for pair in pairs[:10]], "limit": SAME_HEAD}
    if same:
        return failed(
            check,
            f"{_counted(len(same), 'pair', 'pairs')} of people, each probably one "
            "person under two names: "
            f"{named(_told(material, pair) for pair in same)}",
            "look at both scans; where they are one person, name one of them in the column "
            "same_person_as of the other in participants.tsv, and draw the split again",
            **shown,
        )
    if not pairs:
        return not_applicable(check, "there is one person alone")
    look = "; look at these two" if pairs[0].value >= _SUSPECT else ""
    return passed(
        check,
        f"of {len(pairs)} pairs the most alike is {_told(material, pairs[0])}, limit "
        f"{SAME_HEAD}{look}",
        **shown,
    )


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _told(material: Material, pair: Likeness) -> str:
    first, second = (material.survey.scans[place] for place in (pair.first, pair.second))
    mirrored = " mirrored" if pair.is_mirrored else ""
    return (
        f"{first.name} and {second.name}{mirrored} (likeness {pair.value:.2f}, "
        f"{material.sides(first.person_id, second.person_id)})"
    )


def _as_json(material: Material, pair: Likeness) -> dict[str, object]:
    first, second = (material.survey.scans[place].name for place in (pair.first, pair.second))
    return {
        "scans": [first, second],
        "likeness": round(pair.value, 4),
        "mirrored": pair.is_mirrored,
    }
