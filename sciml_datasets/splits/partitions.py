"""Partitions: divisions of the samples of a data set into train, validation and test, beside its canonical splits.

They follow from columns of member lists and from hashes alone, so the parts are the same on every machine, and no
second copy of the data is needed: a part is a list of ids, in the order of the records.

- A split by name is blind to cell lines, to drugs, to both, or to a study. The part of a group follows from the SHA-256
  of the split's name and the group (`sciml_datasets.splits.hashing.part_of`).
- A fold (`sciml_datasets.splits.folds`) is tested on what it holds out.

Wherever a split is named (training, evaluation), a part of a partition is named ``cell_blind:test`` or ``fold 2/5 by
cell:test``; `sciml_datasets.prepared.prepared.Prepared.select` returns its samples.

Each benchmark declares its partitions: `Benchmark.groupings`, `Benchmark.splits`, `Benchmark.leave_out`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.benchmark import Benchmark
from sciml_datasets.errors import InputError
from sciml_datasets.nearest import meant, nearest, one_of
from sciml_datasets.raw_format import SPLITS
from sciml_datasets.splits.folds import FOLD, fold_parts
from sciml_datasets.splits.groups import Columns, Grouped, groupings_of, groups
from sciml_datasets.splits.hashing import digest_of, part_of

LEAVE_OUT = "leave_out_"
OFFICIAL = "official"
"""Name of the canonical splits where they were given by the raw files."""
LEFT_SHARES = (0.9, 0.1)
"""Shares of training and of validation in the samples that are left where a study is left out for test; their groups
are those of the first split by name."""

NO_PART = np.int8(len(SPLITS))
"""Number that stands for no part: samples that a split by name leaves out."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Samples of a prepared data set.

    Attributes:
        columns: columns of the member lists, by name, for these samples.
        records: split of TFDS that holds their records.
        positions: (N,) int64, positions of their records in it.
        sha256: SHA-256 of the member list or, for a part of another partition, of the ids in their order, one a line.
    """

    columns: dict[str, list[str]]
    records: str
    positions: NDArray[np.int64]
    sha256: str


def selected(benchmark: Benchmark, columns: Columns, partition: str, part: str, records: str) -> Selection:
    """The samples of a part of a partition; none where there are too few groups to divide.

    Args:
        benchmark: declaration of the partitions.
        columns: columns of all samples, in the order of the records.
        partition: name of a split by name, or of a fold.
        part: train, validation or test.
        records: the splits of TFDS that hold the records of all samples.

    Raises:
        InputError: there is no such partition.
    """
    wanted = set(partition_ids(benchmark, columns, partition)[part])
    return chosen(columns, [key in wanted for key in columns["id"]], records)


def chosen(columns: Columns, wanted: Sequence[bool], records: str) -> Selection:
    """The samples that are wanted, of all those with these columns; ``records`` as for `selected`."""
    positions = np.flatnonzero(wanted)
    own = {title: [values[row] for row in positions.tolist()] for title, values in columns.items()}
    return Selection(own, records, positions, digest_of(own["id"]))


def is_official(facts: Mapping[str, Any]) -> bool:
    """Whether the canonical splits of prepared data with these facts were given by the raw files."""
    return str(facts.get("splits", "")).startswith(OFFICIAL)


def split_names(benchmark: Benchmark, columns: Columns) -> list[str]:
    """The splits by name that a benchmark offers for samples with these columns."""
    names = [split.name for split in benchmark.splits]
    if benchmark.leave_out:
        (column,) = benchmark.groupings[benchmark.leave_out]
        values = sorted(set(columns[column]))
        names += [LEAVE_OUT + value for value in values if len(values) > 1]  # else nothing is left to train on
    return names


def partition_ids(benchmark: Benchmark, columns: Columns, partition: str) -> dict[str, list[str]]:
    """The ids of train, validation and test of a split by name, or of a fold.

    Raises:
        InputError: there is no such split.
    """
    found = FOLD.fullmatch(partition)
    if not found:
        return part_ids(benchmark, columns, partition)
    number, k, by = int(found[1]), int(found[2]), found[3]
    if not 1 <= number <= k:
        raise InputError(f"{partition}: folds are counted from 1 to {k}")
    return fold_parts(columns["id"], groups(benchmark, columns, by), number, k, by)


def part_ids(benchmark: Benchmark, columns: Columns, split: str) -> dict[str, list[str]]:
    """The ids of train, validation and test of a split by name; samples that it leaves out are in none of them.

    Args:
        benchmark: declaration of the splits.
        columns: columns of the samples, ``id`` among them.
        split: one of `split_names`.

    Raises:
        InputError: there is no such split.
    """
    found = part_numbers(Grouped(benchmark, columns), split)
    return {
        part: [columns["id"][row] for row in np.flatnonzero(found == number).tolist()]
        for number, part in enumerate(SPLITS)
    }


def part_numbers(grouped: Grouped, split: str) -> NDArray[np.int8]:
    """(N,) place in SPLITS of the part of each sample in a split by name; NO_PART where it is in none.

    Raises:
        InputError: there is no such split.
    """
    benchmark = grouped.benchmark
    named = next((known for known in benchmark.splits if known.name == split), None)
    if named is not None:
        draws = np.hstack([_drawn(grouped, f"{split} {by}", by, named.shares) for by in named.blind])
        return np.where((draws == draws[:, :1]).all(axis=1), draws[:, 0], NO_PART)
    if split not in split_names(benchmark, grouped.columns):
        known = split_names(benchmark, grouped.columns)
        raise InputError(f"there is no split {split!r}: {one_of(split, known)}")
    sources, names = grouped.of(benchmark.leave_out)
    left_out = sources[:, 0] == names.index((split.removeprefix(LEAVE_OUT),))
    draw = _drawn(grouped, split, benchmark.splits[0].blind[0], LEFT_SHARES)[:, 0]
    return np.where(left_out, np.int8(SPLITS.index("test")), draw)


def _drawn(grouped: Grouped, draw: str, by: str, shares: tuple[float, float]) -> NDArray[np.int8]:
    """(N, groups of a sample) part of each group."""
    codes, names = grouped.of(by)
    return np.array([SPLITS.index(part_of(draw, group, shares)) for group in names], np.int8)[codes]


def no_split_given(name: str, part: str, names: Sequence[str]) -> str:
    """A sentence for a data set whose raw files had no such split; it names the remedy."""
    other = f", or a part of another partition, as in --split {names[0]}:{part}" if names else ""
    return f"{name} has no {part} split, since its raw files had none: choose --split validation{other}"


def no_such_part(split: str, names: Sequence[str], benchmark: Benchmark) -> str:
    """A sentence for a name that is no split and no part of a partition; it names those that there are."""
    by = [*groupings_of(benchmark)]
    if split in names or FOLD.fullmatch(split):
        return f"{split!r} has parts: choose one of {', '.join(f'{split}:{part}' for part in SPLITS)}"
    others = f"{', '.join(names)}, or " if names else ""
    return (
        f"there is no split {split!r}: choose one of {', '.join(SPLITS)}, or "
        "PARTITION:test, where PARTITION is "
        f"{others}a fold as in 'fold 1/5 by {by[:2][-1]}' (by {', '.join(by)})"
        f"{_meant_part(split, names)}"
    )


def _meant_part(split: str, names: Sequence[str]) -> str:
    """A clause with the split, or the part of a partition, that is nearest to a name; empty where none is near."""
    partition, colon, part = split.rpartition(":")
    if not colon:
        return meant(split, [*SPLITS, *(f"{name}:test" for name in names)])
    name = partition if FOLD.fullmatch(partition) else nearest(partition, names)
    return f" (did you mean {name}:{nearest(part, SPLITS) or 'test'}?)" if name else ""
