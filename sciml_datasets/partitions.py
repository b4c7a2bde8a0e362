"""Other ways to part the samples of a prepared data set: folds, and splits by name. No features are read.

Everything follows from the member lists of the prepared folder and from hashes, so the parts are the same on every
machine, and no second copy of the data is needed: a part is a list of ids, in the order of the records.

- `folds` makes k folds that keep groups together: all samples of a cell line, of a drug, of a study.
- `parts` makes train, validation and test of a split by name: blind to cell lines, to drugs, to both, or to a study.
  A group falls to a part by the SHA-256 of the split's name and the group (`sciml_datasets.splits.part_of`).

Wherever a split is named (training, evaluation), a part of these is ``cell_blind:test`` or ``fold 2/5 by cell:test``;
`select` finds its samples.

What each benchmark offers is declared in the table: `Benchmark.groupings`, `Benchmark.splits`, `Benchmark.leave_out`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.benchmark import Benchmark
from sciml_datasets.benchmarks import find, prepared_dir
from sciml_datasets.errors import InputError, whole
from sciml_datasets.samples import SPLITS
from sciml_datasets.splits import member_list, member_rows, part_of, read_members

ROW = "row"
"""The grouping that every data set has: each sample by itself."""
LEAVE_OUT = "leave_out_"
PROOF = "splits.json"
"""File of a prepared folder with the `proof` of its splits by name."""
LEFT_SHARES = (0.9, 0.1)
"""Of what is left for training and validation, where a study is left out for test; groups are those of the first split
by name."""

FOLD = re.compile(r"fold (\d+)/(\d+) by (\w+)")
"""The name of a fold among splits by name, counted from 1."""
MONITORED = 10
"""Of the groups that a fold trains on, one in so many is its validation part."""

NO_PART = np.int8(len(SPLITS))
"""What is in no part of a split by name."""

Columns = Mapping[str, Sequence[str]]
"""Columns of member lists, by name."""
Group = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """Samples of a prepared data set.

    Attributes:
        columns: of the member lists, of these samples.
        records: the split of TFDS that holds them.
        positions: (N,) of their records in it.
        sha256: of the member list, or, of another partition, of the ids in their order, one a line.
    """

    columns: dict[str, list[str]]
    records: str
    positions: NDArray[np.int64]
    sha256: str


def select(name: str, split: str, data_dir: str | Path | None = None) -> Selection:
    """The samples of a split.

    Args:
        name: of the data set.
        split: ``test`` and its like, or a part of another partition: ``cell_blind:test``, ``fold 2/5 by cell:test``.
        data_dir: where prepared data sets lie; default as in TFDS.

    Raises:
        InputError: the data set is not prepared, or has no such split.
    """
    folder = prepared_dir(name, data_dir)
    partition, _, part = split.rpartition(":")
    if part not in SPLITS:
        raise InputError(f"there is no split {split!r}: choose one of {', '.join(SPLITS)}, or PARTITION:test")
    if not partition:
        columns = read_members(folder, part)
        digest = hashlib.sha256((folder / member_list(part)).read_bytes()).hexdigest()
        return Selection(columns, part, np.arange(len(columns["id"])), digest)
    columns = members(folder)
    wanted = set(partition_ids(find(name)[0], columns, partition)[part])
    if not wanted:
        raise InputError(f"{split} of {name} holds no sample: there are too few groups to part")
    positions = np.array([row for row, key in enumerate(columns["id"]) if key in wanted], np.int64)
    chosen = {title: [values[row] for row in positions] for title, values in columns.items()}
    return Selection(chosen, "+".join(SPLITS), positions, _sha256(chosen["id"]))


def partition_ids(benchmark: Benchmark, columns: Columns, partition: str) -> dict[str, list[str]]:
    """The ids of train, validation and test of a split by name, or of a fold.

    A fold is tested on what it holds out; its validation part is a tenth of the groups that are left.

    Raises:
        InputError: there is no such split.
    """
    found = FOLD.fullmatch(partition)
    if not found:
        return part_ids(benchmark, columns, partition)
    number, k, by = int(found[1]), int(found[2]), found[3]
    if not 1 <= number <= k:
        raise InputError(f"{partition}: folds are counted from 1 to {k}")
    group_of = dict(zip(columns["id"], groups(benchmark, columns, by), strict=True))
    rest, test = fold_ids(list(group_of), list(group_of.values()), k, by)[number - 1]
    some = [group_of[key] for key in rest]
    train, validation = fold_ids(rest, some, min(MONITORED, len(set(some))), by)[0]
    return {"train": train, "validation": validation, "test": test}


def folds(
    name: str, k: int, by: str = ROW, seed: int = 0, data_dir: str | Path | None = None
) -> list[tuple[list[str], list[str]]]:
    """Part all samples of a data set, of all its splits, into k folds.

    Groups are sorted by the SHA-256 of seed and group, and dealt to the folds in turn: the numbers of groups differ by
    one at most.

    Args:
        name: of the data set.
        k: number of folds, at least 2.
        by: what a fold keeps together: ``row``, or a name of `Benchmark.groupings`.
        seed: another one deals in another order.
        data_dir: where prepared data sets lie; default as in TFDS.

    Returns:
        For each fold the ids to train on and the ids to validate on.

    Raises:
        InputError: the data set is not prepared or has no such grouping, or there are fewer groups than folds.
    """
    columns = members(prepared_dir(name, data_dir))
    return fold_ids(columns["id"], groups(find(name)[0], columns, by), k, by, seed)


def fold_ids(
    ids: Sequence[str], group_of: Sequence[Group], k: int, by: str = ROW, seed: int = 0
) -> list[tuple[list[str], list[str]]]:
    """`folds` of samples with these ids and groups."""
    k = whole(k, "folds", 2)
    distinct = set(group_of)
    if len(distinct) < k:
        raise InputError(f"{k} folds by {by}: there are only {len(distinct)} to keep together, choose fewer folds")
    ordered = sorted(distinct, key=lambda group: hashlib.sha256("\t".join((str(seed), *group)).encode()).digest())
    fold_of = {group: place % k for place, group in enumerate(ordered)}
    numbers = [fold_of[group] for group in group_of]
    return [
        (
            [key for key, number in zip(ids, numbers, strict=True) if number != fold],
            [key for key, number in zip(ids, numbers, strict=True) if number == fold],
        )
        for fold in range(k)
    ]


def parts(name: str, split: str, data_dir: str | Path | None = None) -> dict[str, list[str]]:
    """The ids of train, validation and test of a split by name; what they leave out is in none of them.

    Args:
        name: of the data set.
        split: one of `split_names`.
        data_dir: where prepared data sets lie; default as in TFDS.

    Raises:
        InputError: the data set is not prepared, or has no such split.
    """
    columns = members(prepared_dir(name, data_dir))
    return part_ids(find(name)[0], columns, split)


def split_names(benchmark: Benchmark, columns: Columns) -> list[str]:
    """The splits by name that a benchmark offers for samples with these columns."""
    names = [split.name for split in benchmark.splits]
    if benchmark.leave_out:
        (column,) = benchmark.groupings[benchmark.leave_out]
        names += [LEAVE_OUT + value for value in sorted(set(columns[column]))]
    return names


def part_ids(benchmark: Benchmark, columns: Columns, split: str) -> dict[str, list[str]]:
    """`parts` of samples with these columns."""
    found = _Grouped(benchmark, columns).parts(split)
    return {
        part: [columns["id"][row] for row in np.flatnonzero(found == number).tolist()]
        for number, part in enumerate(SPLITS)
    }


class _Grouped:
    """Samples and their groups, numbered.

    Args:
        benchmark: says which groupings and splits there are.
        columns: of the samples.
    """

    def __init__(self, benchmark: Benchmark, columns: Columns) -> None:
        self.benchmark, self.columns = benchmark, columns
        self._numbered: dict[str, tuple[NDArray[np.int64], list[Group]]] = {}

    def of(self, by: str) -> tuple[NDArray[np.int64], list[Group]]:
        """(N,) the number of each sample's group, and the groups in the order of their numbers."""
        if by not in self._numbered:
            number: dict[Group, int] = {}
            found = groups(self.benchmark, self.columns, by)
            codes = np.fromiter((number.setdefault(group, len(number)) for group in found), np.int64, len(found))
            self._numbered[by] = codes, list(number)
        return self._numbered[by]

    def parts(self, split: str) -> NDArray[np.int8]:
        """(N,) for each sample the place in SPLITS of its part of a split by name; NO_PART where it is in none.

        Raises:
            InputError: there is no such split.
        """
        benchmark = self.benchmark
        named = next((known for known in benchmark.splits if known.name == split), None)
        if named is not None:
            draws = [self._drawn(split if named.alike else f"{split} {by}", by, named.shares) for by in named.blind]
            return np.where(np.logical_and.reduce([draw == draws[0] for draw in draws]), draws[0], NO_PART)
        if split not in split_names(benchmark, self.columns):
            raise InputError(
                f"there is no split {split!r}: choose one of "
                f"{', '.join(split_names(benchmark, self.columns)) or 'none'}"
            )
        sources, names = self.of(benchmark.leave_out)
        left_out = sources == names.index((split.removeprefix(LEAVE_OUT),))
        draw = self._drawn(split, benchmark.splits[0].blind[0], LEFT_SHARES)
        return np.where(left_out, np.int8(SPLITS.index("test")), draw)

    def held(self, alike: Sequence[str], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which groups some samples have; of several groupings of things of one kind, which things."""
        known: dict[Group, int] = {}
        numbers = {by: [known.setdefault(group, len(known)) for group in self.of(by)[1]] for by in alike}
        found = np.zeros(len(known), bool)
        for by, number in numbers.items():
            found[np.array(number)[self.of(by)[0][rows]]] = True
        return found

    def _drawn(self, draw: str, by: str, shares: tuple[float, float]) -> NDArray[np.int8]:
        """(N,) the part that each sample's group falls to."""
        codes, names = self.of(by)
        return np.array([SPLITS.index(part_of(draw, group, shares)) for group in names], np.int8)[codes]


def groups(benchmark: Benchmark, columns: Columns, by: str) -> list[Group]:
    """The group of each sample.

    Raises:
        InputError: the benchmark has no such grouping, or the raw files did not tell it.
    """
    known = {ROW: ("id",), **benchmark.groupings}
    if by not in known:
        raise InputError(f"{benchmark.name} cannot be grouped by {by!r}: choose one of {', '.join(known)}")
    found = list(zip(*(columns[column] for column in known[by]), strict=True))
    unknown = sum("" in group for group in found)
    if unknown:
        raise InputError(f"the {by} of {unknown:,} samples is not known, as their raw files do not tell it: choose row")
    return found


def members(folder: Path) -> dict[str, list[str]]:
    """The columns of the member lists of a prepared folder, all splits one after the other.

    Raises:
        InputError: the data set is not prepared.
    """
    lists = [read_members(folder, split) for split in SPLITS]
    return {column: [value for part in lists for value in part[column]] for column in lists[0]}


def proof(benchmark: Benchmark, folder: Path) -> dict[str, Any]:
    """What shows that no split by name leaks, as JSON: for each one its parts, and what they have in common.

    Of each part: samples, the SHA-256 of its distinct groups (all columns that groupings are made of, tab-separated,
    sorted, one a line), from which its samples follow, and how many groups of each grouping; of each pair of parts: how
    many groups stand in both, which is 0 for what the split is blind to.

    Args:
        benchmark: says which splits there are.
        folder: the prepared one. Memory grows with its distinct groups, not with its samples.
    """
    names = list(dict.fromkeys(column for columns in benchmark.groupings.values() for column in columns))
    counts = _distinct(folder, names)
    distinct = sorted(counts)
    lines = ["\t".join(row) for row in distinct]
    samples = np.array([counts[row] for row in distinct])
    grouped = _Grouped(benchmark, {name: [row[i] for row in distinct] for i, name in enumerate(names)})
    kinds = {split.name: split.blind for split in benchmark.splits if split.alike}
    found: dict[str, Any] = {}
    for split in split_names(benchmark, grouped.columns):
        part_of_row = grouped.parts(split)
        rows = {part: np.flatnonzero(part_of_row == place) for place, part in enumerate(SPLITS)}
        held = {part: {by: grouped.held((by,), own) for by in benchmark.groupings} for part, own in rows.items()}
        if alike := kinds.get(split):
            for part, own in rows.items():
                held[part][" or ".join(alike)] = grouped.held(alike, own)
        found[split] = {
            "parts": {
                part: {
                    "samples": int(samples[own].sum()),
                    "sha256": _sha256(lines[row] for row in own.tolist()),
                    **{by: int(some.sum()) for by, some in held[part].items()},
                }
                for part, own in rows.items()
            },
            "left_out": int(samples[part_of_row == NO_PART].sum()),
            "in_common": {
                f"{one} and {other}": {by: int((some & held[other][by]).sum()) for by, some in held[one].items()}
                for one, other in (("train", "validation"), ("train", "test"), ("validation", "test"))
            },
        }
    return found


def _sha256(lines: Iterable[str]) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def _distinct(folder: Path, names: Sequence[str]) -> Counter[Group]:
    """How many samples of all splits have which values in these columns of the member lists."""
    counts: Counter[Group] = Counter()
    for split in SPLITS:
        header, rows = member_rows(folder, split)
        places = [header.index(name) for name in names]
        counts.update(tuple([row[place] for place in places]) for row in rows)
    return counts
