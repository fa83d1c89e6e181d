"""Which files are lesion masks, and which masks of two folders are of one scan."""

from __future__ import annotations

from pathlib import Path

import pytest

from mslesion.cohort.people import Diagnosis
from mslesion.cohort.split import Fold, FrozenSplit, Split
from mslesion.errors import CohortError
from mslesion.evaluation.predictions import SplitUnit
from mslesion.read import read_cohort
from mslesion.read.masks import find_masks, pair_masks
from mslesion.read.reference import read_reference
from mslesion.read.tested_masks import of_tested


def folder_of(root: Path, *names: str) -> Path:
    """Empty files of these names: no test here opens any."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def names_of(folder: Path) -> list[str]:
    """The masks found in a folder, by their ways from it."""
    return [mask.path.relative_to(folder).as_posix() for mask in find_masks(folder)]


@pytest.mark.parametrize(
    ("found", "reference"),
    [
        ("sub-01_label-L_mask.nii.gz", "sub-01_label-lesion_mask.nii.gz"),
        ("sub-01/anat/sub-01_space-MNI_label-L_mask.nii.gz", "sub-01_label-lesion_mask.nii"),
        ("sub-01/ses-2/anat/sub-01_ses-2_FLAIR_seg.nii.gz", "sub-01_ses-2_mask.nii.gz"),
        ("sub-01/segmentation.nii.gz", "sub-01_mask.nii.gz"),
        ("patient07.nii.gz", "patient07_lesions.nii.gz"),
        ("patient07_FLAIR_lst-ai_mask.nii.gz", "patient07_gt.nii.gz"),
        ("P7-flair-seg.nii", "p7_gt.nii.gz"),
        ("patient07/mask.nii.gz", "patient07/consensus.nii.gz"),
    ],
)
def test_masks_of_one_scan_are_known_by_name(found: str, reference: str, tmp_path: Path) -> None:
    """Whatever tools call their masks, what they call the scan is alike."""
    tool, expert = folder_of(tmp_path / "a", found), folder_of(tmp_path / "b", reference)
    ((first, second),) = pair_masks(find_masks(tool), find_masks(expert))
    assert first.path == tool / found
    assert second.path == expert / reference


@pytest.mark.parametrize(
    ("found", "reference"),
    [
        ("sub-01_mask.nii.gz", "sub-02_mask.nii.gz"),
        ("sub-01_ses-1_mask.nii.gz", "sub-01_ses-2_mask.nii.gz"),
        ("sub-01_run-1_mask.nii.gz", "sub-01_run-2_mask.nii.gz"),
        ("patient1_mask.nii.gz", "patient10_mask.nii.gz"),
    ],
)
def test_masks_of_other_scans_are_not_taken_for_one(
    found: str, reference: str, tmp_path: Path
) -> None:
    """Another subject, session, run or number is another scan."""
    tool, expert = folder_of(tmp_path / "a", found), folder_of(tmp_path / "b", reference)
    with pytest.raises(CohortError, match="has no found mask of the same name"):
        pair_masks(find_masks(tool), find_masks(expert))


def test_files_that_share_a_name_are_called_by_their_folders(tmp_path: Path) -> None:
    """Each patient's folder holds a file called lesions."""
    tool = folder_of(tmp_path / "a", "p1/lesions.nii.gz", "p2/lesions.nii.gz")
    expert = folder_of(tmp_path / "b", "p2_gt.nii.gz", "p1_gt.nii.gz")
    pairs = pair_masks(find_masks(tool), find_masks(expert))
    assert [(a.path.parent.name, b.path.name) for a, b in pairs] == [
        ("p1", "p1_gt.nii.gz"),
        ("p2", "p2_gt.nii.gz"),
    ]


def test_the_nearest_name_wins(tmp_path: Path) -> None:
    """A mask with the run in its name is nearer to that run than one without."""
    tool = folder_of(tmp_path / "a", "sub-01_run-1_mask.nii.gz", "sub-01_run-2_mask.nii.gz")
    expert = folder_of(tmp_path / "b", "sub-01_run-2_mask.nii.gz", "sub-01_run-1_mask.nii.gz")
    for found, reference in pair_masks(find_masks(tool), find_masks(expert)):
        assert found.path.name == reference.path.name


