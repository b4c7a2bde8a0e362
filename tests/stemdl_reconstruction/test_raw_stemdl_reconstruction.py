"""STEMDL's raw form C: LMDB environments of both header styles become the same records, and defects are named."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scan_files
import tensorflow_datasets as tfds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from processes import needs_mpi, ranks, run

from sciml_datasets import InputError, prepare
from sciml_datasets.benchmarks import prepared_dir
from sciml_datasets.files.lmdb_files import opened
from sciml_datasets.prepared.manifest import read_manifest
from sciml_datasets.raw_format import Sample
from sciml_datasets.stemdl_reconstruction.raw import NAN, OPEN_FILES, TOLERATED, Scans

NAME = "stemdl_reconstruction"


def examples(data_dir: Path) -> dict[str, dict[str, Any]]:
    source = tfds.data_source(f"sciml/{NAME}", data_dir=data_dir)
    return {example["id"].decode(): example for split in source.values() for example in split}


def digests(data_dir: Path, name: str = NAME) -> dict[str, str]:
    shards = read_manifest(prepared_dir(name, data_dir))["shards"]
    return {shard["name"]: shard["sha256"] for shard in shards}


def write_split_files(raw_dir: Path, entries: Callable[[int], dict[str, Any]], *, folder: bool = False) -> None:
    for seed, name in enumerate(scan_files.FILES):
        scan_files.write_file(raw_dir / NAME / name, entries(seed), folder=folder)


def test_records_are_what_the_file_holds_in_the_shape_that_its_headers_state(tmp_path: Path) -> None:
    scan_files.write_raw(tmp_path)
    prepare(NAME, tmp_path, tmp_path)
    found = examples(tmp_path)
    assert len(found) == 6
    expected = scan_files.records(0)
    example = found["train/batch_train_0.db/1"]
    assert set(example) == {"id", "cbed", "projected_potential"}
    assert example["cbed"].dtype == example["projected_potential"].dtype == np.float16
    np.testing.assert_array_equal(example["cbed"], expected["cbed_1"])
    np.testing.assert_array_equal(example["projected_potential"], expected["2d_potential_1"][0])


@pytest.mark.parametrize(
    ("style", "folder"),
    [
        (lambda seed: scan_files.headers(old=True) | scan_files.records(seed), False),
        (lambda seed: scan_files.headers(old=True) | scan_files.records(seed, output_name="potential_"), False),
        (lambda seed: scan_files.headers() | scan_files.records(seed), True),
        (
            lambda seed: (
                scan_files.headers() | {"output_name": b"phase_"} | scan_files.records(seed, output_name="phase_")
            ),
            False,
        ),
    ],
    ids=["four headers", "four headers, potential_", "a folder with data.mdb", "another name in the headers"],
)
def test_either_style_gives_the_same_records(
    tmp_path: Path, style: Callable[[int], dict[str, Any]], folder: bool
) -> None:
    scan_files.write_raw(tmp_path / "raw")
    prepare(NAME, tmp_path / "raw", tmp_path / "data")
    write_split_files(tmp_path / "other", style, folder=folder)
    prepare(NAME, tmp_path / "other", tmp_path / "again")
    assert digests(tmp_path / "again") == digests(tmp_path / "data")


def test_single_precision_is_kept(tmp_path: Path) -> None:
    def entries(seed: int) -> dict[str, Any]:
        wide = {key: array.astype(np.float32) / 3 for key, array in scan_files.records(seed).items()}
        return scan_files.headers() | {"input_dtype": b"float32", "output_dtype": b"float32"} | wide

    write_split_files(tmp_path, entries)
    prepare(NAME, tmp_path, tmp_path)
    found = examples(tmp_path)["test/batch_test_0.db/0"]
    np.testing.assert_array_equal(found["cbed"], entries(2)["cbed_0"])


def test_records_are_counted_by_their_keys_which_may_have_gaps(tmp_path: Path) -> None:
    scan_files.write_raw(tmp_path, cbed_0=None, **{"2d_potential_0": None})
    prepare(NAME, tmp_path, tmp_path)
    assert [key for key in examples(tmp_path) if key.startswith("train")] == ["train/batch_train_0.db/1"]


@needs_mpi
def test_processes_and_ranks_write_the_same_bytes(raw_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    demo = f"{NAME}_demo"
    prepare(demo, raw_dir, tmp_path / "forked", jobs=2)
    command = [sys.executable, "-m", "sciml_datasets.cli.main", "prepare", demo, "--raw-dir", str(raw_dir)]
    done = run(ranks(2, [*command, "--data-dir", str(tmp_path / "ranks")]))
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path / "forked", demo) == digests(tmp_path / "ranks", demo) == digests(data_dir, demo)


def test_every_way_of_loading_gives_the_shapes_of_the_headers(data_dir: Path) -> None:
    name = f"sciml/{NAME}_demo"
    builder = tfds.builder(name, data_dir=data_dir)
    stored = next(iter(builder.as_data_source(split="train")))
    assert (stored["cbed"].shape, stored["electron_density"].shape) == ((64, 48, 48), (32, 32))
    for made in (builder, tfds.builder_from_directory(builder.data_dir)):
        assert made.info.features["cbed"].shape == (64, 48, 48)
        scans, images = next(iter(made.as_dataset(split="train", as_supervised=True).batch(2)))
        assert (scans.shape, images.shape) == ((2, 64, 48, 48), (2, 32, 32))
        np.testing.assert_array_equal(scans[0], stored["cbed"])
        np.testing.assert_array_equal(images[0], stored["projected_potential"])


SHORT = np.zeros(5, np.float16)
DEFECTS = {
    "no input_shape": ({"input_shape": None}, "the header entry input_shape is missing"),
    "no output_shape": ({"output_shape": None}, "the header entry output_shape is missing"),
    "no input_dtype": ({"input_dtype": None}, "the header entry input_dtype is missing"),
    "no output_dtype": ({"output_dtype": None}, "the header entry output_dtype is missing"),
    "integers": ({"input_dtype": b"int16"}, "input_dtype is 'int16', expected float16 or float32"),
    "half a shape": ({"input_shape": b"123"}, "input_shape is no list of int64 above 0"),
    "a negative shape": ({"input_shape": np.array([4, -1, 16])}, "input_shape is no list of int64 above 0"),
    "two axes": ({"input_shape": np.array([16, 16])}, r"input_shape is \(16, 16\)"),
    "another shape": (
        {"input_shape": np.array([8, 16, 8])},
        r"batch_train_0.db holds cbed_\* \(8, 16, 8\) float16 .*, but .*batch_test_0.db holds cbed_\* \(4, 16, 16\)",
    ),
    "a short record": ({"cbed_1": SHORT}, "the record cbed_1 has 10 bytes, expected 2048"),
    "a short image": ({"2d_potential_0": SHORT}, "the record 2d_potential_0 has 10 bytes, expected 288"),
    "no image": ({"2d_potential_1": None}, "the record 2d_potential_1 is missing"),
    "no scan": ({"cbed_1": None}, "the record cbed_1 is missing"),
    "no records": (
        dict.fromkeys(f"{name}{number}" for name in ("cbed_", "2d_potential_") for number in (0, 1)),
        "it holds no record cbed_<number>",
    ),
    "all zero": ({"cbed_1": np.zeros(scan_files.SCAN, np.float16)}, "cbed_1 is 0 throughout"),
    "all NaN": ({"cbed_1": np.full(scan_files.SCAN, np.nan, np.float16)}, "cbed_1 is NaN or infinite throughout"),
    "some NaN": (
        {"cbed_1": np.where(np.arange(16) < 1, np.nan, np.ones(scan_files.SCAN)).astype(np.float16)},
        r"cbed_1 is NaN or infinite at 64 of 1024 pixels; 1 of 6 samples have NaN or infinity in a pattern, .* more "
        "than 0.1 % are not taken",
    ),
    "NaN in an image": (
        {"2d_potential_1": np.full(scan_files.IMAGE, np.nan, np.float16)},
        "the record 2d_potential_1, a target, has NaN or infinite pixels",
    ),
}


@pytest.mark.parametrize(("changes", "message"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_named_and_nothing_is_left(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = scan_files.write_raw(tmp_path, **changes)
    with pytest.raises(InputError, match=message) as caught:
        prepare(NAME, tmp_path, tmp_path / "data")
    assert str(path.parent) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path for path in (tmp_path / "data").rglob("*") if path.is_file()] == []


def test_bad_input_is_the_users_mistake_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sciml_datasets.cli.main import main

    path = scan_files.write_raw(tmp_path, input_shape=None)
    assert main(["prepare", NAME, "--raw-dir", str(tmp_path), "--data-dir", str(tmp_path), "--jobs", "1"]) == 2
    errors = capsys.readouterr().err
    assert f"{path}: the header entry input_shape is missing" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:9000], "cut short: fetch it again"),
        (lambda content: b"x" * 9000, "not a complete LMDB environment"),
        (lambda content: b"", "is empty, expected an LMDB environment"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, damage: Callable[[bytes], bytes], message: str) -> None:
    path = scan_files.write_raw(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=message) as caught:
        prepare(NAME, tmp_path, tmp_path / "data")
    assert str(path) in str(caught.value)


def test_a_split_without_files_and_a_folder_without_data_are_named(tmp_path: Path) -> None:
    path = scan_files.write_raw(tmp_path)
    (path.parent / "batch_test_1.db").mkdir()
    with pytest.raises(InputError, match=r"batch_test_1.db/data.mdb is missing"):
        prepare(NAME, tmp_path, tmp_path)
    (path.parent / "batch_test_1.db").rmdir()
    (path.parent / "batch_test_0.db").unlink()
    with pytest.raises(InputError, match=r"no batch_test_\*.db for the test split"):
        prepare(NAME, tmp_path, tmp_path)


def test_few_nan_are_stored_as_zero_counted_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(TOLERATED, NAN, 0.2)  # of six samples: one
    scan = scan_files.records(0)["cbed_1"]
    scan[2, 3, 4] = np.nan
    final = prepare(NAME, scan_files.write_raw(tmp_path, cbed_1=scan).parents[1], tmp_path)
    np.testing.assert_array_equal(examples(tmp_path)["train/batch_train_0.db/1"]["cbed"], np.nan_to_num(scan))
    assert "1 of 6 samples have NaN or infinity in a pattern, stored as 0; the first: " in caplog.text
    assert sum(count for shard in read_manifest(final)["shards"] for count, _ in shard["notes"].values()) == 1


def test_more_files_are_read_than_are_kept_open(tmp_path: Path) -> None:
    count = OPEN_FILES + 3
    for seed in range(count):
        entries = scan_files.headers() | scan_files.records(seed, count=1)
        scan_files.write_file(tmp_path / f"batch_train_{seed}.db", entries)
    with Scans(density=False).reader(tmp_path) as read:
        for seed in range(count):
            sample = Sample("train", str(seed), f"batch_train_{seed}.db", "0", 0, "", ())
            np.testing.assert_array_equal(read(sample)["cbed"], scan_files.records(seed, count=1)["cbed_0"])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(page=st.integers(0, 40), place=st.integers(0, 63), value=st.integers(0, 255), from_end=st.booleans())
def test_a_damaged_page_is_reported_or_changes_nothing_but_pixels(
    tmp_path: Path, page: int, place: int, value: int, from_end: bool
) -> None:
    """LMDB itself follows a wrong number out of the file, which ends the process."""
    path = scan_files.write_raw(tmp_path) if not any(tmp_path.iterdir()) else tmp_path / NAME / scan_files.FILES[0]
    path.unlink()
    scan_files.write_file(path, scan_files.headers() | scan_files.records(0, count=12))
    content = bytearray(path.read_bytes())
    start = page % (len(content) // 4096) * 4096
    content[start + 4095 - 4 * place if from_end else start + place] = value
    path.write_bytes(content)
    scans, shapes = Scans(density=False), {scan_files.SCAN}
    try:
        (file,) = (file for file in scans.files(path.parent) if file.split == "train")
        samples = list(scans.index(path.parent, file))
        with scans.reader(path.parent) as read:
            shapes = {read(sample)["cbed"].shape for sample in samples}
    except InputError as error:
        reported = str(error)
    else:
        reported = str(path)
    assert str(path) in reported
    assert shapes == {scan_files.SCAN}


def test_a_shape_that_no_file_could_hold_is_reported(tmp_path: Path) -> None:
    scan_files.write_raw(tmp_path, input_shape=np.array([2**62, 2**62, 16]).tobytes())
    with pytest.raises(InputError, match=r"batch_train_0\.db"):
        prepare("stemdl_reconstruction", tmp_path, tmp_path / "data")


def test_a_name_of_records_that_is_none_is_reported(tmp_path: Path) -> None:
    scan_files.write_raw(tmp_path, input_name=b"x" * 100_000)
    with pytest.raises(InputError, match="input_name has 100000 bytes, expected a name"):
        prepare("stemdl_reconstruction", tmp_path, tmp_path / "data")


def test_a_name_of_records_that_does_not_show_is_reported(tmp_path: Path) -> None:
    scan_files.write_raw(tmp_path, input_name=b"cbed\n")
    with pytest.raises(InputError, match=r"input_name is 'cbed\\n', expected a name: remove the file"):
        prepare(NAME, tmp_path, tmp_path)


def with_zeros(entries: dict[str, Any]) -> dict[str, Any]:
    """The records' numbers in five digits."""
    return {re.sub(r"_(\d+)$", lambda match: f"_{int(match[1]):05}", key): value for key, value in entries.items()}


