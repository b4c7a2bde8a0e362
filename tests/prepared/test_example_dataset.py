"""``tfds.load`` with large tensors read apart: elements, order and errors are those of TFDS's own reader."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from deferred import tf

from sciml_datasets import prepare
from sciml_datasets.prepared import example_dataset, shard_checks
from sciml_datasets.prepared.large_tensors import LargeTensors, entry_head
from sciml_datasets.prepared.random_access import TFRecords, offsets_of

NAME = "sciml/cloudmask_demo"
OWN = {"override_buffer_size": 1 << 18}
"""An option with which TFDS's own reader reads."""


@pytest.fixture(scope="module")
def root(raw_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with CloudMask's demo in two shards a split."""
    found = tmp_path_factory.mktemp("apart")
    prepare("cloudmask_demo", raw_dir, found, num_shards=2)
    return found


def load(root: Path, name: str = NAME, split: str = "train", *, shuffle_files: bool = False, **options: Any) -> Any:
    config = tfds.ReadConfig(try_autocache=False, **options)
    return tfds.load(name, split=split, data_dir=root, shuffle_files=shuffle_files, read_config=config)


def ids(dataset: Any) -> list[bytes]:
    return [example["id"] for example in tfds.as_numpy(dataset)]


def test_a_data_set_of_large_tensors_is_read_apart(root: Path, data_dir: Path) -> None:
    def apart(name: str, root: Path, **options: Any) -> bool:
        info = tfds.builder(name, data_dir=root).info
        return example_dataset.reads_apart(info, options.pop("decoders", None), tfds.ReadConfig(**options))

    assert apart(NAME, root)
    assert not apart(NAME, root, **OWN)
    assert not apart(NAME, root, add_tfds_id=True)
    assert not apart(NAME, root, decoders={"cloud": tfds.decode.SkipDecoding()})
    assert not apart("sciml/stemdl_demo", data_dir)
    assert not apart("sciml/candle_uno_demo", data_dir)


@pytest.mark.parametrize("split", ["train", "train[3:7]+test"])
def test_examples_are_those_of_the_reader_of_tfds(root: Path, split: str) -> None:
    found, expected = load(root, split=split), load(root, split=split, **OWN)
    assert found.element_spec == expected.element_spec
    assert found.cardinality() == expected.cardinality()
    for one, other in zip(tfds.as_numpy(found), tfds.as_numpy(expected), strict=True):
        assert list(one) == list(other)
        for name, value in one.items():
            np.testing.assert_array_equal(value, other[name])


@pytest.mark.parametrize("options", [{}, {"interleave_block_length": 2}, {"interleave_cycle_length": 1}])
def test_the_order_is_that_of_the_reader_of_tfds(root: Path, options: dict[str, Any]) -> None:
    assert ids(load(root, **options)) == ids(load(root, **options, **OWN))


def test_shards_are_shuffled_as_the_reader_of_tfds_shuffles_them(root: Path) -> None:
    options = {"shuffle_seed": 3, "interleave_block_length": 1, "shuffle_files": True}
    found = ids(load(root, **options))
    assert found == ids(load(root, **options, **OWN))
    assert sorted(found) == sorted(ids(load(root)))


def test_an_iterator_can_be_saved(root: Path, tmp_path: Path) -> None:
    iterator = iter(load(root))
    expected = ids(load(root))
    assert next(iterator)["id"] == expected[0]
    path = tf.train.Checkpoint(iterator=iterator).save(str(tmp_path / "saved"))
    other = iter(load(root))
    tf.train.Checkpoint(iterator=other).restore(path)
    assert next(other)["id"] == expected[1]


def test_nothing_is_logged(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        next(iter(load(root)))
        next(iter(load(root, **OWN)))
        partly = tfds.decode.PartialDecoding({"id": True, "cloud": True})
        next(iter(tfds.load(NAME, split="test", data_dir=root, decoders=partly)))
    assert caplog.records == []


@pytest.mark.parametrize("part", ["length", "entry", "tensor", "checksum"])
def test_damage_raises_what_it_raises_in_the_reader_of_tensorflow(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(shard_checks, "HASHED_BYTES", 0)  # as for larger splits
    shutil.copytree(root, tmp_path / "copy")
    shard = next((tmp_path / "copy").rglob("*-train.tfrecord-00001-of-00002"))
    start, end = offsets_of(shard)[1:3].tolist()
    content = bytearray(shard.read_bytes())
    content[{"length": start, "entry": start + 14, "tensor": (start + end) // 2, "checksum": end - 1}[part]] ^= 1
    shard.write_bytes(content)
    for options in ({}, OWN):
        dataset = iter(load(tmp_path / "copy", **options))
        with pytest.raises(tf.errors.DataLossError):
            list(dataset)


def test_a_record_without_one_of_the_tensors_is_not_taken_apart(root: Path) -> None:
    builder = tfds.builder(NAME, data_dir=root)
    tensors = LargeTensors(builder.info.features)
    records = builder.as_data_source("train").data_source
    assert records.read_apart(*records.place(0), tensors) is not None
    tensors.types["another"] = tensors.types["cloud"]
    assert records.read_apart(*records.place(0), tensors) is None
    assert TFRecords([]).read_apart(records.place(0)[0], 10**6, LargeTensors(builder.info.features)) is None


@pytest.mark.parametrize("size", [1 << 16, 1 << 22])
def test_the_head_of_an_entry_is_that_of_protobuf(size: int) -> None:
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[bytes(size)]))
    example = tf.train.Example(features=tf.train.Features(feature={"cloud": feature})).SerializeToString()
    head = entry_head(b"cloud", size)
    assert example[-size - len(head) : -size] == head
