"""Large tensors of a record, read from the file into arrays of their own; and what TensorFlow's own pipeline runs."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import tensorflow_datasets as tfds
from deferred import tf

from sciml_datasets.benchmarks import OWN
from sciml_datasets.prepared.large_tensors import LargeTensors, entry_head
from sciml_datasets.prepared.random_access import TFRecords

NAME = "sciml/cloudmask_demo"
DEMOS = [f"{name}_demo" for name in OWN]


@pytest.mark.parametrize("name", DEMOS)
def test_tensorflow_reads_without_a_function_of_python(data_dir: Path, name: str) -> None:
    """An iterator that is dropped while such a function runs waits for it, and it for Python's lock: both for good."""
    dataset = tfds.load(f"sciml/{name}", split="train", data_dir=data_dir, as_supervised=True, shuffle_files=True)
    serialised = tf.raw_ops.DatasetToGraphV2(input_dataset=dataset._variant_tensor).numpy()
    graph = tf.compat.v1.GraphDef.FromString(serialised)
    operations = {node.op for nodes in (graph.node, *(f.node_def for f in graph.library.function)) for node in nodes}
    assert "ParseExampleV2" in operations or "ParseSingleExample" in operations
    assert not [name for name in operations if "PyFunc" in name]


def test_nothing_is_logged(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        next(iter(tfds.load(NAME, split="test", data_dir=data_dir)))
        partly = tfds.decode.PartialDecoding({"id": True, "cloud": True})
        next(iter(tfds.load(NAME, split="test", data_dir=data_dir, decoders=partly)))
    assert caplog.records == []


def test_a_record_without_one_of_the_tensors_is_not_taken_apart(data_dir: Path) -> None:
    builder = tfds.builder(NAME, data_dir=data_dir)
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
