"""How people, masks and diagnoses are told from folders, and what is said where they cannot be."""

from __future__ import annotations

from collections.abc import Callable
from errno import EACCES
from pathlib import Path

import numpy as np
import pytest

from mslesion.cohort.people import Cohort, Diagnosis, ScanFile
from mslesion.errors import CohortError, MaskError, ScanError, UnreadableFileError
from mslesion.read import bids, load, read_cohort
from mslesion.read.bids import place_in_dataset
from mslesion.read.names import entries, plain


def _touch(folder: Path, *names: str) -> Path:
    """Files that need no content: a cohort is read without opening an image."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def _scans(cohort: Cohort) -> dict[str, str | None]:
    """Image by image, relative to the root, the mask that was found for it."""

    def shown(path: Path) -> str:
        return path.relative_to(cohort.root).as_posix()

    return {
        shown(scan.image): None if scan.lesion_mask is None else shown(scan.lesion_mask)
        for person in cohort.people
        for scan in person.scans
    }


BIDS_CASES: list[tuple[str, list[str], dict[str, str | None]]] = [
    (
        "the lesion mask among other masks",
        ["sub-1/anat/sub-1_FLAIR.nii.gz",
         "derivatives/m/sub-1/anat/sub-1_label-ventricle_mask.nii.gz",
         "derivatives/m/sub-1/anat/sub-1_label-lesionchange_mask.nii.gz",
         "derivatives/m/sub-1/anat/sub-1_desc-brain_mask.nii.gz",
         "derivatives/m/sub-1/anat/sub-1_label-L_probseg.nii.gz",
         "derivatives/m/sub-1/anat/sub-1_label-L_mask.nii.gz"],
        {"sub-1/anat/sub-1_FLAIR.nii.gz": "derivatives/m/sub-1/anat/sub-1_label-L_mask.nii.gz"},
    ),
    (
        "no mask but a ventricle's",
        ["sub-1/anat/sub-1_FLAIR.nii.gz",
         "derivatives/m/sub-1/anat/sub-1_label-ventricle_mask.nii.gz"],
        {"sub-1/anat/sub-1_FLAIR.nii.gz": None},
    ),
    (
        "the image in its own space before one in another",
        ["sub-1/anat/sub-1_FLAIR.nii.gz",
         "sub-1/anat/sub-1_space-MNI_FLAIR.nii.gz",
         "derivatives/m/sub-1/anat/sub-1_space-MNI_label-L_mask.nii.gz",
         "derivatives/m/sub-1/anat/sub-1_label-lesion_mask.nii.gz"],
        {"sub-1/anat/sub-1_FLAIR.nii.gz":
         "derivatives/m/sub-1/anat/sub-1_label-lesion_mask.nii.gz"},
    ),
    (
        "each of several runs, and never the mask of another run",
        ["sub-1/anat/sub-1_run-1_FLAIR.nii", "sub-1/anat/sub-1_run-2_FLAIR.nii",
         "derivatives/m/sub-1/anat/sub-1_run-2_label-L_mask.nii"],
        {"sub-1/anat/sub-1_run-1_FLAIR.nii": None,
         "sub-1/anat/sub-1_run-2_FLAIR.nii":
         "derivatives/m/sub-1/anat/sub-1_run-2_label-L_mask.nii"},
    ),
    (
        "for a mask that names no run the first, and no other",
        ["sub-1/anat/sub-1_run-2_FLAIR.nii", "sub-1/anat/sub-1_run-10_FLAIR.nii",
         "derivatives/m/sub-1/anat/sub-1_label-L_mask.nii"],
        {"sub-1/anat/sub-1_run-2_FLAIR.nii": "derivatives/m/sub-1/anat/sub-1_label-L_mask.nii",
         "sub-1/anat/sub-1_run-10_FLAIR.nii": None},
    ),
    (
        "each acquisition, with contrast agent or without",
        ["sub-1/anat/sub-1_acq-2D_FLAIR.nii", "sub-1/anat/sub-1_acq-3D_FLAIR.nii.gz",
         "sub-1/anat/sub-1_acq-3D_ce-gad_FLAIR.nii.gz",
         "derivatives/m/sub-1/anat/sub-1_acq-3D_label-L_mask.nii"],
        {"sub-1/anat/sub-1_acq-2D_FLAIR.nii": None,
         "sub-1/anat/sub-1_acq-3D_FLAIR.nii.gz":
         "derivatives/m/sub-1/anat/sub-1_acq-3D_label-L_mask.nii",
         "sub-1/anat/sub-1_acq-3D_ce-gad_FLAIR.nii.gz": None},
    ),
    (
        "of the files of one acquisition the one least processed",
        ["sub-1/anat/sub-1_run-1_rec-norm_FLAIR.nii", "sub-1/anat/sub-1_run-1_FLAIR.nii",
         "sub-1/anat/sub-1_run-2_space-MNI_FLAIR.nii",
         "sub-1/anat/sub-1_run-2_rec-a_desc-b_FLAIR.nii",
         "sub-1/anat/sub-1_run-3_space-MNI_res-1_FLAIR.nii",
         "sub-1/anat/sub-1_run-3_space-MNI_FLAIR.nii"],
        {"sub-1/anat/sub-1_run-1_FLAIR.nii": None,
         "sub-1/anat/sub-1_run-2_rec-a_desc-b_FLAIR.nii": None,
         "sub-1/anat/sub-1_run-3_space-MNI_FLAIR.nii": None},
    ),
    (
        "magnitudes, and no phase",
        ["sub-1/anat/sub-1_part-phase_FLAIR.nii", "sub-1/anat/sub-1_part-mag_FLAIR.nii"],
        {"sub-1/anat/sub-1_part-mag_FLAIR.nii": None},
    ),
    (
        "the mask with the same acquisition",
        ["sub-1/anat/sub-1_acq-2D_FLAIR.nii",
         "derivatives/m/sub-1/anat/sub-1_acq-2D_label-L_mask.nii",
         "derivatives/m/sub-1/anat/sub-1_acq-3D_label-L_mask.nii"],
        {"sub-1/anat/sub-1_acq-2D_FLAIR.nii":
         "derivatives/m/sub-1/anat/sub-1_acq-2D_label-L_mask.nii"},
    ),
    (
        "an expert's mask before a program's",
        ["sub-1/anat/sub-1_FLAIR.nii",
         "derivatives/automatic/sub-1/anat/sub-1_label-L_mask.nii",
         "derivatives/manual/sub-1/anat/sub-1_label-L_mask.nii"],
        {"sub-1/anat/sub-1_FLAIR.nii": "derivatives/manual/sub-1/anat/sub-1_label-L_mask.nii"},
    ),
    (
        "each session with its own mask",
        ["sub-1/ses-1/anat/sub-1_ses-1_FLAIR.nii", "sub-1/ses-2/anat/sub-1_ses-2_FLAIR.nii",
         "derivatives/m/sub-1/ses-2/anat/sub-1_ses-2_label-L_mask.nii"],
        {"sub-1/ses-1/anat/sub-1_ses-1_FLAIR.nii": None,
         "sub-1/ses-2/anat/sub-1_ses-2_FLAIR.nii":
         "derivatives/m/sub-1/ses-2/anat/sub-1_ses-2_label-L_mask.nii"},
    ),
    (
        "nothing of people who have a mask and no image, and nothing hidden",
        ["sub-1/anat/sub-1_FLAIR.nii", "sub-1/anat/._sub-1_FLAIR.nii",
         "derivatives/m/sub-2/anat/sub-2_label-L_mask.nii"],
        {"sub-1/anat/sub-1_FLAIR.nii": None},
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "expected"), [row[1:] for row in BIDS_CASES], ids=[row[0] for row in BIDS_CASES]
)
def test_bids_takes(names: list[str], expected: dict[str, str | None], tmp_path: Path) -> None:
    """Of a BIDS dataset each FLAIR acquisition is taken, with the lesion mask that fits it."""
    assert _scans(read_cohort(_touch(tmp_path, *names))) == expected


def test_a_session_of_other_images_is_set_aside_and_one_without_images_is_not(
    tmp_path: Path,
) -> None:
    """A visit with a T1w image lacks its FLAIR; one with functional images was never to have it."""
    names = (
        "sub-1/ses-1/anat/sub-1_ses-1_FLAIR.nii",
        "sub-1/ses-2/anat/sub-1_ses-2_T1w.nii",
        "sub-1/ses-3/func/sub-1_ses-3_task-rest_bold.nii",
        "sub-2/ses-1/anat/sub-2_ses-1_T1w.nii",
    )
    cohort = read_cohort(_touch(tmp_path, *names))
    assert [person.person_id for person in cohort.people] == ["sub-1"]
    aside = [Path(str(error.file)) for error in cohort.set_aside]
    assert aside == [tmp_path / "sub-1/ses-2", tmp_path / "sub-2/ses-1"]


@pytest.mark.parametrize("shut", ["sub-1/ses-2/anat", "sub-1/ses-2", "derivatives/m/sub-1/ses-2"])
def test_a_session_that_may_not_be_read_costs_itself_alone(
    shut: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other visit is read, and what is forbidden is named."""
    sessions = ("sub-1/ses-1/anat/sub-1_ses-1", "sub-1/ses-2/anat/sub-1_ses-2")
    _touch(
        tmp_path,
        *(f"{session}_FLAIR.nii" for session in sessions),
        *(f"derivatives/m/{session}_label-L_mask.nii" for session in sessions),
    )

    def guarded(folder: Path) -> list[Path]:
        if folder.is_relative_to(tmp_path / shut):
            raise PermissionError(EACCES, "Permission denied", str(folder))
        return entries(folder)

    monkeypatch.setattr(bids, "entries", guarded)
    cohort = read_cohort(tmp_path)
    (person,) = cohort.people
    assert [scan.name for scan in person.scans] == ["sub-1_ses-1"]
    (error,) = cohort.set_aside
    assert Path(str(error.file)).is_relative_to(tmp_path / shut)
    assert place_in_dataset(Path(str(error.file)), tmp_path) == ("sub-1", "ses-2")


