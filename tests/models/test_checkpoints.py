"""Checkpoints: the saved state is restored, and a damaged file is reported."""

from __future__ import annotations

import json
import math
import os
import re
import resource
import zipfile
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoint_variables import Variable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sciml_datasets import InputError
from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.models.checkpoints import Progress, last_sound, restore, save
from sciml_datasets.models.run_folder import RunFolder


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


def test_a_folder_is_no_damaged_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.npz").mkdir()
    with pytest.raises(InputError, match="is a folder, expected a file"):
        restore(tmp_path / "checkpoint.npz", [])


def test_trouble_of_the_machine_is_no_damaged_checkpoint(tmp_path: Path) -> None:
    saved(tmp_path, 3)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files") as raised:
            restore(tmp_path / "checkpoint.npz", [])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert raised.value.filename == str(tmp_path / "checkpoint.npz")


def saved(folder: Path, *epochs: int) -> Path:
    """Checkpoints of these epochs, one after the other, with the epoch as the value of their one variable."""
    path = folder / "checkpoint.npz"
    for epoch in epochs:
        save(path, Progress(epoch=epoch, losses=[math.nan]), [Variable(np.array([float(epoch)]))], keep=True)
    return path


def test_a_damaged_checkpoint_is_told_and_the_one_before_it_is_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = saved(tmp_path, 1, 2, 3)
    path.write_bytes(path.read_bytes()[:-100])
    found = [Variable(np.zeros(1))]
    sound = last_sound(path, found)
    assert restore(sound, found).epoch == found[0].value == 2
    told = [f"{path} is damaged (File is not a zip file): the run goes on from the one before it"]
    assert caplog.messages == told


def test_a_sound_checkpoint_is_taken_and_nothing_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = saved(tmp_path, 1, 2)
    assert last_sound(path, [Variable(np.zeros(1))]) == path
    assert not caplog.messages


def test_a_kill_between_the_renames_of_two_checkpoints_leaves_the_earlier(tmp_path: Path) -> None:
    path = saved(tmp_path, 1, 2)
    path.unlink()
    found = [Variable(np.zeros(1))]
    assert restore(last_sound(path, found), found).epoch == 1


def test_of_two_damaged_checkpoints_the_earlier_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, 1, 2)
    for file in tmp_path.iterdir():
        file.write_bytes(b"PK")
    with pytest.raises(InputError, match=r"checkpoint-before.npz is damaged .*: remove it to start over"):
        last_sound(path, [Variable(np.zeros(1))])


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "(" * 60,
    ],
)
def test_no_size_in_a_checkpoint_is_believed(tmp_path: Path, header: str) -> None:
    path = saved(tmp_path, 1)
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    text = header.ljust(117).encode() + b"\n"
    with zipfile.ZipFile(path, "w") as new:
        new.writestr("variable_0.npy", b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + bytes(8))
        new.writestr("progress.npy", members["progress.npy"])
    with pytest.raises(InputError, match=r"is of another network|is damaged"):
        restore(path, [Variable(np.zeros(1))])


@pytest.mark.parametrize(
    "progress", [{"epoch": -1}, {"epoch": 1e17}, {"losses": [10**40]}, {"history": [3]}, {"more": 0}]
)
def test_a_progress_that_no_run_has_is_damage(tmp_path: Path, progress: dict[str, Any]) -> None:
    path = saved(tmp_path, 1)
    content = json.dumps(asdict(Progress()) | progress).encode()
    np.savez(path, variable_0=np.zeros(1), progress=np.frombuffer(content, np.uint8))
    with pytest.raises(InputError, match="is damaged"):
        restore(path, [Variable(np.zeros(1))])


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
