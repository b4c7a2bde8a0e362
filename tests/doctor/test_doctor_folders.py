"""What `sciml doctor` finds in folders of data, and the page that it prints."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import buckets
import pytest

from sciml_datasets.cli.doctor import lines_of
from sciml_datasets.cli.main import main
from sciml_datasets.doctor.data_sets import observe_data, prepared_row, raw_row, stored_rows
from sciml_datasets.doctor.disks import disk, temporary_folder
from sciml_datasets.doctor.examinations import examine_folders
from sciml_datasets.doctor.incomplete_folders import RECENT_SECONDS, observe_incomplete
from sciml_datasets.doctor.observation import Observation
from sciml_datasets.parallel.processes import signature

NAME, VERSION = "stemdl_demo", "3.0.0"
PREPARED = f"sciml/{NAME}/{VERSION}"


@pytest.fixture
def damaged(data_dir: Path, tmp_path: Path) -> Path:
    """A data folder with one prepared data set that lacks a shard."""
    shutil.copytree(data_dir / PREPARED, tmp_path / "data" / PREPARED)
    next((tmp_path / "data" / PREPARED).glob("*.tfrecord-*")).unlink()
    return tmp_path / "data"


def test_data_at_hand_are_told(data_dir: Path, raw_dir: Path) -> None:
    rows = {row.subject: row for row in observe_data(data_dir, raw_dir)}
    assert {row.state for row in rows.values()} == {"ok"}
    assert "60 records in 3 shards" in rows[f"prepared {NAME}"].found
    assert rows[f"raw {NAME}"].found.startswith(f"{raw_dir / NAME}: ")


def test_where_no_data_are_at_hand_that_is_told(tmp_path: Path) -> None:
    assert [(row.subject, row.state) for row in observe_data(tmp_path, tmp_path)] == [("prepared", "ok"), ("raw", "ok")]


def test_damaged_data_are_wrong(damaged: Path) -> None:
    row = prepared_row(NAME, damaged)
    assert row is not None
    assert (row.state, "is missing" in row.found) == ("wrong", True)
    assert row.remedy == f"sciml verify {NAME} --data-dir {damaged}"


def test_data_of_another_version_are_a_note(data_dir: Path, tmp_path: Path) -> None:
    other = tmp_path / f"sciml/{NAME}/1.0.0"
    other.mkdir(parents=True)
    shutil.copy(data_dir / PREPARED / "manifest.json", other)
    row = prepared_row(NAME, tmp_path)
    assert row is not None
    assert (row.state, row.remedy) == ("note", f"sciml prepare {NAME} --data-dir {tmp_path}")


@pytest.mark.parametrize(
    ("made", "remedy"),
    [
        ("cloudmask/.fetch/a", "sciml fetch cloudmask --raw-dir 'my raw'"),
        ("cloudmask", "rmdir 'my raw/cloudmask' && sciml fetch cloudmask --raw-dir 'my raw'"),
        ("cloudmask_demo", "rmdir 'my raw/cloudmask_demo' && sciml simulate cloudmask_demo --out 'my raw'"),
    ],
)
def test_raw_files_that_are_still_to_come_are_a_note(
    made: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my raw", made).mkdir(parents=True)
    row = raw_row(made.partition("/")[0], Path("my raw"))
    assert row is not None
    assert (row.state, row.remedy) == ("note", remedy)


@pytest.mark.parametrize(
    ("place", "remedy"),
    [
        (f"{PREPARED}.incomplete-0123456789ab", "sciml prepare stemdl_demo --data-dir ."),
        ("cloudmask.incomplete-0123456789ab", "rm -r cloudmask.incomplete-0123456789ab"),
    ],
)
def test_what_a_killed_run_has_left_is_a_note(
    place: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(place).mkdir(parents=True)
    os.utime(place, (0, 0))
    (row,) = observe_incomplete(Path(), Path())
    assert (row.subject, row.state, row.remedy) == ("left over", "note", remedy)


def test_a_folder_that_a_run_writes_to_is_in_use(tmp_path: Path) -> None:
    folders = [tmp_path / f"cloudmask.incomplete-{end}" for end in (signature(), "0123456789ab")]
    for folder in folders:
        folder.mkdir()
    os.utime(folders[0], (0, 0))  # its process lives
    assert RECENT_SECONDS > 60
    assert [(row.subject, row.state) for row in observe_incomplete(tmp_path, tmp_path)] == [("in use", "ok")] * 2


def test_nothing_left_over_is_told(tmp_path: Path) -> None:
    (row,) = observe_incomplete(tmp_path, tmp_path / "none")
    assert row.state == "ok"


def test_a_folder_to_be_made_has_the_room_of_the_one_above(tmp_path: Path) -> None:
    row = disk("--data-dir", tmp_path / "a" / "b")
    assert row.state == "ok"
    assert f"to be made in {tmp_path}): " in row.found


def test_a_file_in_place_of_a_folder_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    row = disk("--data-dir", tmp_path / "a" / "b")
    assert (row.state, row.remedy) == ("wrong", "name another folder with --data-dir")


def test_a_folder_for_temporary_files_that_is_not_taken_is_wrong(tmp_path: Path) -> None:
    row = temporary_folder(str(tmp_path / "gone"))
    assert (row.state, row.remedy.partition(",")[0]) == ("wrong", f"mkdir -p {tmp_path}/gone")


def test_the_password_of_a_url_in_place_of_a_folder_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", "https://me:s3cr3t@host/data")
    ((_, rows),) = examine_folders()
    assert (rows[0].state, rows[0].remedy, "s3cr3t" in repr(rows)) == ("wrong", "unset TFDS_DATA_DIR", False)


def test_data_at_a_url_are_told_and_what_is_not_looked_at(
    s3: str, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder := tmp_path / "data" / PREPARED).mkdir(parents=True)
    shutil.copy(data_dir / PREPARED / "manifest.json", folder)
    for name, value in buckets.environment(s3, tmp_path / "cache").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SCIML_RAW_DIR", raising=False)
    url = buckets.put(s3, "doctor", tmp_path / "data")
    monkeypatch.setenv("TFDS_DATA_DIR", url)
    found = dict(examine_folders())
    assert {row.state for rows in found.values() for row in rows} == {"ok"}
    assert [(row.subject, row.found) for row in found["folders"][:2]] == [
        ("--data-dir", f"{url}: a URL, whose room and rights are not looked at"),
        ("--raw-dir", "none is named"),
    ]
    (prepared,) = found["data"]
    assert prepared.subject == f"prepared {NAME}"
    assert f"sciml verify {NAME} --data-dir {url} --quick" in prepared.found
    assert found["killed runs"][-1].found == f"{url}: none is looked for at a URL"


def test_a_store_that_cannot_be_asked_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIML_OFFLINE", "1")
    (row,) = stored_rows("s3://nowhere/data")
    assert (row.state, "SCIML_OFFLINE forbids the network" in row.found) == ("wrong", True)


def test_what_is_wrong_ends_with_exit_code_1(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--data-dir", str(damaged), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["wrong"] == sum(row["state"] == "wrong" for row in found["rows"]) > 0
    assert [row["remedy"] for row in found["rows"] if row["subject"] == f"prepared {NAME}"] == [
        f"sciml verify {NAME} --data-dir {damaged}"
    ]
    sections = [*dict.fromkeys(row["section"] for row in found["rows"])]
    assert sections[:7] == ["versions", "packages", "Keras", "devices", "MPI", "HDF5", "limits"]
    assert sections[7:] == ["folders", "data", "killed runs", "network", "sandbox"]
    assert {"TensorFlow", "mpi4py", "HDF5"} <= {row["subject"] for row in found["rows"] if row["state"] == "ok"}


def test_a_page_has_a_line_for_each_row_and_for_each_remedy() -> None:
    rows = [Observation("TMPDIR", "/gone cannot be written to", "wrong", "mkdir /gone"), Observation("cores", "2")]
    assert [*lines_of("limits", rows)] == [
        "limits",
        "  wrong  TMPDIR          /gone cannot be written to",
        "                         -> mkdir /gone",
        "  ok     cores           2",
    ]


def test_packages_that_fit_share_a_line() -> None:
    missing = Observation("lmdb", "missing", "wrong", "pip install lmdb")
    lines = [*lines_of("packages", [Observation("h5py", "3"), missing, Observation("numpy", "2")])]
    assert (len(lines), lines[-1]) == (4, "  ok     h5py 3, numpy 2")