def test_masks_that_nobody_may_read_are_told_of_each_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forbidden folder of derivatives belongs to nobody: it is named for each subject."""
    _touch(tmp_path, "sub-1/anat/sub-1_FLAIR.nii", "sub-2/anat/sub-2_FLAIR.nii")
    shut = tmp_path / "derivatives"

    def guarded(folder: Path) -> list[Path]:
        if folder == shut:
            raise PermissionError(EACCES, "Permission denied", str(folder))
        return entries(folder)

    monkeypatch.setattr(bids, "entries", guarded)
    aside = bids.read_bids(tmp_path).set_aside
    assert [error.file for error in aside] == [str(tmp_path / "sub-1"), str(tmp_path / "sub-2")]
    assert all(str(shut) in str(error) for error in aside)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("sub-1", ("sub-1",)),
        ("sub-1/anat/sub-1_FLAIR.nii", ("sub-1",)),
        ("sub-1/ses-2/anat", ("sub-1", "ses-2")),
        ("derivatives/manual/sub-1/ses-2/anat/x.nii", ("sub-1", "ses-2")),
        ("derivatives", ()),
    ],
)
def test_what_belongs_to_whom_stands_in_its_path(path: str, place: tuple[str, ...]) -> None:
    """The participant and the session of a file of a dataset, of derivatives too."""
    root = Path("data/sub-study")
    assert place_in_dataset(root / path, root) == place


def test_the_group_column_tolerates_what_spreadsheets_do(tmp_path: Path) -> None:
    """A byte-order mark, CRLF, blanks, an empty line and any capitals are harmless."""
    words = ["ms", "RRMS", "Patient", "HC", " controls ", "n/a", "other", ""]
    people = [f"sub-{n}" for n in range(len(words))]
    _touch(tmp_path, *(f"{p}/anat/{p}_FLAIR.nii" for p in people))
    lines = ["Participant_ID\tGroup", *(f"{p}\t{w}" for p, w in zip(people, words, strict=True))]
    text = "\r\n".join([*lines, "", ""])
    (tmp_path / "participants.tsv").write_bytes(text.encode("utf-8-sig"))
    assert list(read_cohort(tmp_path).diagnoses.values()) == [
        *[Diagnosis.MS] * 3,
        *[Diagnosis.CONTROL] * 2,
        *[None] * 3,
    ]


@pytest.mark.parametrize("table", [None, "participant_id\tage\nsub-1\t30\n"])
def test_without_groups_no_diagnosis_is_known(table: str | None, tmp_path: Path) -> None:
    """A dataset without participants.tsv, or without the column, has people of unknown group."""
    _touch(tmp_path, "sub-1/anat/sub-1_FLAIR.nii")
    if table is not None:
        (tmp_path / "participants.tsv").write_text(table)
    assert read_cohort(tmp_path).diagnoses == {"sub-1": None}


@pytest.mark.parametrize(
    ("table", "phrase"),
    [
        ("participant_id\tgroup\nsub-1\tMS\nsub-2\tMS\n1\tHC\n", "line 4 names sub-1 again"),
        ("participant_id,group\nsub-1,MS\n", "divide the columns by tabs"),
        ("", "has no column participant_id"),
        ("age\tparticipant_id\n35\n", "line 2 names no participant"),
        ("participant_id\tgroup\n\tMS\n", "line 2 names no participant"),
    ],
)
def test_a_bad_table_of_participants_is_refused(table: str, phrase: str, tmp_path: Path) -> None:
    """A participant named twice is refused with the line; a table without ids too."""
    _touch(tmp_path, "sub-1/anat/sub-1_FLAIR.nii")
    (tmp_path / "participants.tsv").write_text(table)
    with pytest.raises(CohortError, match=phrase) as caught:
        read_cohort(tmp_path)
    assert str(tmp_path / "participants.tsv") in str(caught.value)


@pytest.mark.parametrize(
    ("names", "left_out"),
    [
        (["sub-1/anat/sub-1_FLAIR.nii", "sub-2/anat/sub-2_T1w.nii"], "sub-2"),
        (["Patient-1/1-Flair.nii", "Patient-2/2-T1.nii"], "Patient-2"),
    ],
)
def test_a_person_without_flair_is_set_aside(
    names: list[str], left_out: str, tmp_path: Path
) -> None:
    """A person without a FLAIR image is named, and does not cost the others."""
    cohort = read_cohort(_touch(tmp_path, *names))
    assert len(cohort.people) == 1
    (error,) = cohort.set_aside
    assert str(tmp_path / left_out) in str(error)


def test_images_that_would_be_called_the_same_do_not_cost_the_others(tmp_path: Path) -> None:
    """A scan beside its unpacked copy: both are named, neither is taken, the rest is."""
    two, copy = "b_FLAIR.nii.gz", "b_FLAIR.nii"
    cohort = read_cohort(_touch(tmp_path, "a_FLAIR.nii.gz", two, copy))
    assert list(_scans(cohort)) == ["a_FLAIR.nii.gz"]
    assert {Path(str(error.file)).name for error in cohort.set_aside} == {two, copy}
    assert all("would be called b too" in str(error) for error in cohort.set_aside)
    (tmp_path / "a_FLAIR.nii.gz").unlink()
    with pytest.raises(ScanError, match="would be called b too"):
        read_cohort(tmp_path)


def _missing(folder: Path) -> Path:
    return folder / "missing"


def _empty(folder: Path) -> Path:
    return folder


def _no_scans(folder: Path) -> Path:
    return _touch(folder, "notes.txt", "T1.nii/readme.txt", "sub-1/anat/sub-1_T1w.nii.gz")


def _masks_alone(folder: Path) -> Path:
    return _touch(folder, "a_mask.nii.gz", "b_lesion_mask.nii.gz", "c-seg.nii")


@pytest.mark.parametrize(
    ("make", "phrase"),
    [
        (_missing, "does not exist"),
        (_empty, "no scans in any layout that is known (BIDS, Mendeley, Kaggle, open_ms_data"),
        (_no_scans, "no scans in any layout"),
        (_masks_alone, "no scans in any layout"),
    ],
)
def test_folders_without_scans_are_refused(
    make: Callable[[Path], Path], phrase: str, tmp_path: Path
) -> None:
    """A folder that is missing, or has no scan, is refused with the layouts looked for."""
    folder = make(tmp_path)
    with pytest.raises(CohortError) as caught:
        read_cohort(folder)
    assert phrase in str(caught.value)
    assert str(folder) in str(caught.value)


def test_an_unpacked_archive_is_looked_into(tmp_path: Path) -> None:
    """A folder that holds only the dataset's folder is as good as that folder."""
    _touch(tmp_path, "Brain MRI Dataset/Patient-1/1-Flair.nii")
    assert read_cohort(tmp_path).layout == "Mendeley"


