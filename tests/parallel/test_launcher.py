"""Commands that share no work, started by a launcher on several ranks all the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from processes import COMMAND, needs_mpi, ranks


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = ranks(2, [*COMMAND, *map(str, arguments)])
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@needs_mpi
def test_ranks_that_make_the_same_file_do_not_see_each_others(data_dir: Path, tmp_path: Path) -> None:
    picture = tmp_path / "stacks.png"
    done = run("show", "stemdl_demo", "--data-dir", data_dir, "--out", picture, "--count", 2)
    assert (done.returncode, done.stderr) == (0, "")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [picture]


@needs_mpi
def test_a_folder_of_many_parts_is_made_by_one_process(tmp_path: Path) -> None:
    done = run("demo", "--out", tmp_path / "demo")
    assert done.returncode == 2
    assert done.stderr == "sciml demo: it is done by one process, and 2 were started: leave the launcher out\n"
    assert list(tmp_path.iterdir()) == []


@needs_mpi
def test_a_path_that_is_none_is_told_once(tmp_path: Path) -> None:
    done = run("show", "stemdl_demo", "--data-dir", "s3://bucket/x", "--out", tmp_path / "a.png")
    assert (done.returncode, done.stderr.count("is a URL")) == (2, 1)


@needs_mpi
@pytest.mark.parametrize("kind", ["csv", "improve"])
def test_a_study_is_converted_by_one_process(kind: str, tmp_path: Path) -> None:
    done = run("convert", kind, tmp_path / "a.csv", "--out", tmp_path / "raw")
    assert done.returncode == 2
    assert done.stderr == "sciml convert: it is done by one process, and 2 were started: leave the launcher out\n"
