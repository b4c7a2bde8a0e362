"""Random access to prepared records: the same examples as ``tfds.load``, and a damaged record raises."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds

from sciml_datasets import InputError, prepare
from sciml_datasets.errors import DamagedRecordError
from sciml_datasets.prepared import random_access


@pytest.fixture(scope="module", params=["tfrecord", "array_record"])
def prepared(request: pytest.FixtureRequest, raw_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with three shards per split, in either format."""
    root = tmp_path_factory.mktemp(request.param)
    prepare("stemdl_demo", raw_dir, root, file_format=request.param, num_shards=3)
    return root


def source(prepared: Path, split: str = "train") -> Any:
    return tfds.data_source("sciml/stemdl_demo", split=split, data_dir=prepared)


def ids(examples: Any) -> list[str]:
    return [example["id"] if isinstance(example["id"], str) else example["id"].decode() for example in examples]


def test_examples_and_order_are_those_of_tfds_load(prepared: Path, data_dir: Path) -> None:
    loaded = list(tfds.as_numpy(tfds.load("sciml/stemdl_demo", split="train", data_dir=data_dir)))
    examples = source(prepared)
    assert len(examples) == len(loaded) == 40
    assert ids(examples) == ids(loaded)
    for i in (0, 13, 14, 39):
        np.testing.assert_array_equal(examples[i]["cbed_stack"], loaded[i]["cbed_stack"])
        assert examples[i]["space_group"] == loaded[i]["space_group"]
    assert ids(examples.__getitems__([30, 3])) == [ids(loaded)[30], ids(loaded)[3]]
    with pytest.raises(IndexError):
        examples[40]


def test_arrays_may_be_written_into_and_are_nobody_elses(prepared: Path) -> None:
    examples = source(prepared)
    (first,) = examples.__getitems__([0])
    expected = examples[0]["cbed_stack"].copy()
    first["cbed_stack"][:] = 0
    np.testing.assert_array_equal(examples[0]["cbed_stack"], expected)
    assert {value.flags.writeable for value in examples[1].values() if isinstance(value, np.ndarray)} == {True}


def test_one_position_is_a_whole_number(prepared: Path) -> None:
    examples = source(prepared)
    assert examples[np.int64(1)]["id"] == examples[1]["id"]
    for position in (slice(0, 2), 1.0, "1"):
        with pytest.raises(TypeError):
            examples[position]


def test_parts_and_all_of_the_splits(prepared: Path) -> None:
    every = ids(source(prepared))
    assert ids(source(prepared, "train[10:35]")) == every[10:35]
    assert ids(source(prepared, "train[:20%]+test")) == every[:8] + ids(source(prepared, "test"))
    assert {name: len(part) for name, part in source(prepared, None).items()} == {
        "train": 40,
        "validation": 10,
        "test": 10,
    }


@pytest.mark.parametrize("positions", [[], [7], [20, 3, -1, 3, 4, 5, 13, 14, 12], [*range(39, -1, -1)]])
@pytest.mark.parametrize("at_once", [1 << 10, 1 << 30], ids=["one by one", "in runs"])
def test_several_records_come_in_the_order_that_was_asked_for(
    prepared: Path, monkeypatch: pytest.MonkeyPatch, positions: list[int], at_once: int
) -> None:
    monkeypatch.setattr(random_access, "RUN_BYTES", at_once)
    examples = source(prepared)
    records = examples.data_source
    assert records.__getitems__(positions) == [records[position] for position in positions]
    assert ids(examples.__getitems__(positions)) == [ids([examples[position]])[0] for position in positions]


def test_several_records_are_checked_as_one_is(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random_access, "RUN_BYTES", 1 << 30)
    examples = damaged_copy(prepared, tmp_path, flip)
    for sequence in (examples, examples.data_source):
        with pytest.raises(IndexError, match="record 40 of 40"):
            sequence.__getitems__([0, 40])
        with pytest.raises(DamagedRecordError, match="00001-of-00003, record"):
            sequence.__getitems__(range(40))
        assert len(sequence.__getitems__([39, 0])) == 2


