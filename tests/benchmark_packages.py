"""Benchmarks of others: small packages that are written for a test, from CSV files of numbers to a class."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

from sciml_datasets.benchmark import Benchmark

DECLARATION = """
from sciml_datasets.benchmark import Benchmark, Classification, Criterion, DataSet

BENCHMARK = Benchmark(
    name="{name}",
    package=__name__,
    title="Kind of a pebble from its size",
    task=Classification(label="kind", num_classes=3),
    datasets=(DataSet("{name}", "1.0.0", "sizes of pebbles"),),
    criteria=(Criterion("top1_accuracy", "accuracy", "higher"),),
    homepage="https://example.org/pebbles",
    licence="CC0",
    obtain="ask the author",
    groupings={{"beach": ("beach",)}},
)
"""
DATA = """
import numpy as np

from sciml_datasets.rows import Row, Rows


def features(dataset):
    from tensorflow_datasets import features

    return {"id": features.Text(), "size": np.float32, "kind": features.ClassLabel(num_classes=3)}


def supervised_keys(dataset):
    return "size", "kind"


def rows(path):
    for line in path.read_text().splitlines():
        name, size, kind, beach = line.split(",")
        yield Row({"id": name, "size": float(size), "kind": int(kind)}, group=beach)


def raw_format(dataset):
    return Rows("*.csv", rows, facts=("kind",), group_kind="beach")
"""
_numbers = itertools.count()


def write_package(folder: Path, declared: dict[str, str] | None = None, **parts: str | dict[str, str]) -> str:
    """Write a package below a folder.

    Args:
        folder: folder to write it into.
        declared: text of the declaration to what stands in its place.
        parts: name of a part to its text, or of ``data`` to what stands in the place of texts in it.

    Returns:
        Its name, which is that of the benchmark and no other package's.
    """
    name = f"pebbles{next(_numbers)}"
    package = folder / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(_with(DECLARATION.format(name=name), declared or {}))
    texts = {"data": DATA} | parts
    for part, text in texts.items():
        (package / f"{part}.py").write_text(_with(DATA, text) if isinstance(text, dict) else text)
    return name


def _with(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def write_raw(folder: Path, name: str, *, lines: list[str] | None = None) -> Path:
    """Raw files of a package: 60 pebbles of 20 beaches, in two files, or these lines in one."""
    raw = folder / "raw" / name
    raw.mkdir(parents=True)
    every = lines or [f"pebble{i},{i % 3 + 0.1 * (i % 7)},{i % 3},beach{i // 3}" for i in range(60)]
    (raw / "first.csv").write_text("\n".join(every[:40]) + "\n")
    if every[40:]:
        (raw / "second.csv").write_text("\n".join(every[40:]) + "\n")
    return raw.parent


def imported(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    """The declaration of a package in a folder."""
    monkeypatch.syspath_prepend(folder)
    __import__(name)
    benchmark: Benchmark = sys.modules[name].BENCHMARK
    return benchmark
