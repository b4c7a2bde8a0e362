"""Files in a raw folder that are none of its raw files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sciml_datasets import data_part, prepare
from sciml_datasets.benchmarks import find
from sciml_datasets.preparation.other_files import report_other_files

NAMES = ("stemdl_demo", "stemdl_reconstruction_demo", "cloudmask_demo", "candle_uno_demo")


@pytest.fixture(autouse=True)
def _asked_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


def test_they_are_named_once(raw_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "raw" / "candle_uno_demo"
    shutil.copytree(raw_dir / folder.name, folder)
    for name in ("README.txt", "more/notes.txt", ".hidden", "checksums.tsv", "left-out.tsv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    prepare("candle_uno_demo", tmp_path / "raw", tmp_path / "data")
    found = [message for message in caplog.messages if "left out" in message]
    assert found == [f"{folder}: left out, as they are no raw files: README.txt and 1 more"]


@pytest.mark.parametrize("name", NAMES)
def test_simulated_files_are_all_raw_files(name: str, raw_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    raw_format, folder = data_part.raw_format(*find(name), {}), raw_dir / name
    report_other_files(folder, raw_format.files(folder), raw_format.accompanying)
    assert not caplog.messages
