"""Shards: TFRecord files that TensorFlow reads, whole or absent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sciml_datasets.preparation.shards import write_shard


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=8))
def test_tensorflow_reads_what_was_written(tmp_path_factory: pytest.TempPathFactory, examples: list[bytes]) -> None:
    import tensorflow as tf

    path = tmp_path_factory.mktemp("shard") / "a.tfrecord"
    written = write_shard(path, examples)
    assert [record.numpy() for record in tf.data.TFRecordDataset(str(path))] == examples
    assert (written.records, written.example_bytes) == (len(examples), sum(map(len, examples)))
    content = path.read_bytes()
    assert (written.bytes, written.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_a_failure_half_way_leaves_nothing(tmp_path: Path) -> None:
    def examples() -> Iterator[bytes]:
        yield b"one"
        raise RuntimeError("the node died")

    with pytest.raises(RuntimeError, match="the node died"):
        write_shard(tmp_path / "a.tfrecord", examples())
    assert list(tmp_path.iterdir()) == []