@pytest.mark.parametrize("inside", ["", "cross_sectional", "cross_sectional/coregistered"])
def test_open_ms_data_from_any_of_its_folders(inside: str, tmp_path: Path) -> None:
    """The repository, a part of it, or one kind of images: raw comes first, its mask with it."""
    _touch(tmp_path, *(f"cross_sectional/{kind}/patient01/{name}.nii.gz"
                       for kind in ("raw", "coregistered")
                       for name in ("FLAIR", "consensus_gt")))  # fmt: skip
    cohort = read_cohort(tmp_path / inside)
    kind = "coregistered" if inside.endswith("coregistered") else "raw"
    home = tmp_path / "cross_sectional" / kind / "patient01"
    assert [s for p in cohort.people for s in p.scans] == [
        ScanFile("patient01", home / "FLAIR.nii.gz", home / "consensus_gt.nii.gz")
    ]


def test_a_single_file_is_a_cohort_of_one(tmp_path: Path) -> None:
    """One file stands for one person without a diagnosis, named without FLAIR and ending."""
    _touch(tmp_path, "sub-1_FLAIR.NII.gz")
    cohort = read_cohort(tmp_path / "sub-1_FLAIR.NII.gz")
    assert cohort.layout == "single file"
    assert cohort.diagnoses == {"sub-1": None}


