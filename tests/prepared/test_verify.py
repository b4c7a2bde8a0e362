"""Verification: every kind of damage to prepared or raw data is found and named."""

from __future__ import annotations

import json
import re
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sciml_datasets import InputError, prepare, simulate
from sciml_datasets.cli.main import main
from sciml_datasets.files.checksums import ChecksumError, read_checksums
from sciml_datasets.metrics import Evaluator
from sciml_datasets.models import train
from sciml_datasets.preparation.verify import verify_raw
from sciml_datasets.prepared.verify import verify_prepared

Sciml = Callable[..., subprocess.CompletedProcess[str]]

SHARD = "sciml-train.tfrecord-00000-of-00001"


@pytest.fixture
def folder(data_dir: Path, tmp_path: Path) -> Path:
    """A copy of a prepared folder, to damage."""
    copy = tmp_path / "sciml/stemdl_demo/3.0.0"
    shutil.copytree(data_dir / "sciml/stemdl_demo/3.0.0", copy)
    return copy


def flip(folder: Path) -> None:
    content = bytearray((folder / SHARD).read_bytes())
    content[len(content) // 2 + 1000] ^= 1  # within a record: between two of them nothing is lost
    (folder / SHARD).write_bytes(content)


def truncate(folder: Path) -> None:
    (folder / SHARD).write_bytes((folder / SHARD).read_bytes()[:-1])


def remove(folder: Path) -> None:
    (folder / SHARD).unlink()


def add(folder: Path) -> None:
    shutil.copy(folder / SHARD, folder / "sciml-train.tfrecord-00001-of-00002")


def rename(folder: Path) -> None:
    (folder / SHARD).rename(folder / "sciml-train.tfrecord-00000-of-00002")


def edit_labels(folder: Path) -> None:
    path = folder / "members-test.tsv"
    path.write_text(path.read_text().replace("\t225\t", "\t221\t").replace("\t2\t", "\t3\t"))


DAMAGES = {
    flip: (f"{SHARD} has the SHA-256", False),
    truncate: (f"{SHARD} has 7", True),
    remove: (f"{SHARD} is missing", True),
    add: ("sciml-train.tfrecord-00001-of-00002 is not in the manifest", True),
    rename: (f"{SHARD} was renamed to sciml-train.tfrecord-00000-of-00002", True),
    edit_labels: ("members-test.tsv has the SHA-256", False),
}


def test_a_whole_folder_has_no_findings(folder: Path) -> None:
    assert verify_prepared(folder) == verify_prepared(folder, jobs=2) == verify_prepared(folder, quick=True) == []


@pytest.mark.parametrize(("damage", "expected"), DAMAGES.items(), ids=lambda x: getattr(x, "__name__", ""))
def test_damage_is_found_and_named(folder: Path, damage: Callable[[Path], None], expected: tuple[str, bool]) -> None:
    damage(folder)
    message, found_by_size = expected
    findings = verify_prepared(folder)
    assert len(findings) == 1
    assert findings[0].startswith(message) or message in findings[0]
    assert bool(verify_prepared(folder, quick=True)) == found_by_size


def test_a_long_name_in_a_manifest_is_told_by_its_beginning(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"dataset": "x" * 100_000}))
    (finding,) = [text for text in verify_prepared(folder) if "belongs to" in text]
    assert len(finding) < 300


def test_a_swapped_manifest_is_found(folder: Path, raw_dir: Path, tmp_path: Path) -> None:
    other = prepare("stemdl_demo", raw_dir, tmp_path / "other", num_shards=2)
    shutil.copy(other / "manifest.json", folder / "manifest.json")
    assert f"{SHARD} is not in the manifest" in verify_prepared(folder, quick=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"dataset": "sciml/stemdl"}))
    assert any(
        "belongs to sciml/stemdl 3.0.0, not to sciml/stemdl_demo 3.0.0" in text for text in verify_prepared(folder)
    )


