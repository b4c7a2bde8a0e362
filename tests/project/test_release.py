"""A release: the source archive and the wheel hold the whole package, and work where there is no checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

import sciml_datasets

ROOT = Path(__file__).parents[2]
PARTS = ("pyproject.toml", "README.md", "LICENSE", "sciml_datasets", "models", "metrics", "cli")
"""What a release is built of."""


def run(*command: object, cwd: Path, **environment: str) -> str:
    """The standard output of a command that succeeds; the package of this checkout is not in its path."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [sys.executable, *map(str, command)]
    done = subprocess.run(words, cwd=cwd, env=inherited | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, built of a copy of what it is made of."""
    folder = tmp_path_factory.mktemp("release")
    (folder / "checkout").mkdir()
    for name in PARTS:
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(
                place, folder / "checkout" / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(place, folder / "checkout")
    run("-m", "build", "--no-isolation", "--sdist", "--outdir", folder, "checkout", cwd=folder)
    (made,) = folder.glob("*.tar.gz")
    return made


@pytest.fixture(scope="module")
def wheel(archive: Path) -> Path:
    """The wheel, built of the source archive."""
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation")
    run("-m", "pip", "wheel", *options, "--wheel-dir", archive.parent, archive, cwd=archive.parent)
    (made,) = archive.parent.glob("*.whl")
    return made


def files_of_the_package() -> set[str]:
    """The files of the package in this checkout, links to folders followed."""
    found = (
        Path(folder, name) for folder, _, names in os.walk(ROOT / "sciml_datasets", followlinks=True) for name in names
    )
    return {path.relative_to(ROOT).as_posix() for path in found if path.suffix != ".pyc"}


def test_the_source_archive_holds_every_file_of_the_package_and_no_link(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
    assert [member.name for member in members if member.issym() or member.islnk()] == []
    top = archive.name.removesuffix(".tar.gz")
    assert {f"{top}/{name}" for name in files_of_the_package()} - {member.name for member in members} == set()


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == files_of_the_package()


def test_the_wheel_works_where_there_is_no_checkout(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "installed"
    run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", place, wheel, cwd=tmp_path)

    def sciml(*arguments: str) -> str:
        return run("-m", "sciml_datasets.cli.main", *arguments, cwd=tmp_path, PYTHONPATH=str(place))

    where = "import sciml_datasets; print(sciml_datasets.__file__)"
    assert run("-c", where, cwd=tmp_path, PYTHONPATH=str(place)).strip() == str(place / "sciml_datasets/__init__.py")
    assert sciml("--version") == f"sciml {sciml_datasets.__version__}\n"
    assert "Ratings by the makers" in sciml("card", "stemdl")
    choices = ("--samples", "400", "--genes", "40", "--descriptors", "30")
    sciml("simulate", "candle_uno_demo", "--out", "raw", *choices)
    sciml("prepare", "candle_uno_demo", "--raw-dir", "raw", "--data-dir", "data")
    assert "every byte as the manifest says" in sciml("verify", "candle_uno_demo", "--data-dir", "data")


def test_the_version_stands_in_one_place_and_the_citation_agrees(wheel: Path) -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert wheel.name.split("-")[1] == citation["version"] == sciml_datasets.__version__
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", str(citation["date-released"]))
    assert f'version = "{sciml_datasets.__version__}"' not in (ROOT / "pyproject.toml").read_text()