def test_a_folder_of_volumes_pairs_masks_by_name(tmp_path: Path) -> None:
    """Masks are no people, and a lesion mask belongs to the image it is named after."""
    _touch(tmp_path, "a.nii", "a_lesions.nii", "b.nii.gz", "b_brain_mask.nii.gz", "segment.nii",
           "c-label-L_mask.nii", "c.mgz")  # fmt: skip
    assert _scans(read_cohort(tmp_path)) == {
        "a.nii": "a_lesions.nii",
        "b.nii.gz": None,
        "c.mgz": "c-label-L_mask.nii",
        "segment.nii": None,
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("C-A (1)", "C-A-1"),
        ("-rf", "rf"),
        ("a\nb", "a-b"),
        ("Müller", "Müller"),
        ("<img onerror>", "img-onerror"),
        ("\udcff", "scan"),
        ("..", "scan"),
    ],
)
def test_scan_names_are_fit_for_tables_and_files(name: str, expected: str) -> None:
    """Whatever a file is called, its scan's name can stand in a table and name a file."""
    assert plain(name) == expected


def test_good_scans_are_not_lost_with_a_bad_one(
    make_bids_cohort: Callable[..., Path], tmp_path: Path
) -> None:
    """A damaged image and a misplaced mask cost their own scans, and no other."""
    make_bids_cohort(tmp_path)
    image = tmp_path / "sub-02" / "anat" / "sub-02_FLAIR.nii.gz"
    image.write_bytes(image.read_bytes()[:-100])
    mask = "derivatives/manual/{0}/anat/{0}_label-L_mask.nii.gz"
    (tmp_path / mask.format("sub-03")).write_bytes(image.read_bytes())
    outcomes: dict[str, object] = {}
    for person in read_cohort(tmp_path).people:
        for scan in person.scans:
            try:
                outcomes[scan.name] = load(scan).scan.voxels.shape
            except UnreadableFileError as error:
                outcomes[scan.name] = Path(error.file or "").name
    assert outcomes == {
        "sub-01": (32, 36, 12),
        "sub-02": "sub-02_FLAIR.nii.gz",
        "sub-03": "sub-03_label-L_mask.nii.gz",
        "sub-04": (32, 36, 12),
    }


