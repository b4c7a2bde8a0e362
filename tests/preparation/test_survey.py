"""`sciml prepare --dry-run`: what would be read and written."""

from __future__ import annotations

import json
from collections import namedtuple
from pathlib import Path

import pytest

from sciml_datasets import InputError
from sciml_datasets.cli.main import main
from sciml_datasets.preparation.survey import survey

Usage = namedtuple("Usage", "total used free")


def test_records_and_sizes_are_those_of_the_preparation(raw_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    found = survey("stemdl_demo", raw_dir, tmp_path / "data")
    shards = json.loads((data_dir / "sciml/stemdl_demo/3.0.0/manifest.json").read_text())["shards"]
    assert found.records is not None
    assert sum(found.records.values()) == sum(shard["records"] for shard in shards)
    assert (found.shards, found.raw_files) == (len(shards), 5)
    assert 0.99 < found.written / sum(shard["bytes"] for shard in shards) < 1
    assert found.needed == found.written
    assert list(tmp_path.iterdir()) == []


def test_what_is_prepared_is_told(raw_dir: Path, data_dir: Path) -> None:
    assert survey("stemdl_demo", raw_dir, data_dir).prepared


def test_raw_files_are_not_simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCIML_RAW_DIR", raising=False)
    with pytest.raises(InputError, match="no raw files of stemdl_demo"):
        survey("stemdl_demo", data_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_too_little_room_is_the_exit_code_2(
    raw_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10**6, 0, 10**6))
    words = ["--raw-dir", str(raw_dir), "--data-dir", str(tmp_path / "data"), "--dry-run", "--jobs", "1"]
    assert main(["prepare", "stemdl_demo", *words]) == 2
    assert "0.012 GB needed, 0.001 GB free" in capsys.readouterr().out
