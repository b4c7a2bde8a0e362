"""Preprocessed STEMDL: the reference's numbers, the same from raw form A and from raw form B."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import stemdl_files
import tensorflow_datasets as tfds
from npz_files import FOLDERS, reference_transform, write_npz, write_raw
from processes import needs_mpi, ranks, run

from sciml_datasets import InputError, folds, prepare, simulate
from sciml_datasets.preparation.tolerated import Notes
from sciml_datasets.prepared.manifest import read_manifest
from sciml_datasets.stemdl.log_scaling import log_scaled
from sciml_datasets.stemdl.raw import NAN, TOLERATED

NAME = "stemdl_preprocessed"


@pytest.fixture(scope="module")
def form_a(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A raw folder with ``stemdl``, two full-size samples in train and one in dev and test."""
    root = tmp_path_factory.mktemp("form_a")
    rng = np.random.default_rng(0)
    numbers = iter(range(9))

    def sample() -> dict[str, object]:
        stack = rng.gamma(0.05, 1e-5, (3, 512, 512)).astype(np.float32)
        stack[:, :40] = 0
        number = next(numbers)
        return stemdl_files.sample(f"mp-{number}", cbed_stack=stack, space_group=14 + number)

    for folder, count in (("train", 2), ("dev", 1), ("test", 1)):
        samples = {f"sample_{i}_0": sample() for i in range(count)}
        stemdl_files.write_file(root / "stemdl" / folder / f"batch_{folder}_0.h5", samples)
    return root