def first_bytes(examples: Any, i: int) -> float:
    return float(examples[i]["cbed_stack"][0, 64, 64])


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_worker_processes_read_what_the_parent_reads(prepared: Path, method: str) -> None:
    # In a process of its own, as a user would: this one holds the threads of TensorFlow, which no fork survives.
    if method == "fork" and "array_record" in str(prepared):
        pytest.skip("the array_record library does not survive a fork; documented in random_access.py and README")
    done = subprocess.run(
        [sys.executable, __file__, str(prepared), method], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "40 agree\n", done.stderr


def test_threads_may_share_it_with_fewer_open_files_than_shards(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random_access, "OPEN_FILES", 1)
    examples = source(prepared)
    expected = ids(examples)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            assert ids(pool.map(examples.__getitem__, range(40))) == expected


def test_open_files_are_bounded(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random_access, "OPEN_FILES", 2)
    examples = source(prepared, "train+validation+test")
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    for example in examples:
        assert example["id"]
    assert len(list(descriptors.iterdir())) <= before + 2


def test_it_can_be_pickled(prepared: Path) -> None:
    examples = source(prepared)
    assert ids(pickle.loads(pickle.dumps(examples))) == ids(examples)


def damaged_copy(prepared: Path, tmp_path: Path, damage: Any) -> Any:
    shutil.copytree(prepared, tmp_path / "copy")
    folder = tmp_path / "copy/sciml/stemdl_demo/3.0.0"
    (shard,) = folder.glob("sciml-train.*-00001-of-00003")
    content = bytearray(shard.read_bytes())
    damage(content)
    shard.write_bytes(content)
    return source(tmp_path / "copy")


def flip(content: bytearray) -> None:
    content[len(content) // 2] ^= 1


def cut(content: bytearray) -> None:
    del content[len(content) // 2 :]


@pytest.mark.parametrize("damage", [flip, cut])
def test_a_damaged_record_raises_and_never_returns_none(prepared: Path, tmp_path: Path, damage: Any) -> None:
    examples = damaged_copy(prepared, tmp_path, damage)
    read, damaged = 0, 0
    for i in range(40):
        try:
            assert examples[i]["cbed_stack"].shape == (3, 128, 128)
            read += 1
        except DamagedRecordError as error:
            damaged += "00001-of-00003" in str(error)
    assert read >= 26  # the other two shards hold 13 or 14 each
    assert read + damaged == 40
    assert damaged >= 1


@pytest.mark.parametrize("suffix", ["", ".offsets"])
def test_a_missing_file_is_named(prepared: Path, tmp_path: Path, suffix: str) -> None:
    if suffix and "array_record" in str(prepared):
        pytest.skip("ArrayRecord files have nothing beside them")
    shutil.copytree(prepared, tmp_path / "copy")
    (shard,) = (tmp_path / "copy/sciml/stemdl_demo/3.0.0").glob(f"sciml-train.*-00001-of-00003{suffix}")
    shard.unlink()
    examples = source(tmp_path / "copy")
    assert examples[0]["cbed_stack"].shape == (3, 128, 128)
    with pytest.raises(InputError, match=f"{shard} is missing: .* prepare the data set again"):
        examples[20]


def test_reading_needs_no_tensorflow(prepared: Path) -> None:
    code = (
        "import sys, sciml_datasets, tensorflow_datasets as tfds; "
        f"source = tfds.data_source('sciml/stemdl_demo', split='test', data_dir={str(prepared)!r}); "
        "assert source[0]['cbed_stack'].shape == (3, 128, 128); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_default_folder_serves_tfrecord_although_tfds_asks_for_array_record(
    raw_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    prepare("stemdl_demo", raw_dir)
    assert len(tfds.data_source("sciml/stemdl_demo", split="test")) == 10


if __name__ == "__main__":
    here = tfds.data_source("sciml/stemdl_demo", split="train", data_dir=sys.argv[1])
    expected = [first_bytes(here, i) for i in range(40)]  # files are open when the workers start
    with ProcessPoolExecutor(2, get_context(sys.argv[2])) as workers:
        assert list(workers.map(first_bytes, [here] * 40, range(40))) == expected
    print("40 agree")
