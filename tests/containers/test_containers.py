"""The containers: what their recipes say, and their steps done without a container.

No engine is needed: the steps are those of ``containers/install.sh``, which both recipes run, and
what a container would forbid is forbidden by the kernel.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mslesion import __version__
from mslesion.simulate import CohortRecipe, simulate_person
from mslesion.write.nifti import write_nifti

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
APPTAINER = (ROOT / "containers" / "mslesion.def").read_text()


def _instructions(name: str) -> list[str]:
    """The arguments of each instruction of that name in the Dockerfile, lines joined."""
    joined = re.sub(r"\\\n\s*", "", DOCKERFILE)
    return re.findall(rf"^{name} (.*)$", joined, re.MULTILINE)


def _section(name: str) -> list[str]:
    """The lines of a section of the Apptainer recipe."""
    text = re.search(rf"^%{name}\n(.*?)(?=^%|\Z)", APPTAINER, re.MULTILINE | re.DOTALL)
    assert text is not None
    return [line.strip() for line in text[1].splitlines() if line.strip()]


def _copied() -> set[str]:
    """What the Dockerfile takes from the repository."""
    return {source for copy in _instructions("COPY") for source in copy.split()[:-1]}


def test_both_run_the_program_with_whatever_is_given() -> None:
    """The entry is the program itself, without a shell that would lose signals and exit codes."""
    assert _instructions("ENTRYPOINT") == ['["mslesion"]']
    assert _section("runscript") == ['exec mslesion "$@"']


def test_both_are_made_alike() -> None:
    """The same base, of one version and one that is supported; the same files, steps, settings."""
    (base,) = _instructions("FROM")
    assert f"From: {base}" in APPTAINER
    version = re.fullmatch(r"python:(\d+\.\d+)-slim-\w+", base)
    assert version is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"Programming Language :: Python :: {version[1]}" in project["classifiers"]
    assert {line.split()[0] for line in _section("files")} == _copied()
    (argument,) = _instructions("ARG")
    (run,) = _instructions("RUN")
    index = argument.removeprefix("TORCH_INDEX=")
    assert run.startswith('containers/install.sh /src /opt/mslesion "${TORCH_INDEX}" &&')
    assert f"/src/containers/install.sh /src /opt/mslesion {index}" in _section("post")
    (settings,) = _instructions("ENV")
    for line in _section("environment"):
        name, _, value = line.removeprefix("export ").partition("=")
        assert f"{name}={value}".replace("$PATH", "${PATH}") in settings


def test_all_that_is_installed_goes_in_and_nothing_else() -> None:
    """Each file that is copied is there, and what is sent to the engine is just these."""
    for name in _copied():
        assert (ROOT / name).exists(), name
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert ignored[0] == "*"
    kept = {line[1:] for line in ignored if line.startswith("!")}
    assert kept == _copied()
    assert any(fnmatch.fnmatch("src/mslesion/__pycache__", line) for line in ignored[1:])


def test_both_say_what_they_hold() -> None:
    """Whoever finds an image on a cluster can ask it for its version and its limits."""
    named = dict(
        re.findall(r'(org\.opencontainers[\w.]+)="([^"]*)"', " ".join(_instructions("LABEL")))
    )
    assert named["org.opencontainers.image.version"] == __version__
    assert "Research use only" in named["org.opencontainers.image.description"]
    assert dict(line.split(maxsplit=1) for line in _section("labels")) == named


def test_no_one_user_is_needed() -> None:
    """The container is anybody's: no user is made or chosen, and HOME leads nowhere."""
    assert _instructions("USER") == []
    assert "HOME=/nonexistent" in _instructions("ENV")[0]


def test_the_linter_has_nothing_to_say() -> None:
    """hadolint, with all its rules."""
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is not installed")
    done = subprocess.run(
        [hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


# --- the steps, in a clean environment -----------------------------------------------------------

SANDBOX = """
mount --make-rprivate / && mount --bind "$1" "$1" && mount -o remount,ro,bind / || exit 99
shift
exec setpriv --reuid 12345 --regid 12345 --clear-groups \\
    --inh-caps +dac_read_search --ambient-caps +dac_read_search "$@"
"""
"""Nothing can be written but in one folder; the user is a number without a name.

It may read everything, for the Python of this machine may lie where others cannot look.
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that another user can look into, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="mslesion-container-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _in_sandbox(
    writable: Path, *command: str | Path, home: str | None = "/nonexistent"
) -> subprocess.CompletedProcess[str]:
    path = f"{Path(command[0]).parent}:/usr/bin:/bin"
    clean = ["env", "-i", f"PATH={path}", "PYTHONNOUSERSITE=1"]
    clean += [] if home is None else [f"HOME={home}"]
    words = ["unshare", "--net", "--mount", "sh", "-c", SANDBOX, "sandbox", writable, *clean]
    done = subprocess.run(
        [*map(str, (*words, *command))], capture_output=True, text=True, check=False, cwd="/"
    )
    if done.returncode == 99 or "unshare: " in done.stderr:
        pytest.skip(f"no sandbox can be made here: {done.stderr.strip()}")
    return done


@pytest.mark.slow
def test_the_steps_of_the_containers_give_a_bids_app(place: Path) -> None:
    """Installed by their script, both levels run for a user without a name and without a home.

    The root is read-only and there is no network.
    """
    if shutil.which("setpriv") is None or shutil.which("unshare") is None or os.geteuid() != 0:
        pytest.skip("setpriv and unshare are needed, and the right to use them")
    source, target, out = place / "src", place / "venv", place / "out"
    for name in _copied():
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, source / name)
    installed = subprocess.run(
        [source / "containers" / "install.sh", source, target],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    assert installed.stdout == f"mslesion {__version__}\n"
    shutil.rmtree(source)
    # Nobody can compile them later.
    for package in ("mslesion", "torch", "nibabel"):
        assert list(target.glob(f"lib/*/site-packages/{package}/__pycache__/*.pyc")), package
    dataset = place / "data"
    person = simulate_person(CohortRecipe(people=2, ms_share=1.0, seed=5), 0)
    image = dataset / "sub-01" / "anat" / "sub-01_FLAIR.nii.gz"
    write_nifti(image, person.scan.voxels.astype(np.int16), person.scan.grid.affine_vox_to_ras)
    description = {"Name": "One person", "BIDSVersion": "1.10.0"}
    (dataset / "dataset_description.json").write_text(json.dumps(description))
    out.mkdir()
    out.chmod(0o777)
    program = target / "bin" / "mslesion"
    for level, home in (("participant", "/nonexistent"), ("participant", None), ("group", None)):
        done = _in_sandbox(out, program, dataset, out, level, home=home)
        assert done.returncode == 0, done.stderr
    done = _in_sandbox(out, program, "--version", home=None)
    assert done.stdout == installed.stdout, done.stderr
    assert (out / "sub-01/anat/sub-01_label-L_mask.nii.gz").stat().st_uid == 12345
    assert (out / "cohort_report.html").is_file()
    refused = _in_sandbox(out, program, dataset, place / "elsewhere", "participant")
    assert refused.returncode == 5, refused.stderr
