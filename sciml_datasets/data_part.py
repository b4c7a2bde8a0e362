"""The part ``data`` of a benchmark: features and raw format, checked against the declaration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sciml_datasets.benchmark import Benchmark, DataSet
from sciml_datasets.errors import InputError
from sciml_datasets.raw_format import RawFormat, is_listable


def features(benchmark: Benchmark, dataset: DataSet, choices: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The feature connectors of TFDS by name, as ``data.features(dataset, **choices)`` declares them.

    Args:
        benchmark: the benchmark.
        dataset: one of its data sets.
        choices: values of `Benchmark.choices` by name, of which those that features depend on count.

    Raises:
        InputError: the function fails or returns something else, TFDS does not take a feature, or ``id`` or a feature
            of the task is missing.
    """
    found = _asked(benchmark, dataset, "features", **benchmark.of_features(choices or {}))
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise InputError(
            f"{_at(benchmark, 'features')} returns {_short(found)}: return a dictionary of features by name"
        )
    _check_connectors(benchmark, found)
    for name in ("id", *benchmark.task.features):
        if name not in found:
            use = "the name of each sample" if name == "id" else f"which the task {_task(benchmark)} scores"
            raise InputError(f"{_at(benchmark, 'features')} has no feature {name!r}, {use}: add it")
    return found


def _check_connectors(benchmark: Benchmark, found: dict[str, Any]) -> None:
    """Make sure that TFDS takes each feature; its own message does not name the one that it does not take."""
    import tensorflow_datasets as tfds

    try:
        tfds.features.FeaturesDict(found)
        return
    except Exception as error:  # whatever the connectors raise
        for name, feature in found.items():
            try:
                tfds.features.FeaturesDict({name: feature})
            except Exception as reason:  # as above
                raise InputError(
                    f"{_at(benchmark, 'features')} declares {name!r} as {_short(feature)}, which TFDS does not take "
                    f"({_short(reason, str)}): give a feature of TFDS, or a type of NumPy as np.float32"
                ) from error
        raise InputError(
            f"{_at(benchmark, 'features')} returns features that TFDS does not take together ({_short(error, str)}): "
            "correct it"
        ) from error


def supervised_keys(benchmark: Benchmark, dataset: DataSet, known: Mapping[str, Any]) -> Any:
    """The names of the features that ``as_supervised`` yields, as ``data.supervised_keys(dataset)`` declares them.

    Returns:
        None, or input and target, or input, target and weight; each a name, or names in tuples and dictionaries.

    Raises:
        InputError: the function fails, or returns something else or a name that is no feature.
    """
    found = _asked(benchmark, dataset, "supervised_keys")
    if found is None:
        return None
    if type(found) is not tuple or len(found) not in (2, 3) or not all(map(_are_names, found)):
        raise InputError(
            f"{_at(benchmark, 'supervised_keys')} returns {_short(found)}: return None, (input, target) or (input, "
            "target, weight), each the name of a feature, or names in tuples and dictionaries"
        )
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
        raise InputError(f"{_at(benchmark, 'raw_format')} returns {_short(found)}: return a RawFormat, as Rows(...)")
    if not _is_column(found.group_kind) or found.group_kind == "id":
        raise InputError(
            f"{_at(benchmark, 'raw_format')}: its group_kind is {_short(found.group_kind)}: give the kind of the "
            "groups in a word, other than 'id'"
        )
    if (
        not isinstance(found.facts, tuple | list)
        or not all(map(_is_column, found.facts))
        or len({*found.facts, "id", found.group_kind}) < len(found.facts) + 2
    ):
        raise InputError(
            f"{_at(benchmark, 'raw_format')}: its facts are {_short(found.facts)}: give a tuple of different names, "
            f"without 'id' and without group_kind {found.group_kind!r}, which are columns of their own"
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


def _is_column(name: object) -> bool:
    """Whether a value can be the name of a column of the member lists."""
    return bool(name) and is_listable(name)


def _asked(benchmark: Benchmark, dataset: DataSet, function: str, **options: str) -> Any:
    """The value that a function of the part returns."""
    asked = benchmark.attribute("data", function)
    with benchmark.asking("data", function):
        return asked(dataset, **options)


def _at(benchmark: Benchmark, function: str) -> str:
    return f"{benchmark.name}: {benchmark.part_name('data')}.{function}"


def _task(benchmark: Benchmark) -> str:
    return type(benchmark.task).__name__


def _are_names(keys: Any) -> bool:
    """Whether keys are a name, or names in nested tuples and dictionaries, as TFDS takes them: no subclasses."""
    if type(keys) in (tuple, dict):
        return bool(keys) and all(map(_are_names, keys.values() if type(keys) is dict else keys))
    return type(keys) is str


def _leaves(keys: Any) -> Iterator[str]:
    """The names in nested tuples and dictionaries."""
    if isinstance(keys, str):
        yield keys
    else:
        for key in keys.values() if isinstance(keys, dict) else keys:
            yield from _leaves(key)


def _short(value: Any, text: Callable[[Any], str] = repr) -> str:
    """The beginning of the text of a value, in one line."""
    return " ".join(text(value).split())[:120]
