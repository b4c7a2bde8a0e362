"""One suite over the table: each benchmark has its rooms, and its demo data walk through them."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path

import pytest
import tensorflow_datasets as tfds
import tree

from sciml_datasets import BENCHMARKS, Benchmark
from sciml_datasets.benchmarks import dataset_names, find
from sciml_datasets.raw_format import SPLITS

pytestmark = pytest.mark.parametrize("benchmark", BENCHMARKS.values(), ids=BENCHMARKS)


def test_every_part_is_there(benchmark: Benchmark) -> None:
    for part in ("data", "simulate", "pictures", "model"):
        assert benchmark.module(part).__doc__
    assert set(benchmark.module("model").RECIPES) == {dataset.name for dataset in benchmark.datasets}
    importlib.import_module(f"sciml_datasets.metrics.{benchmark.task.kind}")


def test_the_folder_carries_its_documents(benchmark: Benchmark) -> None:
    for name in ("README.md", "CITATIONS.bib", "checksums.tsv"):
        assert (benchmark.folder / name).is_file()


def test_every_published_value_has_a_source(benchmark: Benchmark) -> None:
    for criterion in benchmark.criteria:
        for value in (criterion.target, criterion.reference, criterion.best_known):
            assert value is None or value.source


def test_published_values_lie_where_scores_can(benchmark: Benchmark) -> None:
    for form in (benchmark.of(dataset) for dataset in benchmark.datasets):
        names = {criterion.name for criterion in form.criteria}
        for criterion in form.criteria:
            low, high = criterion.span
            for value in filter(None, (criterion.target, criterion.reference, criterion.best_known)):
                assert low is None or low <= value.value
                assert high is None or value.value <= high
            assert criterion.at_most in names - {criterion.name} | {""}


def test_the_real_data_set_comes_first_and_has_a_demo(benchmark: Benchmark) -> None:
    real, *others = benchmark.datasets
    assert not real.simulated_samples
    assert f"{real.name}_demo" in {dataset.name for dataset in others if dataset.simulated_samples}


def test_the_builder_declares_features_and_supervised_keys(benchmark: Benchmark, tmp_path: Path) -> None:
    for dataset in benchmark.datasets:
        info = tfds.builder(f"sciml/{dataset.name}", data_dir=tmp_path).info
        assert "id" in info.features
        assert set(tree.flatten(info.supervised_keys)) <= set(info.features)
        assert info.citation
        assert info.description


def test_demo_examples_have_the_declared_shape(benchmark: Benchmark, data_dir: Path) -> None:
    for dataset in benchmark.datasets:
        if dataset.simulated_samples:
            builder = tfds.builder(f"sciml/{dataset.name}", data_dir=data_dir)
            assert set(builder.info.splits) == set(SPLITS)
            for example in tfds.as_numpy(builder.as_dataset(split="test").take(2)):
                assert set(example) == set(builder.info.features)


def test_names_are_found(benchmark: Benchmark) -> None:
    for dataset in benchmark.datasets:
        assert dataset.name in dataset_names()
        assert find(dataset.name) == (benchmark.of(dataset), dataset)


def test_a_row_travels_between_processes(benchmark: Benchmark) -> None:
    assert pickle.loads(pickle.dumps(benchmark)) == benchmark
