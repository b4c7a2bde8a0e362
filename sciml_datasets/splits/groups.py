"""Groups of samples: what folds keep together and splits by name are blind to. Columns of member lists decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.benchmark import Benchmark
from sciml_datasets.errors import InputError

ROW = "row"
"""The grouping that every data set has: each sample is a group."""

Columns = Mapping[str, Sequence[str]]
"""Columns of member lists, by name."""
Group = tuple[str, ...]
Groups = tuple[Group, ...]
"""The groups of one sample."""


def groupings_of(benchmark: Benchmark) -> dict[str, tuple[str, ...]]:
    """Name of each grouping to the columns that make a group, `ROW` first."""
    return {ROW: ("id",), **benchmark.groupings}


def groups(benchmark: Benchmark, columns: Columns, by: str) -> list[Groups]:
    """The groups of each sample: one, or several where the columns of the grouping each name one.

    Raises:
        InputError: the data set has no such grouping, or the raw files did not tell it.
    """
    known = groupings_of(benchmark)
    if by not in known:
        raise InputError(f"{benchmark.dataset} cannot be grouped by {by!r}: choose one of {', '.join(known)}")
    values = list(zip(*(columns[column] for column in known[by]), strict=True))
    unknown = sum("" in own for own in values)
    if unknown:
        raise InputError(f"the {by} of {unknown:,} samples is not known, as their raw files do not tell it: choose row")
    each = by in benchmark.each
    # One copy of each, which a million rows share.
    once = {own: tuple((value,) for value in own) if each else (own,) for own in set(values)}
    return [once[own] for own in values]


class Grouped:
    """Samples and their groups, numbered.

    Args:
        benchmark: says which groupings and splits there are.
        columns: of the samples.
    """

    def __init__(self, benchmark: Benchmark, columns: Columns) -> None:
        self.benchmark, self.columns = benchmark, columns
        self._numbered: dict[str, tuple[NDArray[np.int64], list[Group]]] = {}

    def of(self, by: str) -> tuple[NDArray[np.int64], list[Group]]:
        """(N, groups of a sample) the numbers of each sample's groups, and the groups in the order of their numbers."""
        if by not in self._numbered:
            number: dict[Group, int] = {}
            found = groups(self.benchmark, self.columns, by)
            codes = (number.setdefault(group, len(number)) for own in found for group in own)
            self._numbered[by] = np.fromiter(codes, np.int64).reshape(len(found), -1), list(number)
        return self._numbered[by]

    def held(self, by: str, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which groups some samples have."""
        codes, names = self.of(by)
        found = np.zeros(len(names), bool)
        found[codes[rows]] = True
        return found
