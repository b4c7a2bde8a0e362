"""Commands that share no work, started by a launcher on several ranks all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import COMMAND, needs_mpi, ranks

BY_ONE = (
    "it is done by one process, and 2 were started: leave the launcher out; in a shell that a launcher has started, as "
    "srun --pty does, `unset PMI_SIZE MPI_LOCALNRANKS PMI_RANK`"
)


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
    assert done.stderr == f"sciml demo: {BY_ONE}\n"
    assert list(tmp_path.iterdir()) == []


@needs_mpi
def test_a_path_that_is_none_is_told_once(tmp_path: Path) -> None:
    done = run("show", "stemdl_demo", "--data-dir", tmp_path, "--out", "s3://bucket/a.png")
    assert (done.returncode, done.stderr.count("is a URL")) == (2, 1)


@needs_mpi
@pytest.mark.parametrize("kind", ["csv", "improve"])
def test_a_study_is_converted_by_one_process(kind: str, tmp_path: Path) -> None:
    done = run("convert", kind, tmp_path / "a.csv", "--out", tmp_path / "raw")
    assert done.returncode == 2
    assert done.stderr == f"sciml convert: {BY_ONE}\n"


def test_in_a_shell_of_a_launcher_the_sentence_says_what_to_unset(tmp_path: Path) -> None:
    shell = os.environ | {"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "0"}  # as srun --pty leaves it
    command = [*COMMAND, "demo", "--out", tmp_path / "demo"]
    done = subprocess.run(command, env=shell, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.endswith("as srun --pty does, `unset SLURM_STEP_NUM_TASKS SLURM_PROCID`\n")


@needs_mpi
def test_a_program_that_a_rank_has_started_is_no_rank() -> None:
    told = "sciml list: unrecognized arguments: --jsn"
    code = (
        "import subprocess, sys; from mpi4py import MPI\n"
        f"done = subprocess.run({[*COMMAND, 'list', '--jsn']}, capture_output=True, text=True)\n"
        f"sys.exit((done.returncode, done.stderr.startswith({told!r})) != (2, True))"
    )
    done = subprocess.run(ranks(2, [sys.executable, "-c", code]), capture_output=True, check=False, timeout=120)
    assert done.returncode == 0
