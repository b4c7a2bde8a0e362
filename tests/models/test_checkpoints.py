"""Checkpoints: the saved state is restored, and a damaged file is reported."""

from __future__ import annotations

import os
import re
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sciml_datasets import InputError
from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.models.checkpoints import Progress, restore, save
from sciml_datasets.models.run_folder import RunFolder


class Variable:
    """As much of a framework's variable as a checkpoint needs."""

    def __init__(self, value: np.ndarray) -> None:
        self.value, self.shape = value, value.shape

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.value

    def assign(self, value: np.ndarray) -> None:
        self.value = value


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_bit_that_rotted_is_told_or_changes_nothing(tmp_path: Path, place: float, bit: int) -> None:
    path = tmp_path / "checkpoint.npz"
    save(path, Progress(epoch=3), [Variable(np.arange(9.0)), Variable(np.ones((2, 3)))])
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    found = [Variable(np.zeros(9)), Variable(np.zeros((2, 3)))]
    try:
        progress = restore(path, found)
    except InputError as error:
        reported = str(error)
    else:
        reported = str(path)
        assert progress.epoch == 3
        np.testing.assert_array_equal(found[0].value, np.arange(9.0))
        np.testing.assert_array_equal(found[1].value, np.ones((2, 3)))
    assert reported.startswith(str(path))
    assert "\n" not in reported


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_checkpoint_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"is damaged .*: remove it to start over"):
        restore(path, [])


def test_trouble_of_the_machine_is_no_damaged_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.npz").mkdir()
    with pytest.raises(IsADirectoryError):
        restore(tmp_path / "checkpoint.npz", [])


def begun(folder: Path, progress: Progress) -> RunFolder:
    """A run that trains from the saved progress."""
    run = RunFolder(folder)
    run.begin(BENCHMARKS["stemdl"], [], 1)
    with closing(run):
        run.start({"seed": 0}, BENCHMARKS["stemdl"].criteria, progress, 1, {})
        run.timed(progress)
    return run


@pytest.mark.parametrize("left", [500, 0, None])
def test_a_log_that_a_power_cut_shortened_is_told(tmp_path: Path, left: int | None) -> None:
    progress = Progress(epoch=2)
    begun(tmp_path, progress)
    log = tmp_path / "result-1.txt"
    whole = log.read_bytes()
    assert len(whole) == progress.log_bytes > 500
    log.unlink()
    if left is not None:
        log.write_bytes(whole[:left])
    reported = f"{log}: the log is shorter than its checkpoint says, {left or 0} bytes of {len(whole)}"
    with pytest.raises(InputError, match=re.escape(f"{reported}: remove {tmp_path} and train again")):
        begun(tmp_path, progress)
    assert (log.read_bytes() if log.exists() else None) == (None if left is None else whole[:left])


def test_what_a_log_holds_beyond_its_checkpoint_is_cut(tmp_path: Path) -> None:
    progress = Progress(epoch=2)
    begun(tmp_path, progress)
    whole = (tmp_path / "result-1.txt").read_bytes()
    with (tmp_path / "result-1.txt").open("ab") as file:
        file.write(b"of steps after the checkpoint")
    begun(tmp_path, progress)
    resumed = (tmp_path / "result-1.txt").read_bytes()
    assert resumed.startswith(whole + b":::MLLOG")
    assert b"of steps" not in resumed


def test_the_log_is_on_disk_before_its_bytes_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: dict[int, int] = {}
    monkeypatch.setattr(os, "fsync", lambda number: synced.update({os.fstat(number).st_ino: os.fstat(number).st_size}))
    progress = Progress()
    begun(tmp_path, progress)
    assert synced[(tmp_path / "result-1.txt").stat().st_ino] == progress.log_bytes > 0
