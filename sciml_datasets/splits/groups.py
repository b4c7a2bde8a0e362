"""Groups of samples, given by columns of member lists: folds keep them together, splits by name are blind to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.benchmark import Benchmark
from sciml_datasets.errors import InputError
from sciml_datasets.nearest import one_of

ROW = "row"
"""Name of the grouping that every data set has: each sample is a group."""

Columns = Mapping[str, Sequence[str]]
"""Columns of member lists, by name."""
Group = tuple[str, ...]
Groups = tuple[Group, ...]
"""The groups of one sample."""


def groupings_of(benchmark: Benchmark) -> dict[str, tuple[str, ...]]:
    """The columns that make a group, by name of the grouping, `ROW` first."""
    return {ROW: ("id",), **benchmark.groupings}


def check_grouping(benchmark: Benchmark, by: str) -> None:
    """Make sure that a data set has a grouping.

    Raises:
        InputError: it has no such grouping.
    """
    if by not in (known := groupings_of(benchmark)):
        raise InputError(f"{benchmark.dataset} cannot be grouped by {by!r}: {one_of(by, known)}")


def groups(benchmark: Benchmark, columns: Columns, by: str) -> list[Groups]:
    """The groups of each sample: one, or several where each column of the grouping names a group.

    Raises:
        InputError: the data set has no such grouping, or the raw files did not state the groups.
    """
    check_grouping(benchmark, by)
    values = list(zip(*(columns[column] for column in groupings_of(benchmark)[by]), strict=True))
    unknown = sum("" in own for own in values)
    if unknown:
        raise InputError(
            f"the {by} of {unknown:,} samples is not known, as their raw files do not state it: choose row"
        )
    each = by in benchmark.each
    # One copy of each value, which a million rows share.
    once = {own: tuple((value,) for value in own) if each else (own,) for own in set(values)}
    return [once[own] for own in values]


class Grouped:
    """Samples and their groups, numbered.

    Args:
        benchmark: declaration of the groupings and splits.
        columns: columns of the samples.
    """

    def __init__(self, benchmark: Benchmark, columns: Columns) -> None:
        self.benchmark, self.columns = benchmark, columns
        self._numbered: dict[str, tuple[NDArray[np.int64], list[Group]]] = {}

    def of(self, by: str) -> tuple[NDArray[np.int64], list[Group]]:
        """(N, groups of a sample) numbers of each sample's groups, and the groups in the order of their numbers."""
        if by not in self._numbered:
            number: dict[Group, int] = {}
            found = groups(self.benchmark, self.columns, by)
            codes = (number.setdefault(group, len(number)) for own in found for group in own)
            self._numbered[by] = np.fromiter(codes, np.int64).reshape(len(found), -1), list(number)
        return self._numbered[by]

    def held(self, by: str, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(number of groups,) whether one of the given samples has the group."""
        codes, names = self.of(by)
        found = np.zeros(len(names), bool)
        found[codes[rows]] = True
        return found
