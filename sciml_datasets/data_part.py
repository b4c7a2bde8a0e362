"""The part ``data`` of a benchmark: features and raw format, checked against the declaration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sciml_datasets.benchmark import Benchmark, DataSet
from sciml_datasets.errors import InputError
from sciml_datasets.raw_format import RawFormat


def features(benchmark: Benchmark, dataset: DataSet) -> dict[str, Any]:
    """The feature connectors of TFDS by name, as ``data.features(dataset)`` declares them.

    Raises:
        InputError: the function fails or returns something else, or ``id`` or a feature of the task is missing.
    """
    import tensorflow_datasets as tfds

    found = _asked(benchmark, dataset, "features")
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise InputError(f"{_at(benchmark, 'features')} returns {found!r:.80}: return a dictionary of features by name")
    with benchmark.asking("data", "features"):
        tfds.features.FeaturesDict(found)
    for name in ("id", *benchmark.task.features):
        if name not in found:
            use = "the name of each sample" if name == "id" else f"which the task {_task(benchmark)} scores"
            raise InputError(f"{_at(benchmark, 'features')} has no feature {name!r}, {use}: add it")
    return found


def supervised_keys(benchmark: Benchmark, dataset: DataSet, known: Mapping[str, Any]) -> Any:
    """The names of the features that ``as_supervised`` yields, as ``data.supervised_keys(dataset)`` declares them.

    Raises:
        InputError: the function fails, or returns a name that is no feature.
    """
    found = _asked(benchmark, dataset, "supervised_keys")
    for name in _leaves(found):
        if name not in known:
            raise InputError(
                f"{_at(benchmark, 'supervised_keys')} names {name!r}, which is no feature: choose among "
                f"{', '.join(known)}"
            )
    return found


def raw_format(benchmark: Benchmark, dataset: DataSet, choices: Mapping[str, str]) -> RawFormat:
    """The raw format of a data set, as ``data.raw_format(dataset, **choices)`` declares it.

    Args:
        benchmark: the benchmark.
        dataset: one of its data sets.
        choices: values of `Benchmark.choices` by name.

    Raises:
        InputError: the function fails or returns something else, or the facts of the raw format lack a column that the
            task or a grouping needs.
    """
    found = _asked(benchmark, dataset, "raw_format", **choices)
    if not isinstance(found, RawFormat):
        raise InputError(f"{_at(benchmark, 'raw_format')} returns {found!r:.80}: return a RawFormat, as Rows(...)")
    if isinstance(found.facts, str) or "id" in found.facts or found.group_kind in found.facts:
        raise InputError(
            f"{_at(benchmark, 'raw_format')}: its facts are {found.facts!r}: give a tuple without 'id' and without "
            f"group_kind {found.group_kind!r}, which are columns of their own"
        )
    columns = {"id", *found.facts, found.group_kind}
    for name, use in _needed(benchmark):
        if name not in columns:
            raise InputError(
                f"{_at(benchmark, 'raw_format')}: its facts are {', '.join(found.facts) or 'none'}, without {name!r}, "
                f"{use}: add it to facts, or correct the declaration"
            )
    return found


def _needed(benchmark: Benchmark) -> Iterator[tuple[str, str]]:
    """The columns of the member lists that are needed, and a clause on their use."""
    for name in benchmark.task.columns:
        yield name, f"which the task {_task(benchmark)} scores"
    for grouping, names in benchmark.groupings.items():
        for name in names:
            yield name, f"which the grouping {grouping} is made of"
    for name in benchmark.task.alike:
        if name not in benchmark.groupings:
            yield name, "by which the task draws samples for intervals"


def _asked(benchmark: Benchmark, dataset: DataSet, function: str, **options: str) -> Any:
    """The value that a function of the part returns."""
    asked = benchmark.attribute("data", function)
    with benchmark.asking("data", function):
        return asked(dataset, **options)


def _at(benchmark: Benchmark, function: str) -> str:
    return f"{benchmark.name}: {benchmark.part_name('data')}.{function}"


def _task(benchmark: Benchmark) -> str:
    return type(benchmark.task).__name__


def _leaves(keys: Any) -> Iterator[Any]:
    """The names in nested tuples, lists and dictionaries."""
    if isinstance(keys, str):
        yield keys
    elif keys is not None:
        for key in keys.values() if isinstance(keys, Mapping) else keys:
            yield from _leaves(key)
