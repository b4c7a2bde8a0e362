"""What is taken from others: actions by their commit, packages by their hash, and no more rights than a job needs."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "examples" / "results-repository" / ".github"
CONTAINERS = ROOT / "containers"
LISTS = (ROOT / ".ci/lock/requirements.txt", ROOT / ".ci/lock/site.txt", RESULTS / "requirements.txt")
"""Packages of continuous integration, of the site, and of a results repository."""
EXTRAS = ({"", "test", "mpi", "beam"}, {"", "docs"}, {""})
"""Extras that each list covers; empty: what every installation needs."""
BY_RANGES = "versions.yml"
"""The workflow that tests the ranges of versions."""
BY_COMMIT = re.compile(r"[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
"""An action: its repository, the commit, and as a comment the release that this commit is."""
HASHED = re.compile(r"(\S+==\S+) ;([^\\\n]+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n")
"""A release, the machines that it is for, and the hashes of its files."""


def workflows() -> Iterator[Path]:
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in (".git", ".venv")]
        if Path(folder).parts[-2:] == (".github", "workflows"):
            yield from (Path(folder, name) for name in sorted(names))


WORKFLOWS = sorted(workflows())


def named(paths: list[Path]) -> Any:
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.name)


def locked(path: Path) -> dict[str, list[Requirement]]:
    """Releases of each package in a list; a package may have one for each version of Python."""
    found: dict[str, list[Requirement]] = {}
    for release, machines, _ in HASHED.findall(path.read_text()):
        one = Requirement(f"{release} ;{machines}")
        found.setdefault(canonicalize_name(one.name), []).append(one)
    return found


def test_the_workflows_are_found() -> None:
    own = [path.name for path in WORKFLOWS if path.is_relative_to(ROOT / ".github")]
    assert own == ["release.yml", "site.yml", "versions.yml"]
    assert sorted({*WORKFLOWS} - {*(ROOT / ".github/workflows").iterdir()}) == [
        RESULTS / "workflows" / name for name in ("audit.yml", "check.yml", "comment.yml", "site.yml")
    ]


@named(WORKFLOWS)
def test_an_action_is_named_by_its_commit(path: Path) -> None:
    used = re.findall(r"^ *(?:- )?uses: (.+)$", path.read_text(), re.MULTILINE)
    assert used
    assert [one for one in used if not BY_COMMIT.fullmatch(one)] == []


@named(WORKFLOWS)
def test_a_job_has_the_rights_that_it_names_and_a_time_limit(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {}
    assert all(job["permissions"] and job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


@named([path for path in WORKFLOWS if path.name != BY_RANGES])
def test_packages_are_installed_by_hash_or_one_by_one(path: Path) -> None:
    lines = [line.strip() for line in path.read_text().splitlines() if "pip install" in line]
    of_lists = r"--require-hashes --requirement (base/\.github/requirements|\.ci/lock/(requirements|site))\.txt"
    own = r'--no-deps (--no-build-isolation (\.|dist/\*\.\$\{\{ matrix\.kind \}\})|"\$named")'
    one = r"(pip-audit|cyclonedx-bom|torch)==[\d.]+( --index-url https://download\.pytorch\.org/whl/cpu)?"
    known = re.compile(rf".*python -I -m pip install ({of_lists}|{own}|{one})")
    assert [line for line in lines if not known.fullmatch(line)] == []


def test_jobs_whose_packages_come_by_ranges_can_only_read() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows" / BY_RANGES).read_text())
    assert [job["permissions"] for job in workflow["jobs"].values()] == [{"contents": "read"}]
    assert "secrets." not in (ROOT / ".github/workflows" / BY_RANGES).read_text()


@named(sorted(CONTAINERS.iterdir()))
def test_a_container_is_made_of_files_that_exist_and_packages_by_hash(path: Path) -> None:
    text = path.read_text()
    copied = re.findall(r"^(?:COPY ([^/].*) /\S+|    ([\w/.-]+) /(?:source|tmp)\S*)$", text, re.MULTILINE)
    names = [name for pair in copied for name in "".join(pair).split()]
    assert {"pyproject.toml", "sciml_datasets", "models", "metrics", "cli"} <= {*names}
    assert [name for name in names if not (ROOT / name).exists()] == []
    lines = re.findall("pip install.*", text)
    assert len(lines) == 2
    assert all("--require-hashes" in line or "--no-deps --no-build-isolation /source" in line for line in lines)


COMMIT = "sciml-datasets @ git+https://git.example.org/science/sciml-datasets@" + 2 * "0123456789abcdef0123"


@pytest.mark.parametrize("name", ["check.yml", "site.yml"])
@pytest.mark.parametrize(
    ("content", "installed"),
    [
        (None, False),
        ("", False),
        (f"# the commit\n{COMMIT}\n", True),
        (f"{COMMIT}\nsciml-datasets\n", False),
        (COMMIT[:-1], False),
        ("sciml-datasets==0.1.0", False),
        ("sciml-datasets @ git+https://git.example.org/science/sciml-datasets@main", False),
        (COMMIT.replace("https", "http"), False),
    ],
    ids=["template", "empty", "commit", "and a name", "short", "name", "branch", "http"],
)
def test_a_results_repository_installs_this_package_by_a_commit_alone(
    tmp_path: Path, name: str, content: str | None, installed: bool
) -> None:
    workflow = yaml.safe_load((RESULTS / "workflows" / name).read_text())
    (step,) = [step for job in workflow["jobs"].values() for step in job["steps"] if step.get("name") == "Install"]
    place = tmp_path / "base" / ".github" / "sciml-datasets.txt"
    place.parent.mkdir(parents=True)
    place.write_text((RESULTS / "sciml-datasets.txt").read_text() if content is None else content)
    calls = tmp_path / "calls"
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {calls}\n')
    python.chmod(0o755)
    path = f"{python.parent}:{os.environ['PATH']}"
    shell = ["bash", "-e", "-o", "pipefail", "-c", step["run"]]
    done = subprocess.run(shell, cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == installed
    assert (f"-I -m pip install --no-deps {COMMIT}" in calls.read_text().splitlines()) == installed
    assert installed or "names no commit" in done.stdout


@pytest.mark.parametrize("path", LISTS, ids=["ci", "site", "results"])
def test_each_release_of_a_list_has_hashes(path: Path) -> None:
    text = path.read_text()
    assert HASHED.sub("", text) == ""
    assert "://" not in text
    assert len(text) < 100_000


@pytest.mark.parametrize(("path", "extras"), zip(LISTS, EXTRAS, strict=True), ids=["ci", "site", "results"])
def test_a_list_has_a_release_that_fits_for_each_requirement(path: Path, extras: set[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    every = {"": project["dependencies"], **project["optional-dependencies"]}
    releases = locked(path)
    for requirement in (Requirement(text) for extra in extras for text in every[extra]):
        found = releases.get(canonicalize_name(requirement.name), [])
        versions = [next(iter(one.specifier)).version for one in found]
        assert versions, f"{requirement} is not in {path}: make lock"
        assert all(requirement.specifier.contains(version) for version in versions), f"{requirement}: make lock"


def test_a_results_repository_has_the_releases_that_are_tested() -> None:
    tested, _, installed = map(locked, LISTS)
    assert {name: tested[name] for name in installed} == installed