@pytest.fixture(scope="module")
def from_a(form_a: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of ``form_a``, preprocessed while it was prepared."""
    root = tmp_path_factory.mktemp("from_a")
    prepare("stemdl", form_a, root, preprocess=True, num_shards=1)
    return root


def stacks(data_dir: Path) -> dict[int, np.ndarray]:
    """Space group to stack of all splits."""
    source = tfds.data_source(f"sciml/{NAME}", data_dir=data_dir)
    return {int(example["space_group"]): example["cbed_stack"] for split in source.values() for example in split}


def digests(data_dir: Path) -> dict[str, str]:
    manifest = read_manifest(data_dir / "sciml" / NAME / "1.0.0")
    return {shard["name"]: shard["sha256"] for shard in manifest["shards"]}


def test_the_transform_is_the_references_to_the_last_bit() -> None:
    patterns = np.random.default_rng(0).gamma(0.01, size=(3, 512, 512)).astype(np.float32)
    patterns[0, :8, :8], patterns[1, :4, :4] = 0, np.inf
    given = patterns.copy()
    found = log_scaled(patterns)
    np.testing.assert_array_equal(found, reference_transform(patterns))
    np.testing.assert_array_equal(patterns, given)
    assert (found.dtype, found[0, 0, 0], found[1, 0, 0]) == (np.float32, 0, 255)


def test_patterns_of_128_pixels_are_brought_to_the_intensity_of_512() -> None:
    coarse = np.random.default_rng(1).random((3, 128, 128)).astype(np.float32)
    fine = np.repeat(np.repeat(coarse / 16, 4, axis=1), 4, axis=2)
    np.testing.assert_allclose(log_scaled(coarse), log_scaled(fine), atol=1e-3)


def test_nan_spreads_over_its_block_alone() -> None:
    patterns = np.ones((1, 512, 512), np.float32)
    patterns[0, 5, 5] = np.nan
    assert np.flatnonzero(np.isnan(log_scaled(patterns))).tolist() == [129]


def test_form_a_and_form_b_give_the_same_bits(form_a: Path, from_a: Path, tmp_path: Path) -> None:
    folders = {"train": "training", "dev": "validation", "test": "testing"}
    for path in sorted((form_a / "stemdl").rglob("*.h5")):
        with h5py.File(path) as file:
            for name, group in file.items():
                arrays = {"data": reference_transform(group["cbed_stack"][:]), "label": [group.attrs["space_group"]]}
                write_npz(tmp_path / "raw" / NAME / folders[path.parent.name] / f"{name}.npz", **arrays)
    prepare(NAME, tmp_path / "raw", tmp_path / "data")
    a, b = stacks(from_a), stacks(tmp_path / "data")
    assert a.keys() == b.keys() == {14, 15, 16, 17}
    for group, stack in a.items():
        np.testing.assert_array_equal(stack, b[group])


def test_the_command_line_preprocesses_and_says_what_was_there(
    form_a: Path, from_a: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sciml_datasets.cli.main import main

    command = ["prepare", "stemdl", "--preprocess", "--raw-dir", str(form_a), "--data-dir", str(tmp_path)]
    assert main([*command, "--jobs", "1"]) == 0
    assert digests(tmp_path) == digests(from_a)
    assert main(command) == 0
    assert "prepared before" in capsys.readouterr().out
    assert main(["prepare", "candle_uno", "--preprocess"]) == 2
    assert "candle_uno has no preprocessed form: there is one of stemdl, cloudmask" in capsys.readouterr().err


def test_it_has_no_simulator_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="simulate stemdl, whose raw files are transformed while they are read"):
        simulate(NAME, tmp_path)
    with pytest.raises(InputError, match="`sciml simulate stemdl --out"):
        prepare(NAME, tmp_path, tmp_path)


def test_processes_write_the_same_bytes(form_a: Path, from_a: Path, tmp_path: Path) -> None:
    prepare("stemdl", form_a, tmp_path, jobs=2, preprocess=True, num_shards=1)
    assert digests(tmp_path) == digests(from_a)


@needs_mpi
def test_mpi_ranks_write_the_same_bytes(form_a: Path, from_a: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sciml_datasets.cli.main", "prepare", "stemdl", "--preprocess"]
    done = run(ranks(2, [*command, "--raw-dir", str(form_a), "--data-dir", str(tmp_path)]))
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path) == digests(from_a)


def test_form_b_has_no_material_so_that_nothing_is_said_of_leaks(tmp_path: Path) -> None:
    write_raw(tmp_path)
    prepare(NAME, tmp_path, tmp_path)
    example = next(iter(tfds.data_source(f"sciml/{NAME}", split="test", data_dir=tmp_path)))
    assert (example["material"], example["formula"], example["energy_kev"]) == (b"", b"", 0)
    assert example["id"].decode() in ("test/testing/0", "test/inference/0")
    assert len(folds(NAME, 2, data_dir=tmp_path)) == 2
    with pytest.raises(InputError, match="the material of 4 samples is not known"):
        folds(NAME, 2, "material", data_dir=tmp_path)


def test_compressed_files_are_read_too(tmp_path: Path) -> None:
    folder = write_raw(tmp_path)
    data = np.load(folder / "training" / "0.npz")["data"]
    np.savez_compressed(folder / "training" / "0.npz", data=data, label=np.array(7, np.float32))
    prepare(NAME, tmp_path, tmp_path)
    np.testing.assert_array_equal(stacks(tmp_path)[7], data)


def pickled() -> np.ndarray:
    return np.array([{"not": "loaded"}], object)


GOOD = np.ones((3, 128, 128), np.float32)
DEFECTS = {
    "an object array": ({"data": pickled()}, "it holds Python objects, which are never loaded"),
    "an object label": ({"label": pickled()}, "it holds Python objects, which are never loaded"),
    "no data": ({"data": None}, "data.npy is missing"),
    "no label": ({"label": None}, "label.npy is missing"),
    "another shape": ({"data": GOOD[:, :64]}, r"data is \(3, 64, 128\) float32, expected \(3, 128, 128\) float32"),
    "another type": ({"data": GOOD.astype(np.float64)}, "data is .* float64"),
    "label 231": ({"label": np.array([231])}, "label is 231, expected one number from 1 to 230"),
    "two labels": ({"label": np.array([1, 2])}, r"label is \(2,\) int64"),
    "a label in words": ({"label": np.array(["Fm-3m"])}, r"label is \(1,\) <U5"),
    "all zero": ({"data": 0 * GOOD}, "cbed_stack is 0 throughout"),
    "all NaN": ({"data": np.nan * GOOD}, "NaN at 49152 of 49152 pixels"),
    "some NaN": (
        {"data": np.where(np.arange(128) < 1, np.nan, GOOD).astype(np.float32)},
        "more than 0.1 % are not taken",
    ),
    "not scaled": ({"data": 1e4 * GOOD}, "data is from 10000 to 10000, expected from 0 to 255"),
    "negative": ({"data": -GOOD}, "data is from -1 to -1"),
}


@pytest.mark.parametrize(("arrays", "message"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_of_form_b_is_named_and_nothing_is_left(
    tmp_path: Path, arrays: dict[str, np.ndarray | None], message: str
) -> None:
    folder = write_raw(tmp_path)
    path = write_npz(folder / "training" / "1.npz", **arrays)
    with pytest.raises(InputError, match=message) as caught:
        prepare(NAME, tmp_path, tmp_path / "data")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path for path in (tmp_path / "data").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:100_000], "not a complete .npz file"),
        (lambda content: b"", "not a complete .npz file"),
        (lambda content: content[:5000] + b"\0\1" + content[5002:], "not those that its checksum belongs to"),
    ],
)
def test_a_damaged_file_of_form_b_is_named(tmp_path: Path, damage: Callable[[bytes], bytes], message: str) -> None:
    path = write_raw(tmp_path) / "training" / "0.npz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=message):
        prepare(NAME, tmp_path, tmp_path / "data")


def test_a_folder_of_both_forms_or_of_none_is_refused(tmp_path: Path) -> None:
    folder = write_raw(tmp_path)
    (folder / "train").mkdir()
    with pytest.raises(InputError, match=r"holds the raw forms A \(train/\) and B \(training/\)"):
        prepare(NAME, tmp_path, tmp_path)
    for name in (*FOLDERS, "train"):
        for path in (folder / name).iterdir():
            path.unlink()
        (folder / name).rmdir()
    with pytest.raises(InputError, match="expected the folders training/"):
        prepare(NAME, tmp_path, tmp_path)


def test_few_nan_are_stored_as_zero_counted_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(TOLERATED, NAN, 0.25)  # of five samples: one
    folder = write_raw(tmp_path)
    data = GOOD.copy()
    data[0, 3, 4] = np.nan
    write_npz(folder / "training" / "1.npz", data=data, label=np.array([9]))
    final = prepare(NAME, tmp_path, tmp_path)
    np.testing.assert_array_equal(stacks(tmp_path)[9], np.nan_to_num(data))
    assert "1 of 5 samples have NaN pixels, stored as 0; the first: " in caplog.text
    notes = [shard["notes"] for shard in read_manifest(final)["shards"]]
    assert [count for found in notes for count, _ in found.values()] == [1]
    monkeypatch.setitem(TOLERATED, NAN, 0.1)
    with pytest.raises(InputError, match=r"1\.npz: cbed_stack is NaN at 1 of 49152 pixels; 1 of 5 samples"):
        prepare(NAME, tmp_path, tmp_path / "again")


def test_the_manifest_is_the_same_wherever_raw_files_with_nan_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TOLERATED, NAN, 0.25)
    data = GOOD.copy()
    data[0, 3, 4] = np.nan
    manifests = []
    for place in ("here", "there"):
        write_npz(write_raw(tmp_path / place) / "training" / "1.npz", data=data, label=np.array([9]))
        manifests.append((prepare(NAME, tmp_path / place, tmp_path / place) / "manifest.json").read_text())
    assert manifests[0] == manifests[1]


def test_a_pattern_of_zeros_is_kept_and_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write_raw(tmp_path)
    data = GOOD.copy()
    data[1] = 0
    write_npz(folder / "training" / "1.npz", data=data, label=np.array([9]))
    prepare(NAME, tmp_path, tmp_path)
    np.testing.assert_array_equal(stacks(tmp_path)[9], data)
    reported = caplog.text
    assert "1 of 5 samples have a pattern of zeros among others; the first: " in reported
    assert "1.npz: cbed_stack[1] is 0 throughout" in reported


def test_what_is_tolerated_is_a_share_of_all_samples() -> None:
    notes = Notes({"are odd": 0.001}, 3000)
    notes.add_all([{"are odd": (2, "a")}, {"are odd": (1, "b")}], Path("raw"))
    with pytest.raises(InputError, match=r"a; 4 of 3000 samples are odd, and more than 0\.1 % are not taken"):
        notes.add("are odd", "c")
