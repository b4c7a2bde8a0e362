"""Checks of the index: no group and no id occurs in two splits, and the truth is what the task expects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral

from sciml_datasets.benchmark import Benchmark
from sciml_datasets.errors import InputError
from sciml_datasets.raw_format import SPLITS, Sample, is_listable

TEXT = "give a text without tabs and line breaks, in UTF-8"


def check_sample(sample: Sample, facts: Sequence[str], where: str) -> None:
    """Make sure that a sample is what `Sample` says: everything after the index relies on it.

    Args:
        sample: what the index yields.
        facts: names of `Sample.facts`.
        where: the beginning of a sentence: the benchmark and what yields the sample.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(sample, Sample):
        raise InputError(f"{where} yields {sample!r:.80}: yield a Sample")
    if sample.split not in SPLITS:
        raise InputError(
            f"{where} yields {sample.key!r:.80} of the split {sample.split!r:.80}: choose one of {', '.join(SPLITS)}"
        )
    for name, needed in (("key", True), ("file", True), ("group", False)):
        value = getattr(sample, name)
        if not is_listable(value) or (needed and not value):
            raise InputError(f"{where} yields {sample.key!r:.80} with the {name} {value!r:.80}: {TEXT}")
    if not isinstance(sample.place, str):
        raise InputError(f"{where} yields {sample.key!r:.80} with the place {sample.place!r:.80}: give a text")
    if not isinstance(sample.size, Integral) or sample.size < 0:
        raise InputError(f"{where} yields {sample.key!r:.80} with the size {sample.size!r:.80}: give a number of bytes")
    if not isinstance(sample.facts, tuple) or len(sample.facts) != len(facts):
        raise InputError(
            f"{where} yields {sample.key!r:.80} with the facts {sample.facts!r:.80}: give a tuple of "
            f"texts, one for each of facts ({', '.join(facts) or 'none'})"
        )
    for name, fact in zip(facts, sample.facts, strict=True):
        if not is_listable(fact):
            raise InputError(f"{where} yields {sample.key!r:.80} with the {name} {fact!r:.80}: {TEXT}")


def check_disjoint(samples: Iterable[Sample], group_kind: str) -> None:
    """Make sure that no group (for example a material) occurs in two splits and no key occurs twice.

    Samples whose group is unknown may be in any split.

    Raises:
        InputError: a group occurs in two splits, or two samples share a key; both are named.
    """
    split_of: dict[str, Sample] = {}
    keys: set[str] = set()
    for sample in samples:
        first = split_of.setdefault(sample.group, sample) if sample.group else sample
        if first.split != sample.split:
            raise InputError(
                f"{group_kind} {sample.group} is in two splits, {first.split} ({first.file}) and {sample.split} "
                f"({sample.file}), so test results would leak: keep its samples in one of them"
            )
        if sample.key in keys:
            raise InputError(f"{sample.file}: sample {sample.key} occurs twice: ids must be unique, remove one")
        keys.add(sample.key)


def check_truth(samples: Iterable[Sample], facts: Sequence[str], benchmark: Benchmark) -> None:
    """Make sure that the columns from which scores are computed hold what the task of the benchmark expects.

    Args:
        samples: the index.
        facts: names of `Sample.facts`.
        benchmark: the benchmark.

    Raises:
        InputError: a column holds something else; the sample is named.
    """
    places = [(facts.index(name), name) for name in benchmark.task.columns if name in facts]
    for sample in samples:
        for place, name in places:
            if expected := benchmark.task.expected(name, sample.facts[place]):
                raise InputError(
                    f"{benchmark.name}: {sample.key} of {sample.file} has the {name} {sample.facts[place]!r:.80}, "
                    f"expected {expected}: correct the file, or the task {type(benchmark.task).__name__}"
                )