def test_images_probabilities_and_other_masks_are_no_lesion_masks(tmp_path: Path) -> None:
    """What lies beside a lesion mask is left alone."""
    folder = folder_of(
        tmp_path, "sub-01_FLAIR.nii.gz", "sub-01_label-L_mask.nii.gz", "notes.txt",
        "sub-01_label-L_probseg.nii.gz", "sub-01_desc-brain_mask.nii.gz",
        "sub-01_label-ventricle_mask.nii.gz", "sub-02_label-lesionchange_mask.nii.gz",
    )  # fmt: skip
    assert names_of(folder) == ["sub-01_label-L_mask.nii.gz"]


def test_without_a_word_for_lesions_every_mask_counts(tmp_path: Path) -> None:
    """A folder of plain volumes is a folder of masks, but for images."""
    folder = folder_of(tmp_path, "p1.nii.gz", "p2.nii.gz", "p1_T1w.nii.gz")
    assert names_of(folder) == ["p1.nii.gz", "p2.nii.gz"]


def test_a_single_file_is_a_mask(tmp_path: Path) -> None:
    """Two files are one pair, whatever they are called but for the scan."""
    tool, expert = folder_of(tmp_path, "a_lesions.nii.gz", "a_gt.nii.gz"), tmp_path
    ((found, reference),) = pair_masks(
        find_masks(tool / "a_lesions.nii.gz"), read_reference(expert / "a_gt.nii.gz").masks
    )
    assert (found.name, reference.name) == ("a", "a")