def test_the_made_up_cohort_is_what_it_says(
    make_bids_cohort: Callable[..., Path], tmp_path: Path
) -> None:
    """Only the people with MS of the small cohort have lesions, and these are bright."""
    make_bids_cohort(tmp_path, people={"a": "MS", "b": "control"})
    cohort = read_cohort(tmp_path)
    assert cohort.diagnoses == {"sub-a": Diagnosis.MS, "sub-b": Diagnosis.CONTROL}
    with_ms, control = (load(person.scans[0]) for person in cohort.people)
    assert with_ms.lesion_mask is not None
    assert control.lesion_mask is not None
    assert not control.lesion_mask.any()
    assert np.median(with_ms.scan.voxels[with_ms.lesion_mask]) > 150


@pytest.mark.parametrize(
    ("dataset", "scan_count", "mask_count", "diagnosis"),
    [
        ("tabriz", 10, 10, Diagnosis.MS),
        ("ljubljana-mni", 2, 2, None),
        ("ljubljana-longitudinal", 4, 0, None),
        ("lesion-free", 1, 0, None),
    ],
)
def test_real_cohorts(
    dataset: str, scan_count: int, mask_count: int, diagnosis: Diagnosis | None, real_data: Path
) -> None:
    """Every real scan and mask is read; a real mask marks voxels brighter than the others."""
    cohort = read_cohort(real_data / dataset)
    loaded = [load(scan) for person in cohort.people for scan in person.scans]
    masks = [one.lesion_mask for one in loaded if one.lesion_mask is not None]
    assert (len(loaded), len(masks)) == (scan_count, mask_count)
    assert set(cohort.diagnoses.values()) == {diagnosis}
    for one in loaded:
        assert one.scan.grid.axis_codes == "RAS"
        assert one.scan.history == ()
        if one.lesion_mask is not None:
            voxels = one.scan.voxels
            assert np.median(voxels[one.lesion_mask]) > np.median(voxels[voxels > voxels.mean()])


def test_a_real_mask_does_not_fit_another_scan(real_data: Path) -> None:
    """The mask of one real patient is refused for another, whose slices lie elsewhere."""
    scans = [person.scans[0] for person in read_cohort(real_data / "tabriz").people]
    with pytest.raises(MaskError, match="lies on another grid"):
        load(ScanFile("mixed", scans[0].image, scans[1].lesion_mask))
