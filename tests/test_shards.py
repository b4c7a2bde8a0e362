"""Shards: TFRecord files that TensorFlow reads, whole or absent."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sciml_datasets.preparation.shards import write_array_record, write_tfrecord


@settings(max_examples=25)
@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=8))
def test_tensorflow_reads_what_was_written(tmp_path_factory: pytest.TempPathFactory, examples: list[bytes]) -> None:
    import tensorflow as tf

    path = tmp_path_factory.mktemp("shard") / "a.tfrecord"
    written = write_tfrecord(path, ([example[:3], example[3:]] for example in examples))
    assert [record.numpy() for record in tf.data.TFRecordDataset(str(path))] == examples
    assert (written.records, written.example_bytes) == (len(examples), sum(map(len, examples)))
    for name, size, sha256 in written.files():
        content = (path.parent / name).read_bytes()
        assert (size, sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert {entry.name for entry in path.parent.iterdir()} == {"a.tfrecord", "a.tfrecord.offsets"}


def test_the_offsets_say_where_records_begin(tmp_path: Path) -> None:
    write_tfrecord(tmp_path / "a", [[b"one"], [b""], [b"three"]])
    assert struct.unpack("<4Q", (tmp_path / "a.offsets").read_bytes()) == (0, 19, 35, 56)


def test_array_record_reads_back(tmp_path: Path) -> None:
    from array_record.python.array_record_module import ArrayRecordReader

    written = write_array_record(tmp_path / "a", [[b"o", b"ne"], [b"two"]])
    reader = ArrayRecordReader(str(tmp_path / "a"))
    assert reader.read_all() == [b"one", b"two"]
    assert written.sha256 == hashlib.sha256((tmp_path / "a").read_bytes()).hexdigest()


@pytest.mark.parametrize("write", [write_tfrecord, write_array_record])
def test_a_failure_half_way_leaves_nothing(tmp_path: Path, write: Callable[..., object]) -> None:
    def examples() -> Iterator[list[bytes]]:
        yield [b"one"]
        raise RuntimeError("the node died")

    with pytest.raises(RuntimeError, match="the node died"):
        write(tmp_path / "a", examples())
    assert list(tmp_path.iterdir()) == []


def test_a_record_of_many_parts_is_written_whole(tmp_path: Path) -> None:
    parts = [bytes([i % 256]) * 3 for i in range(3000)]
    assert write_tfrecord(tmp_path / "a", [parts]).bytes == 9000 + 16 == (tmp_path / "a").stat().st_size