def test_numbers_with_leading_zeros_are_read_as_they_are_written(tmp_path: Path) -> None:
    write_split_files(tmp_path, lambda seed: scan_files.headers() | with_zeros(scan_files.records(seed, count=11)))
    prepare(NAME, tmp_path, tmp_path)
    found = examples(tmp_path)
    assert {key for key in found if key.startswith("train")} == {f"train/batch_train_0.db/{i:05}" for i in range(11)}
    np.testing.assert_array_equal(
        found["train/batch_train_0.db/00010"]["cbed"], scan_files.records(0, count=11)["cbed_10"]
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"cbed_00": scan_files.records(5)["cbed_0"]},
        with_zeros(scan_files.records(5, count=1)),
        {"2d_potential_0": None, "2d_potential_00": scan_files.records(5)["2d_potential_0"]},
    ],
    ids=["a second scan", "a second sample", "a scan and its target"],
)
def test_a_number_that_is_written_in_two_ways_is_reported(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = scan_files.write_raw(tmp_path, **changes)
    with pytest.raises(
        InputError, match=rf"{path.name}: records have the number 0 and also 0+, expected each number to be written in"
    ):
        prepare(NAME, tmp_path, tmp_path / "data")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(last=st.binary(min_size=8, max_size=8))
def test_a_length_that_a_damaged_header_declares_is_no_trouble_of_the_machine(tmp_path: Path, last: bytes) -> None:
    """The library would ask the system for a map of that length."""
    path = scan_files.write_raw(tmp_path) if not any(tmp_path.iterdir()) else tmp_path / NAME / scan_files.FILES[0]
    path.unlink()
    scan_files.write_file(path, scan_files.headers() | scan_files.records(0))
    content = bytearray(path.read_bytes())
    content[4096 + 136 : 4096 + 144] = last  # the number of the last page, in the newer of two headers
    path.write_bytes(content)
    declared = (int.from_bytes(last, "little") + 1) * 4096
    cut_short = rf"{path}: {len(content)} bytes of at least {declared}, cut short"
    with pytest.raises(InputError, match=cut_short) if declared > len(content) else nullcontext(), opened(path):
        pass
