"""Preparation by the tasks of a job array: processes that do not speak to each other, run at any time and may die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from processes import COMMAND, run

from sciml_datasets import InputError, prepare
from sciml_datasets.preparation.work_folder import interrupted, journalled
from sciml_datasets.stemdl.raw import Hdf5Stacks

SHARDS = 15
PAUSE = 0.05
"""Seconds of pause before each sample where a task is to be killed."""


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def prepared(data: Path) -> Path:
    return data / "sciml/stemdl_demo/3.0.0"


@pytest.fixture(scope="module")
def whole(raw_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the data set in 15 shards, prepared by one process."""
    return content(prepare("stemdl_demo", raw_dir, tmp_path_factory.mktemp("whole"), num_shards=5))


def write_share(raw: Path, data: Path, share: str) -> Path:
    return prepare("stemdl_demo", raw, data, num_shards=5, share=share)


def finished(data: Path) -> set[str]:
    return {written.name for work in interrupted(prepared(data)) for written in journalled(work)}


@contextmanager
def slow(plain: Callable[..., Any], *given: Any) -> Iterator[Any]:
    with plain(*given) as read:
        yield lambda sample: (time.sleep(PAUSE), read(sample))[1]


def task(raw: Path, data: Path, share: str, *, slowly: bool = False) -> BaseProcess:
    """A process that writes a share."""

    def work() -> None:
        if slowly:
            plain = Hdf5Stacks.reader
            Hdf5Stacks.reader = lambda self, *given: slow(plain, self, *given)
        write_share(raw, data, share)

    process = get_context("fork").Process(target=work)
    process.start()
    return process


def assert_whole(data: Path, whole: dict[str, bytes]) -> None:
    assert content(prepared(data)) == whole
    assert list(prepared(data).parent.iterdir()) == [prepared(data)]


def test_shares_one_after_another_give_the_same_bytes(raw_dir: Path, tmp_path: Path, whole: dict[str, bytes]) -> None:
    for share in ("2/3", "0/3"):
        assert not write_share(raw_dir, tmp_path, share).exists()
    assert len(finished(tmp_path)) == 2 * SHARDS // 3
    write_share(raw_dir, tmp_path, "1/3")
    assert_whole(tmp_path, whole)


def test_shares_at_once_give_the_same_bytes(raw_dir: Path, tmp_path: Path, whole: dict[str, bytes]) -> None:
    tasks = [task(raw_dir, tmp_path, f"{number}/4") for number in range(4)]
    for one in tasks:
        one.join(60)
    assert [one.exitcode for one in tasks] == [0] * 4
    assert_whole(tmp_path, whole)


@pytest.mark.parametrize("again", ["1/3", "0/1"], ids=["with its share", "alone"])
def test_a_killed_task_is_run_again(raw_dir: Path, tmp_path: Path, whole: dict[str, bytes], again: str) -> None:
    killed = task(raw_dir, tmp_path, "1/3", slowly=True)
    while len(finished(tmp_path)) < 2:
        assert killed.is_alive(), "it ended before it could be killed"
        time.sleep(0.02)
    os.kill(killed.pid or 0, signal.SIGKILL)
    killed.join()
    kept = finished(tmp_path)
    for share in ("0/3", "2/3"):
        assert not write_share(raw_dir, tmp_path, share).exists()
    assert finished(tmp_path) > kept
    write_share(raw_dir, tmp_path, again)
    assert_whole(tmp_path, whole)


def test_a_share_of_a_finished_data_set_does_nothing(raw_dir: Path, data_dir: Path) -> None:
    assert prepare("stemdl_demo", raw_dir, data_dir, share="0/2") == prepared(data_dir)


def test_a_share_never_removes_what_others_have_finished(raw_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"share 0/2 with --restart, which would remove what other shares"):
        prepare("stemdl_demo", raw_dir, tmp_path, share="0/2", restart=True)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_that_other_shares_are_not_finished(raw_dir: Path, tmp_path: Path) -> None:
    command = [
        *COMMAND,
        "prepare",
        "stemdl_demo",
        "--raw-dir",
        str(raw_dir),
        "--data-dir",
        str(tmp_path),
        "--jobs",
        "2",
    ]
    done = run([*command, "--share", "0/2"])
    assert (done.returncode, done.stdout) == (0, f"{prepared(tmp_path)}: other shares are not finished yet\n")
    done = run([*command, "--share", "1/2"])
    assert "60 records in 3 shards" in done.stdout
