"""The lookup feature: rows of a table stored once beside the shards, joined when the examples are read."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from deferred import tf

from sciml_datasets import prepare
from sciml_datasets.errors import InputError
from sciml_datasets.lookup import Lookup
from sciml_datasets.prepared.verify import verify_prepared

NAME = "candle_uno_demo"
VECTORS = {"gene_expression": 40, "drug_descriptors": 30}


@pytest.fixture(scope="module")
def folder(data_dir: Path) -> Path:
    return data_dir / "sciml" / NAME / "2.0.0"


def builder(data_dir: Path) -> Any:
    return tfds.builder(f"sciml/{NAME}", data_dir=data_dir)


def rows(data_dir: Path) -> Any:
    """Numbers of rows instead of rows."""
    skip = dict.fromkeys(VECTORS, tfds.decode.SkipDecoding())
    return builder(data_dir).as_dataset(split="test", decoders=skip)


def test_the_shape_is_that_of_the_table(data_dir: Path, tmp_path: Path) -> None:
    features = builder(data_dir).info.features
    assert {name: features[name].shape for name in VECTORS} == {name: (width,) for name, width in VECTORS.items()}
    assert builder(tmp_path).info.features["gene_expression"].shape == (None,)


def test_every_way_of_reading_joins_the_same_rows(data_dir: Path, folder: Path) -> None:
    tables = {name: np.load(folder / f"{name}.npy") for name in VECTORS}
    numbers = list(tfds.as_numpy(rows(data_dir)))
    expected = {name: np.stack([tables[name][example[name]] for example in numbers]) for name in VECTORS}
    source = tfds.data_source(f"sciml/{NAME}", split="test", data_dir=data_dir)
    read_only = tfds.builder_from_directory(folder).as_dataset(split="test")
    supervised = tfds.load(f"sciml/{NAME}", split="test", data_dir=data_dir, as_supervised=True).batch(1000)
    (vectors, auc), *_ = tfds.as_numpy(supervised)
    batch = next(iter(tfds.as_numpy(tfds.load(f"sciml/{NAME}", split="test", data_dir=data_dir, batch_size=1000))))
    whole = next(iter(tfds.as_numpy(read_only.batch(1000))))
    for place, name in enumerate(VECTORS):
        np.testing.assert_array_equal(np.stack([example[name] for example in source]), expected[name])
        np.testing.assert_array_equal(vectors[place], expected[name])
        np.testing.assert_array_equal(batch[name], expected[name])
        np.testing.assert_array_equal(whole[name], expected[name])
    np.testing.assert_array_equal(auc, [example["response"] for example in numbers])


def test_rows_of_a_batch_are_joined_at_once(data_dir: Path, folder: Path) -> None:
    feature = builder(data_dir).info.features["drug_descriptors"]
    numbers = next(iter(rows(data_dir).batch(7)))["drug_descriptors"]
    expected = np.load(folder / "drug_descriptors.npy")[numbers.numpy()]
    np.testing.assert_array_equal(feature.decode_batch_example(numbers), expected)
    np.testing.assert_array_equal(feature.decode_batch_example_np(numbers.numpy()), expected)


def test_the_table_is_no_constant_of_a_graph_and_no_part_of_a_pickle(data_dir: Path) -> None:
    feature = builder(data_dir).info.features["gene_expression"]
    join = tf.function(feature.decode_example).get_concrete_function(tf.TensorSpec((), tf.int64))
    assert len(join.graph.as_graph_def().SerializeToString()) < 4000
    copy = pickle.loads(pickle.dumps(feature))
    assert len(pickle.dumps(feature)) < 4000
    np.testing.assert_array_equal(copy.decode_example_np(3), feature.decode_example_np(3))
    source = tfds.data_source(f"sciml/{NAME}", split="test", data_dir=data_dir)
    again = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(again[1]["gene_expression"], source[1]["gene_expression"])


def test_joined_examples_are_not_kept_in_memory(data_dir: Path) -> None:
    def is_cached(built: Any) -> bool:
        variant = tf.data.experimental.to_variant(built.as_dataset(split="train"))
        return b"CacheDataset" in tf.raw_ops.DatasetToGraphV2(input_dataset=variant).numpy()

    assert is_cached(tfds.builder("sciml/stemdl_demo", data_dir=data_dir))  # small: TFDS's own rule
    assert not is_cached(builder(data_dir))


def test_the_file_is_mapped_instead_of_read(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "sciml" / NAME / "2.0.0"  # the tables of other tests are mapped as well
    shutil.copytree(folder, copy)
    next(iter(tfds.builder_from_directory(copy).as_dataset(split="test")))
    mapped = Path("/proc/self/maps").read_text()
    assert all(str(copy / f"{name}.npy") in mapped for name in VECTORS)


def test_a_builder_that_has_just_prepared_knows_the_shape(raw_dir: Path, tmp_path: Path) -> None:
    made = tfds.builder(f"sciml/{NAME}", data_dir=tmp_path)
    assert made.info.features.shape["gene_expression"] == (None,)
    made.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=raw_dir))
    assert made.info.features["gene_expression"].shape == (40,)
    assert made.as_dataset(split="test").element_spec["gene_expression"].shape == (40,)


def test_tables_are_in_the_manifest_and_verified(raw_dir: Path, tmp_path: Path) -> None:
    made = prepare(NAME, raw_dir, tmp_path)
    listed = {entry["name"] for entry in json.loads((made / "manifest.json").read_text())["files"]}
    assert {"gene_expression.npy", "drug_descriptors.npy", "splits.json", "left-out.tsv"} <= listed
    assert verify_prepared(made) == []
    path = made / "gene_expression.npy"
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    (finding,) = verify_prepared(made)
    assert finding.startswith("gene_expression.npy has the SHA-256")


def test_a_missing_table_is_named(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "sciml" / NAME / "2.0.0"
    shutil.copytree(folder, copy)
    (copy / "gene_expression.npy").unlink()
    with pytest.raises(InputError, match=r"gene_expression\.npy cannot be read .*: prepare the data set again"):
        tfds.builder(f"sciml/{NAME}", data_dir=tmp_path).info.features["gene_expression"].decode_example_np(0)


def test_without_a_prepared_folder_there_is_no_table() -> None:
    with pytest.raises(InputError, match="the table genes is missing: prepare the data set first"):
        Lookup(table="genes").decode_example_np(0)
