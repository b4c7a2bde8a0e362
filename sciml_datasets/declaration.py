"""Mistakes in the declaration of a benchmark that can be found before a part is imported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sciml_datasets.benchmark import Benchmark, Choice, DataSet
from sciml_datasets.errors import InputError
from sciml_datasets.task import Task

NAME = re.compile(r"[a-z][a-z0-9_]*")
VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
KINDS = ("integer", "integers", "number", "text", "path")
"""Kinds of values of a choice whose values are not listed."""
TAKEN = {
    "prepare": ("name", "raw_dir", "data_dir", "file_format", "jobs", "restart", "verify_raw", "preprocess", "json"),
    "simulate": ("name", "out", "samples", "seed", "jobs", "json"),
    "convert": ("format", "source", "out", "json"),
}
"""Command to the names of its own arguments."""
OF_PYTHON = ("comm", "beam", "executor", "num_shards", "num_samples", "out_dir", "folder", "help", "dtype", "dry_run")
"""Names of arguments of the Python functions, and names reserved for them."""


def check_declaration(benchmark: Any, others: Iterable[Benchmark]) -> None:
    """Make sure that a benchmark can be registered beside others.

    Raises:
        InputError: it has a mistake; the first one is named.
    """
    for mistake in mistakes(benchmark, others):
        raise InputError(mistake)


def mistakes(benchmark: Any, others: Iterable[Benchmark]) -> Iterator[str]:
    """One sentence for each mistake of a declaration, with the benchmark, the part and the remedy."""
    others = tuple(others)
    if not isinstance(benchmark, Benchmark):
        yield f"{benchmark!r:.80} is no benchmark: expected an instance of sciml_datasets.Benchmark"
    elif not isinstance(benchmark.name, str) or not NAME.fullmatch(benchmark.name):
        yield f"the benchmark {benchmark.name!r} has no usable name: expected lower case, digits and underscores"
    else:
        found = list(_datasets(benchmark, others))
        if not found:  # else what differs between data sets cannot be looked at
            forms = [benchmark, *(benchmark.of(dataset) for dataset in benchmark.datasets if dataset.variant)]
            found += [clause for form in forms for part in (_task, _criteria, _groupings) for clause in part(form)]
        found += _choices(benchmark, others)
        yield from (f"{benchmark.name}: {clause}" for clause in dict.fromkeys(found))


def _datasets(benchmark: Benchmark, others: Iterable[Benchmark]) -> Iterator[str]:
    named = next((other for other in others if other.name == benchmark.name), None)
    if named is not None:
        yield f"the name is taken by the benchmark of {named.package or 'sciml_datasets'}: choose another"
    if not benchmark.datasets:
        yield "it has no data set: give at least one DataSet"
    taken = {dataset.name: other.name for other in others for dataset in other.datasets}
    own = {dataset.name for dataset in benchmark.datasets if isinstance(dataset, DataSet)}
    for dataset in benchmark.datasets:
        if not isinstance(dataset, DataSet) or not NAME.fullmatch(str(dataset.name)):
            yield f"{dataset!r:.80} is no data set: expected a DataSet with a name in lower case"
            continue
        if dataset.name in taken:
            yield f"the name of its data set {dataset.name} is taken by {taken[dataset.name]}: choose another name"
        taken[dataset.name] = benchmark.name
        if not VERSION.fullmatch(str(dataset.version)):
            yield f"its data set {dataset.name} has the version {dataset.version!r}: expected three numbers, as 1.0.0"
        if dataset.preprocessed_from not in {"", *own}:
            yield f"its data set {dataset.name} is preprocessed from {dataset.preprocessed_from!r}: choose its own"
        for attribute in sorted(dataset.variant.keys() - Benchmark.__dataclass_fields__.keys()):
            yield f"its data set {dataset.name} varies {attribute!r}, which no benchmark has: correct variant"
    for name in benchmark.sources:
        if name not in own:
            yield f"sources names {name!r}, which is none of its data sets: correct sources"


def _task(benchmark: Benchmark) -> Iterator[str]:
    task = benchmark.task
    if not isinstance(task, Task):
        yield f"its task is {task!r:.80}: expected a task such as Classification(label=..., num_classes=...)"
        return
    if task.scores is None and not hasattr(task, "scoring"):
        yield (
            f"its task {type(task).__name__} has no scoring: take Classification, Segmentation, Regression or "
            "Reconstruction, or give the class a method scoring(truth)"
        )
    yield from (f"its task {type(task).__name__} {clause}" for clause in task.mistakes())


def _criteria(benchmark: Benchmark) -> Iterator[str]:
    names = [criterion.name for criterion in benchmark.criteria]
    if not names:
        yield "it has no criterion: give at least one Criterion, the primary one first"
    yield from _twice("the criterion", names)
    scores = benchmark.task.scores if isinstance(benchmark.task, Task) else None
    for criterion in benchmark.criteria:
        if scores is not None and criterion.name not in scores:
            yield (
                f"its task {type(benchmark.task).__name__} gives no score {criterion.name!r}: choose criteria among "
                f"{', '.join(scores)}"
            )
        if criterion.direction not in ("higher", "lower"):
            yield f"the criterion {criterion.name} has the direction {criterion.direction!r}: choose higher or lower"
        if criterion.at_most not in ("", *names):
            yield f"the criterion {criterion.name} is at most {criterion.at_most!r}, which is no criterion: correct it"


def _groupings(benchmark: Benchmark) -> Iterator[str]:
    known = ", ".join(benchmark.groupings) or "none"
    named = {"each": benchmark.each} | {f"the split {split.name}": split.blind for split in benchmark.splits}
    for where, names in named.items():
        for name in names:
            if name not in benchmark.groupings:
                yield f"{where} names {name!r}, which is no grouping: choose among {known}"
    yield from _twice("the split", [split.name for split in benchmark.splits])
    if benchmark.leave_out and len(benchmark.groupings.get(benchmark.leave_out, ())) != 1:
        yield f"leave_out is {benchmark.leave_out!r}: expected a grouping of one column, among {known}"


def _choices(benchmark: Benchmark, others: Iterable[Benchmark]) -> Iterator[str]:
    declared: Mapping[str, tuple[Choice, ...]] = {
        "prepare": benchmark.choices,
        "simulate": benchmark.simulator,
        **{f"convert {one.name}": one.choices for one in benchmark.conversions},
    }
    for command, choices in declared.items():
        program = command.split()[0]
        yield from _twice("the choice", [choice.name for choice in choices])
        for choice in choices:
            listed = isinstance(choice.values, tuple)
            if not listed and choice.values not in KINDS:
                kinds = ", ".join(KINDS)
                yield f"the choice {choice.name} has the values {choice.values!r}: list them, or name one of {kinds}"
            if not NAME.fullmatch(choice.name) or choice.name in (*TAKEN[program], *OF_PYTHON):
                yield f"the name of the choice {choice.name} is taken by `sciml {program}`: choose another name"
            if listed and choice.default not in (None, *choice.values):
                yield f"the choice {choice.name} has the default {choice.default!r}: choose one of its values"
            for other in others:
                for same in {"prepare": other.choices, "simulate": other.simulator}.get(program, ()):
                    both_listed = listed and isinstance(same.values, tuple)
                    if same.name == choice.name and not both_listed and same.values != choice.values:
                        yield (
                            f"the choice {choice.name} of `sciml {program}` has other values than that of "
                            f"{other.name}: choose another name"
                        )
    formats = {one.name: other.name for other in others for one in other.conversions}
    for one in benchmark.conversions:
        if one.name in formats:
            yield f"the name of its conversion {one.name} is taken by {formats[one.name]}: choose another name"


def _twice(what: str, names: list[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{what} {name} is declared twice: remove one"
