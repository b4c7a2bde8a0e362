"""The benchmark of ``examples/spectra``, installed by pip into a fresh environment, has every command."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from processes import MPIEXEC, needs_mpi

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/spectra"
MOST_LINES = 100
"""Number of lines of Python that the small benchmark stays below."""

Steps = dict[str, tuple[int, str]]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of a fresh environment in which the example is installed.

    It sees the libraries of this one through a path file, so that nothing but the example itself has to be installed,
    by the pip of this one.
    """
    folder = tmp_path_factory.mktemp("environment")
    shutil.copytree(EXAMPLE, folder / "spectra")  # pip builds in the folder of the sources
    venv.create(folder / "venv")
    interpreter = folder / "venv/bin/python"
    (site,) = (folder / "venv/lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    pip = [sys.executable, "-m", "pip", "--python", str(interpreter), "install", "--quiet"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", str(folder / "spectra")]
    subprocess.run([*pip, *offline], check=True, capture_output=True)
    return str(interpreter)


@pytest.fixture(scope="module")
def steps(python: str, tmp_path_factory: pytest.TempPathFactory) -> Steps:
    """Exit code and output of each step of ``walk_spectra.py`` in that environment."""
    folder = tmp_path_factory.mktemp("spectra")
    command = [python, str(Path(__file__).with_name("walk_spectra.py")), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment())
    assert done.returncode == 0, done.stderr
    found: Steps = json.loads(done.stdout.splitlines()[-1])
    return found


def environment() -> dict[str, str]:
    """Variables under which a process of the fresh environment takes the package of this checkout."""
    of_mpi = str(Path(MPIEXEC or "").parent.parent / "lib")  # mpi4py looks beside the interpreter
    return os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "LD_LIBRARY_PATH": of_mpi}


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ("list", r"spectra_demo +1\.0\.0"),
        ("simulate", "1 raw files"),
        ("prepare", "600 records in 3 shards"),
        ("info", r"splits +train 480, validation 55, test 65"),
        ("verify", "every byte as the manifest says"),
        ("train", r"epoch 3/3"),
        ("predict", "predictions of the test split"),
        ("evaluate", r"accuracy +0\.\d+"),
        ("submit", "next: edit README.md"),
        ("check", "accepted, scores computed again"),
        ("leaderboard", r"1 submission\(s\) on 1 board"),
        ("stage", "copied and verified"),
        ("load", r"\(200,\) float32 [012]"),
        ("data_source", "65 id mineral spectrum"),
        ("folds", r"\d+( \d+){4}"),
        ("suite", ""),
    ],
)
def test_every_step_works(steps: Steps, step: str, text: str) -> None:
    code, output = steps[step]
    assert code == 0, output
    assert re.search(text, output), output


def test_a_part_that_is_not_there_is_named(steps: Steps) -> None:
    code, output = steps["show"]
    assert code == 2
    assert output == "sciml show: spectra has no pictures: there is no module my_spectra.pictures\n"


def test_a_submission_names_the_package_of_the_benchmark(
    steps: Steps, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = next(tmp_path_factory.getbasetemp().glob("spectra*/submissions/O/spectra/Y/X/config.yaml"))
    assert "my-spectra: 1.0.0" in config.read_text()
    assert steps["submit"][0] == 0


@needs_mpi
def test_ranks_prepare_the_same_bytes(python: str, tmp_path: Path) -> None:
    sciml = [python, "-m", "sciml_datasets.cli.main"]
    simulate = [*sciml, "simulate", "spectra_demo", "--out", "raw", "--samples", "60"]
    alone, ranks = ([*sciml, "prepare", "spectra_demo", "--raw-dir", "raw", "--data-dir", to] for to in ("one", "two"))
    for command in (simulate, alone, [str(MPIEXEC), "-n", "2", *ranks]):
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, env=environment())
    one, two = (tmp_path / to / "sciml/spectra_demo/1.0.0" for to in ("one", "two"))
    assert {path.name: path.read_bytes() for path in one.iterdir()} == {
        path.name: path.read_bytes() for path in two.iterdir()
    }


def test_it_is_small() -> None:
    lines = [line for path in sorted((EXAMPLE / "my_spectra").glob("*.py")) for line in path.read_text().splitlines()]
    assert len(lines) < MOST_LINES


def test_the_page_shows_the_files_as_they_are() -> None:
    page = (ROOT / "docs/adding_a_benchmark.md").read_text()
    shown = re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", page, re.DOTALL)
    assert {name for name, _ in shown} >= {f"examples/spectra/my_spectra/{part}.py" for part in ("__init__", "data")}
    for name, text in shown:
        assert text == (ROOT / name).read_text(), f"{name} differs from docs/adding_a_benchmark.md"