LAYOUTS_WITH_MASKS = {
    "Mendeley": (
        "", ["Patient-1/1-Flair.nii", "Patient-1/1-LesionSeg-Flair.nii", "Patient-2/2-Flair.nii",
             "Patient-2/2-LesionSeg-Flair.nii"],
    ),
    "open_ms_data": (
        "", [f"cross_sectional/raw/patient0{n}/{name}.nii.gz" for n in (1, 2)
             for name in ("FLAIR", "consensus_gt")],
    ),
    "open_ms_data, a part": (
        "cross_sectional", [f"cross_sectional/raw/patient0{n}/{name}.nii.gz" for n in (1, 2)
                            for name in ("FLAIR", "consensus_gt")],
    ),
    "BIDS, unpacked": (
        "", [f"archive/sub-0{n}/anat/sub-0{n}_FLAIR.nii.gz" for n in (1, 2)]
        + [f"archive/derivatives/manual/sub-0{n}/anat/sub-0{n}_label-L_mask.nii.gz"
           for n in (1, 2)],
    ),
    "folder of volumes": (
        "", [f"p{n}_{name}.nii.gz" for n in (1, 2) for name in ("FLAIR", "lesion_mask")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS_WITH_MASKS)
def test_our_own_results_find_their_references_in_every_layout(layout: str, tmp_path: Path) -> None:
    """Results are named after scans as the cohort calls them, whatever their files are called."""
    inside, files = LAYOUTS_WITH_MASKS[layout]
    data = folder_of(tmp_path / "data", *files) / inside
    names = [scan.name for person in read_cohort(data).people for scan in person.scans]
    results = folder_of(tmp_path / "out", *(f"{name}_label-L_mask.nii.gz" for name in names))
    pairs = pair_masks(find_masks(results), read_reference(data).masks)
    assert [reference.name for _, reference in pairs] == names
    assert [found.path.name for found, _ in pairs] == [
        f"{name}_label-L_mask.nii.gz" for name in names
    ]


def test_what_a_detector_found_is_nobodys_reference(tmp_path: Path) -> None:
    """Neither below a dataset without expert masks, nor beside the scans of a plain folder."""
    results = [f"sub-01_{end}" for end in ("label-L_mask.nii.gz", "summary.json")]
    anat = "derivatives/mslesion/sub-01/anat"
    bids = folder_of(
        tmp_path / "bids", "sub-01/anat/sub-01_FLAIR.nii.gz", *(f"{anat}/{n}" for n in results)
    )
    with pytest.raises(CohortError, match="no masks that an expert drew"):
        read_reference(bids)
    plain = folder_of(tmp_path / "plain", "sub-01_FLAIR.nii.gz", *results)
    (person,) = read_cohort(plain).people
    assert person.scans[0].lesion_mask is None
    with pytest.raises(CohortError, match="no masks that an expert drew"):
        read_reference(plain)


def test_a_reference_of_some_of_the_test_people_is_refused(tmp_path: Path) -> None:
    """A split that tests two people is not looked at with the masks of one."""
    folds = (Fold(("sub-03",), ("sub-04",), ("sub-01", "sub-02")),)
    frozen = FrozenSplit(Split(SplitUnit.PATIENT, 0, folds), tmp_path / "split.json")
    masks = [f"sub-0{n}_label-L_mask.nii.gz" for n in (1, 2, 3, 4)]
    whole = folder_of(tmp_path / "whole", *masks)
    found = find_masks(whole)
    kept, reference = of_tested(found, read_reference(whole), frozen)
    assert [mask.person_id for mask in kept] == ["sub-01", "sub-02"]
    assert [mask.person_id for mask in reference.masks] == ["sub-01", "sub-02"]
    part = folder_of(tmp_path / "part", masks[0], masks[2])
    with pytest.raises(CohortError, match="tests 2 people; 1 have no scan in the reference"):
        of_tested(found, read_reference(part), frozen)


def test_a_missing_mask_is_refused_or_left_out_when_asked(tmp_path: Path) -> None:
    """A scan on which a tool failed must not vanish without a word, on either side."""
    tool = folder_of(tmp_path / "a", "sub-01_mask.nii.gz", "sub-03_mask.nii.gz")
    expert = folder_of(tmp_path / "b", "sub-01_mask.nii.gz", "sub-02_mask.nii.gz")
    found, reference = find_masks(tool), find_masks(expert)
    with pytest.raises(CohortError, match="has no found mask") as refusal:
        pair_masks(found, reference)
    assert refusal.value.file == str(expert / "sub-02_mask.nii.gz")
    with pytest.raises(CohortError, match="has no reference mask") as refusal:
        pair_masks(found, reference[:1])
    assert refusal.value.file == str(tool / "sub-03_mask.nii.gz")
    assert len(pair_masks(found, reference, only_common=True)) == 1
    with pytest.raises(CohortError, match="has no found mask"):
        pair_masks(found[1:], reference[1:], only_common=True)


def test_two_masks_of_one_scan_are_refused(tmp_path: Path) -> None:
    """Which of two is meant is not guessed."""
    tool = folder_of(tmp_path / "a", "sub-01_desc-a_mask.nii.gz", "sub-01_desc-b_mask.nii.gz")
    expert = folder_of(tmp_path / "b", "sub-01_mask.nii.gz")
    with pytest.raises(CohortError, match="both look like masks of sub-01"):
        pair_masks(find_masks(tool), find_masks(expert))


def test_one_mask_for_two_scans_is_refused(tmp_path: Path) -> None:
    """A mask without a session cannot stand for both sessions."""
    tool = folder_of(tmp_path / "a", "sub-01_mask.nii.gz")
    expert = folder_of(tmp_path / "b", "sub-01_ses-1_mask.nii.gz", "sub-01_ses-2_mask.nii.gz")
    with pytest.raises(CohortError, match="is the nearest by name to both"):
        pair_masks(find_masks(tool), find_masks(expert))


def test_a_folder_without_masks_is_refused(tmp_path: Path) -> None:
    """An empty folder, and one that is not there."""
    with pytest.raises(CohortError, match="holds no lesion masks"):
        find_masks(tmp_path)
    with pytest.raises(CohortError, match="does not exist"):
        find_masks(tmp_path / "absent")


def test_a_dicom_object_beside_the_masks_hides_none_of_them(tmp_path: Path) -> None:
    """An expert's segmentation object in the folder of the masks: they are read all the same."""
    folder_of(tmp_path, "sub-01_label-L_mask.nii.gz", "sub-02_label-L_mask.nii.gz")
    (tmp_path / "expert.dcm").write_bytes(bytes(128) + b"DICM" + bytes(64))
    assert [mask.person_id for mask in read_reference(tmp_path).masks] == ["sub-01", "sub-02"]


def test_the_table_of_people_tells_the_diagnosis_in_a_folder_of_volumes(tmp_path: Path) -> None:
    """With the scans beside their masks as without them."""
    folder_of(tmp_path, *(f"p{n}_{end}.nii.gz" for n in (1, 2) for end in ("FLAIR", "lesions")))
    table = "participant_id\tgroup\np1\tMS\np2\tcontrol\n"
    (tmp_path / "participants.tsv").write_text(table)
    with_scans = read_reference(tmp_path)
    assert [mask.diagnosis for mask in with_scans.masks] == [Diagnosis.MS, Diagnosis.CONTROL]