def test_what_is_no_file_is_a_finding(folder: Path) -> None:
    (folder / "sub").mkdir()
    remove(folder)
    (folder / SHARD).symlink_to("nowhere")
    expected = [
        f"{SHARD} is a folder or leads nowhere, expected a file",
        "sub is a folder or leads nowhere, expected a file",
    ]
    assert verify_prepared(folder) == verify_prepared(folder, quick=True) == expected


def test_a_flipped_byte_is_told_by_show_and_train_in_one_sentence(
    folder: Path, tmp_path: Path, sciml: Sciml, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(folder)
    out = str(tmp_path / "run")
    assert main(["train", "stemdl_demo", "--data-dir", str(tmp_path), "--out", out, "--epochs", "1"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert re.search(f"{SHARD}, record .* does not agree: run `sciml verify`", said)
    assert f"; {out} keeps the epochs that were trained: prepare the data again, and the same command" in said
    shown = sciml(
        "show", "stemdl_demo", "--data-dir", tmp_path, "--split", "train", "--count", 40, "--out", tmp_path / "s.png"
    )
    assert shown.returncode == 2
    assert SHARD in shown.stderr
    assert shown.stderr.count("\n") == 1


def test_damaged_prepared_data_are_not_used_again(folder: Path, raw_dir: Path, tmp_path: Path) -> None:
    truncate(folder)
    with pytest.raises(InputError, match="remove the folder and prepare"):
        prepare("stemdl_demo", raw_dir, tmp_path)


def test_training_and_evaluation_refuse_a_damaged_folder(folder: Path, tmp_path: Path, sciml: Sciml) -> None:
    truncate(folder)
    with pytest.raises(InputError, match=f"{SHARD} has .* bytes, expected .*: remove the folder and prepare"):
        train("stemdl_demo", tmp_path, tmp_path / "run")
    done = sciml("evaluate", "stemdl_demo", "--data-dir", tmp_path, "--predictions", tmp_path / "p.h5")
    assert done.returncode == 2
    assert SHARD in done.stderr
    assert Evaluator("stemdl_demo", data_dir=tmp_path).benchmark.name == "stemdl"


def test_the_command_lists_findings_and_says_no_by_its_exit_code(
    folder: Path, tmp_path: Path, sciml: Sciml, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sciml("verify", "stemdl_demo", "--data-dir", tmp_path).returncode == 0
    flip(folder)
    quick = sciml("verify", "stemdl_demo", "--data-dir", tmp_path, "--quick")
    assert (quick.returncode, "names and sizes as the manifest says" in quick.stdout) == (0, True)
    full = sciml("verify", "stemdl_demo", "--data-dir", tmp_path, "--json")
    assert full.returncode == 1
    assert SHARD in json.loads(full.stdout)["findings"][0]
    assert main(["verify", "stemdl_demo", "--data-dir", str(tmp_path)]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"{folder}: 1 finding(s): remove the folder and prepare the data set, or stage it")
    assert sciml("verify", "stemdl_demo", "--data-dir", tmp_path / "nowhere").returncode == 2


def fetched(tmp_path: Path) -> Path:
    """A folder of raw files of which no checksum is known."""
    folder = simulate("stemdl_demo", tmp_path, num_samples=6)
    (folder / "checksums.tsv").unlink()
    return folder


def test_simulated_files_are_recorded_so_that_a_cut_one_is_found(tmp_path: Path) -> None:
    folder = simulate("stemdl_demo", tmp_path, num_samples=6)
    assert verify_raw("stemdl_demo", folder) == (3, 0)
    path = folder / "dev/batch_dev_0.h5"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ChecksumError, match=r"dev/batch_dev_0\.h5: the SHA-256 is .*, expected"):
        verify_raw("stemdl_demo", folder)


def test_of_files_seen_for_the_first_time_it_is_told_what_they_were_not_compared_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = fetched(tmp_path)
    assert main(["verify", "stemdl_demo", "--raw-dir", str(tmp_path), "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert f"{folder}/checksums.tsv: 3 raw files that were seen for the first time are recorded here" in said
    assert "they were compared with no checksum of their publisher" in said


def test_raw_files_are_recorded_at_first_sight_and_compared_after(tmp_path: Path, sciml: Sciml) -> None:
    folder = fetched(tmp_path)
    assert verify_raw("stemdl_demo", folder) == (0, 3)
    assert set(read_checksums(folder / "checksums.tsv")) == {
        "train/batch_train_0.h5",
        "dev/batch_dev_0.h5",
        "test/batch_test_0.h5",
    }
    assert verify_raw("stemdl_demo", folder, jobs=2) == (3, 0)
    path = folder / "dev/batch_dev_0.h5"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ChecksumError, match=r"dev/batch_dev_0\.h5: the SHA-256 is .*, expected"):
        verify_raw("stemdl_demo", folder)
    path.rename(path.with_name("other.h5"))
    with pytest.raises(ChecksumError, match=r"dev/batch_dev_0\.h5 is missing"):
        verify_raw("stemdl_demo", folder)
    with pytest.raises(ChecksumError, match=r"dev/batch_dev_0\.h5 is missing"):
        prepare("stemdl_demo", tmp_path, tmp_path / "data", verify_raw=True)
    path.with_name("other.h5").rename(path)
    done = sciml("verify", "stemdl_demo", "--raw-dir", tmp_path)
    assert done.returncode == 1
    assert "batch_dev_0.h5" in done.stdout
    with pytest.raises(ChecksumError, match="batch_dev_0"):
        prepare("stemdl_demo", tmp_path, tmp_path / "data", verify_raw=True)
    assert not (tmp_path / "data/sciml/stemdl_demo/3.0.0").exists()


def test_of_a_split_with_no_file_left_the_missing_file_is_named(tmp_path: Path, sciml: Sciml) -> None:
    folder = simulate("stemdl_demo", tmp_path, num_samples=6)
    verify_raw("stemdl_demo", folder)
    (folder / "dev/batch_dev_0.h5").unlink()
    done = sciml("verify", "stemdl_demo", "--raw-dir", tmp_path)
    assert done.returncode == 1
    assert "dev/batch_dev_0.h5 is missing: fetch it, or remove its line" in done.stdout


def test_verified_raw_files_stand_in_the_manifest_with_their_hash(tmp_path: Path) -> None:
    folder = simulate("stemdl_demo", tmp_path, num_samples=6)
    prepared = prepare("stemdl_demo", tmp_path, tmp_path / "data", verify_raw=True)
    raw = json.loads((prepared / "manifest.json").read_text())["raw"]
    assert {entry["name"]: entry["sha256"] for entry in raw} == read_checksums(folder / "checksums.tsv")


def test_a_manifest_holds_no_hash_of_raw_bytes_that_nobody_read(tmp_path: Path) -> None:
    folder = fetched(tmp_path)
    before = prepare("stemdl_demo", tmp_path, tmp_path / "before")
    verify_raw("stemdl_demo", folder)
    after = prepare("stemdl_demo", tmp_path, tmp_path / "after")
    assert (after / "manifest.json").read_bytes() == (before / "manifest.json").read_bytes()
    assert {entry["sha256"] for entry in json.loads((after / "manifest.json").read_text())["raw"]} == {None}


def test_a_list_of_checksums_that_is_none_is_named(tmp_path: Path) -> None:
    folder = simulate("stemdl_demo", tmp_path, num_samples=6)
    (folder / "checksums.tsv").write_text("train/batch_train_0.h5 0123\n")
    with pytest.raises(InputError, match=r"checksums\.tsv, line 1: expected a file name, a tab and a SHA-256"):
        verify_raw("stemdl_demo", folder)


@contextmanager
def nothing_can_be_written() -> Iterator[None]:
    """As in a read-only folder, but for root too: no file may have a byte."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_raw_files_where_nothing_can_be_recorded_are_verified_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = fetched(tmp_path)
    names = {path.name for path in folder.iterdir()}
    with nothing_can_be_written():
        assert verify_raw("stemdl_demo", folder) == (0, 0)
    (reported,) = caplog.messages
    assert reported.startswith(
        f"the checksums of 3 raw files seen for the first time were not recorded: {folder} cannot be written"
    )
    assert {path.name for path in folder.iterdir()} == names
    assert verify_raw("stemdl_demo", folder) == (0, 3)
