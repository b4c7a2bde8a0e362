"""Mistakes in the declaration of a benchmark that can be found before a part is imported."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from sciml_datasets.benchmark import Benchmark, DataSet
from sciml_datasets.criterion import CORRELATION, ERROR, FIT, Criterion
from sciml_datasets.declared_choices import NAME, twice, wrong_choices
from sciml_datasets.declared_types import is_required, shown, types_of, wrong_types
from sciml_datasets.errors import InputError, at_its_place
from sciml_datasets.nearest import meant
from sciml_datasets.raw_format import SPLITS
from sciml_datasets.task import Task

VERSION = re.compile(r"(0|[1-9][0-9]*)([.](0|[1-9][0-9]*)){2}")
WORD = re.compile(r"\w+")
"""Name of a grouping or of a split, which stand in ``cell_blind:test`` and in ``fold 2/5 by cell:test``."""
OF_ALL = ("name", "datasets", "dataset", "package")
"""Attributes that are the same for all data sets of a benchmark."""


def check_declaration(benchmark: Any, others: Iterable[Benchmark]) -> None:
    """Make sure that a benchmark can be registered beside others.

    Raises:
        InputError: it has a mistake; the first one is named.
    """
    for mistake in mistakes(benchmark, others):
        raise InputError(mistake)


def mistakes(benchmark: Any, others: Iterable[Benchmark]) -> Iterator[str]:
    """One sentence for each mistake of a declaration, with the benchmark, the part and the remedy."""
    name = type(benchmark).__name__
    try:
        name = str(getattr(benchmark, "name", name))
        found = list(_mistakes(benchmark, tuple(others)))
    except Exception as error:  # whatever a class of others raises, such as a task
        found = [f"{name:.80}: its declaration cannot be checked: {at_its_place(error)}: correct it"]
    yield from dict.fromkeys(found)


def _mistakes(benchmark: Any, others: tuple[Benchmark, ...]) -> Iterator[str]:
    if not isinstance(benchmark, Benchmark):
        yield f"{shown(benchmark)} is no benchmark: expected an instance of sciml_datasets.Benchmark"
    elif not isinstance(benchmark.name, str) or not NAME.fullmatch(benchmark.name):
        yield f"the benchmark {shown(benchmark.name)} has no usable name: expected lower case, digits and underscores"
    else:
        found = list(_types(benchmark))
        if not found:  # else values cannot be looked at
            found += [*_names(benchmark), *_datasets(benchmark, others)]
            forms = [benchmark]
            if not found:  # else what differs between data sets cannot be looked at
                forms += [benchmark.of(dataset) for dataset in benchmark.datasets if dataset.variant]
                found += [clause for form in forms for part in (_task, _criteria, _groupings) for clause in part(form)]
            found += [clause for form in forms for clause in wrong_choices(form, others)]
        yield from (f"{benchmark.name}: {clause}" for clause in found)


def _types(benchmark: Benchmark) -> Iterator[str]:
    """A clause for each value of another type than declared, in the benchmark and in variants of it."""
    declared = types_of(type(benchmark))
    required = {field.name for field in fields(benchmark) if is_required(field)}
    forms = [{field.name: (field.name, getattr(benchmark, field.name)) for field in fields(benchmark)}]
    for number, dataset in enumerate(benchmark.datasets if isinstance(benchmark.datasets, tuple) else ()):
        if isinstance(dataset, DataSet) and isinstance(dataset.variant, Mapping):
            place = f"datasets[{number}].variant"
            forms.append({name: (f"{place}[{name!r}]", value) for name, value in dataset.variant.items()})
    for form in forms:
        for name, (place, value) in form.items():
            if name == "task" and not isinstance(value, Task):
                where = "its task" if place == name else place
                yield f"{where} is {shown(value)}: expected a task such as Classification(label=..., num_classes=...)"
            elif name in declared:
                yield from wrong_types(value, declared[name], place, required=name in required)


def _names(benchmark: Benchmark) -> Iterator[str]:
    """A clause for each text of the benchmark that must be a name or a line."""
    titled = {"it": benchmark.title} | {f"its data set {one.name}": one.title for one in benchmark.datasets}
    for where, title in titled.items():
        if len(title.splitlines()) > 1:
            yield f"{where} has a title of several lines: give one line"
    if benchmark.package and not all(part.isidentifier() for part in benchmark.package.split(".")):
        yield f"its package is {benchmark.package!r}: expected the name of a package, as my_spectra"


def _datasets(benchmark: Benchmark, others: Iterable[Benchmark]) -> Iterator[str]:
    named = next((other for other in others if other.name == benchmark.name), None)
    if named is not None:
        yield f"the name is taken by the benchmark of {named.package or 'sciml_datasets'}: choose another"
    if not benchmark.datasets:
        yield "it has no data set: give at least one DataSet"
    taken = {dataset.name: other.name for other in others for dataset in other.datasets}
    own = {dataset.name for dataset in benchmark.datasets}
    for dataset in benchmark.datasets:
        if not NAME.fullmatch(dataset.name):
            yield f"its data set {shown(dataset.name)} has no usable name: expected lower case, digits and underscores"
        if dataset.name in taken:
            yield f"the name of its data set {dataset.name} is taken by {taken[dataset.name]}: choose another name"
        taken[dataset.name] = benchmark.name
        if not VERSION.fullmatch(dataset.version):
            yield f"its data set {dataset.name} has the version {dataset.version!r}: expected three numbers, as 1.0.0"
        if dataset.simulated_samples < 0:
            yield f"its data set {dataset.name} has {dataset.simulated_samples} simulated samples: give 0 for real data"
        if dataset.preprocessed_from == dataset.name:
            yield f"its data set {dataset.name} is preprocessed from itself: name another one of its data sets"
        if dataset.preprocessed_from not in {"", *own}:
            yield f"its data set {dataset.name} is preprocessed from {dataset.preprocessed_from!r}: choose its own"
        for attribute in sorted(dataset.variant.keys() - Benchmark.__dataclass_fields__.keys()):
            yield f"its data set {dataset.name} varies {attribute!r}, which no benchmark has: correct variant"
        for attribute in sorted(dataset.variant.keys() & set(OF_ALL)):
            yield f"its data set {dataset.name} varies {attribute!r}, which is the same for all of them: leave it out"
    for name in benchmark.sources:
        if name not in own:
            yield f"sources names {name!r}, which is none of its data sets: correct sources"


def _task(benchmark: Benchmark) -> Iterator[str]:
    task = benchmark.task
    if task.scores is None and not hasattr(task, "scoring"):
        yield (
            f"its task {type(task).__name__} has no scoring: take Classification, Segmentation, Regression or "
            "Reconstruction, or give the class a method scoring(truth)"
        )
    if not task.alike:
        yield f"its task {type(task).__name__} has no alike: name a grouping or a column, or leave it out for ('id',)"
    yield from (f"its task {type(task).__name__} {clause}" for clause in task.mistakes())


def _criteria(benchmark: Benchmark) -> Iterator[str]:
    names = [criterion.name for criterion in benchmark.criteria]
    if not names:
        yield "it has no criterion: give at least one Criterion, the primary one first"
    yield from twice("the criterion", names)
    scores = benchmark.task.scores
    for criterion in benchmark.criteria:
        if scores is not None and criterion.name not in scores:
            yield (
                f"its task {type(benchmark.task).__name__} gives no score {criterion.name!r}: choose criteria among "
                f"{', '.join(scores)}{meant(criterion.name, scores)}"
            )
        if criterion.direction not in ("higher", "lower"):
            yield f"the criterion {criterion.name} has the direction {criterion.direction!r}: choose higher or lower"
        if criterion.at_most not in ("", *names):
            yield f"the criterion {criterion.name} is at most {criterion.at_most!r}, which is no criterion: correct it"
        yield from _span(criterion, benchmark.task.span(criterion.name))
        for what in ("target", "reference", "best_known"):
            published = getattr(criterion, what)
            if published is not None and not math.isfinite(published.value):
                yield f"the {what} of the criterion {criterion.name} is {published.value}: give a finite number"


def _span(criterion: Criterion, possible: tuple[float | None, float | None] | None) -> Iterator[str]:
    """A clause on a span that is none, or that excludes possible scores."""
    low, high = _bounds(criterion.span)
    if not low < high:
        yield f"the criterion {criterion.name} has the span {criterion.span}: give the lowest and the highest score"
    elif possible is not None:
        least, most = _bounds(possible)
        if low > least or high < most:
            name = {ERROR: "ERROR", FIT: "FIT", CORRELATION: "CORRELATION"}.get(possible, possible)
            ends = [f"from {least:g}"] * math.isfinite(least) + [f"to {most:g}"] * math.isfinite(most)
            known = " ".join(ends if len(ends) == 2 else [*ends, "without bound"])
            yield (
                f"the criterion {criterion.name} has the span {criterion.span}, its scores are {known}: give "
                f"span={name}"
            )


def _bounds(span: tuple[float | None, float | None]) -> tuple[float, float]:
    low, high = span
    return -math.inf if low is None else low, math.inf if high is None else high


def _groupings(benchmark: Benchmark) -> Iterator[str]:
    known = ", ".join(benchmark.groupings) or "none"
    for name, columns in benchmark.groupings.items():
        if not WORD.fullmatch(name) or name == "row":
            yield f"the grouping {name!r} has no usable name: expected letters, digits and underscores, and not row"
        if not columns:
            yield f"the grouping {name} has no columns: name the columns of the member lists that make a group"
    named = {"each": benchmark.each} | {f"the split {split.name}": split.blind for split in benchmark.splits}
    for where, names in named.items():
        for name in names:
            if name not in benchmark.groupings:
                yield f"{where} names {name!r}, which is no grouping: choose among {known}"
    yield from twice("the split", [split.name for split in benchmark.splits])
    for split in benchmark.splits:
        named_else = split.name in (*SPLITS, "official") or split.name.startswith("leave_out_")
        if named_else or not WORD.fullmatch(split.name):
            yield (
                f"the split {split.name!r} has no usable name: expected letters, digits and underscores, and not "
                f"{', '.join(SPLITS)}, official or leave_out_..."
            )
        if not split.blind:
            yield f"the split {split.name} has no blind: name the groupings of which no group occurs in two parts"
        if not (min(split.shares) >= 0 and sum(split.shares) < 1):
            yield (
                f"the split {split.name} has the shares {split.shares}: expected those of train and validation, from 0 "
                "to 1, with less than 1 in all"
            )
    if benchmark.leave_out and len(benchmark.groupings.get(benchmark.leave_out, ())) != 1:
        yield f"leave_out is {benchmark.leave_out!r}: expected a grouping of one column, among {known}"
    elif benchmark.leave_out and not benchmark.splits:
        yield "leave_out needs splits: give a NamedSplit, by whose first grouping the samples that are left are divided"
