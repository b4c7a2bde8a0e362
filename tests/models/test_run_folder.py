"""The folder of a run: killed before it had a configuration, and with a configuration of other data."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sciml_datasets import InputError
from sciml_datasets.models.run_config import CONFIG, trained_with
from sciml_datasets.models.run_folder import RunFolder

BEGIN = """
import os, pathlib, signal, sys
from sciml_datasets.files.atomic import writing
from sciml_datasets.models.run_config import CONFIG
from sciml_datasets.models.run_lock import RunLock
folder = pathlib.Path(sys.argv[1])
folder.mkdir()
RunLock(folder).acquire()
with writing(folder / CONFIG):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    done = subprocess.run([sys.executable, "-c", BEGIN, folder], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(folder.iterdir())) == 2
    return folder


def test_it_is_free_for_the_next_run(killed: Path) -> None:
    RunFolder(killed).check()


def test_with_anything_else_in_it_it_is_in_use(killed: Path) -> None:
    (killed / "running-notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        RunFolder(killed).check()


def test_a_state_that_a_complete_run_cannot_remove_is_told_and_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "checkpoint.npz").mkdir()
    (tmp_path / "best.npz").touch()
    RunFolder(tmp_path).forget_states()
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]
    assert "checkpoint.npz cannot be removed (Is a directory): the run is complete" in caplog.text


def test_a_long_name_of_other_data_is_told_by_its_beginning(tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text(f"settings: {{}}\ndataset: {'x' * 100_000}\n")
    with pytest.raises(InputError, match=r"was trained on 'x+'") as caught:
        trained_with(tmp_path, "stemdl_demo")
    assert len(str(caught.value)) < 400 + 2 * len(str(tmp_path))
