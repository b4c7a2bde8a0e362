"""Other ways to part the samples of a prepared data set: folds, and splits by name. No features are read.

Everything follows from the member lists of the prepared folder and from hashes, so the parts are the same on every
machine, and no second copy of the data is needed: a part is a list of ids, in the order of the records.

- `folds` makes k folds that keep groups together: all samples of a cell line, of a drug, of a study.
- `parts` makes train, validation and test of a split by name: blind to cell lines, to drugs, to both, or to a study.
  A group falls to a part by the SHA-256 of the split's name and the group (`sciml_datasets.splits.hashing.part_of`).

Wherever a split is named (training, evaluation), a part of these is ``cell_blind:test`` or ``fold 2/5 by cell:test``;
`select` finds its samples.

What each benchmark offers is declared in the table: `Benchmark.groupings`, `Benchmark.splits`, `Benchmark.leave_out`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.benchmark import Benchmark
from sciml_datasets.benchmarks import find, prepared_dir
from sciml_datasets.errors import InputError, whole
from sciml_datasets.prepared.integrity import content_sha256
from sciml_datasets.prepared.members import member_list, member_rows, read_members
from sciml_datasets.prepared.metadata import facts_of
from sciml_datasets.raw_format import SPLITS
from sciml_datasets.splits.hashing import part_of

ROW = "row"
"""The grouping that every data set has: each sample by itself."""
LEAVE_OUT = "leave_out_"
OFFICIAL = "official"
"""The name of the canonical splits where the raw files gave them."""
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
Groups = tuple[Group, ...]
"""Of one sample."""


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
    partition, _, part = canonical(name, split, data_dir).rpartition(":")
    if not partition and part in SPLITS:
        columns = read_members(folder, part)
        if not columns["id"]:
            raise InputError(no_split_given(name, part, split_names(find(name)[0], members(folder))))
        digest = content_sha256(folder / member_list(part))
        return Selection(columns, part, np.arange(len(columns["id"])), digest)
    benchmark, columns = find(name)[0], members(folder)
    if part not in SPLITS:
        names = [*_official(folder), *split_names(benchmark, columns)]
        raise InputError(no_such_part(split, names, benchmark))
    wanted = set(partition_ids(benchmark, columns, partition)[part])
    if not wanted:
        raise InputError(
            f"{split} of {name} holds no sample: there are too few groups to part, choose another partition"
        )
    positions = np.array([row for row, key in enumerate(columns["id"]) if key in wanted], np.int64)
    chosen = {title: [values[row] for row in positions] for title, values in columns.items()}
    return Selection(chosen, recorded(folder), positions, digest_of(chosen["id"]))


def recorded(folder: Path) -> str:
    """The splits of TFDS that a prepared folder has, one after the other: raw files may be without one."""
    return "+".join(part for part in SPLITS if next(member_rows(folder, part)[1], None) is not None)


def held_out(name: str, partition: str, data_dir: str | Path | None = None) -> str:
    """The part of a partition that a run is scored on: test, or validation where the raw files had no test split."""
    given = partition or "test" in recorded(prepared_dir(name, data_dir)).split("+")
    return "test" if given else "validation"


def no_split_given(name: str, part: str, names: Sequence[str]) -> str:
    """A sentence for a data set whose raw files had no such split, with what can be done."""
    other = f", or a part of another partition, as in --split {names[0]}:{part}" if names else ""
    return f"{name} has no {part} split, since its raw files had none: choose --split validation{other}"


def no_such_part(split: str, names: Sequence[str], benchmark: Benchmark) -> str:
    """A sentence for the name of a split that is no part of any, with those that there are."""
    by = [*_groupings(benchmark)]
    if split in names or FOLD.fullmatch(split):
        return f"{split!r} has parts: choose one of {', '.join(f'{split}:{part}' for part in SPLITS)}"
    others = f"{', '.join(names)}, or " if names else ""
    return (
        f"there is no split {split!r}: choose one of {', '.join(SPLITS)}, or PARTITION:test, where PARTITION is "
        f"{others}a fold as in 'fold 1/5 by {by[:2][-1]}' (by {', '.join(by)})"
    )


def canonical(name: str, split: str, data_dir: str | Path | None = None) -> str:
    """A split, or a partition, under its own name where it was named as an official one: ``test`` for
    ``official:test``, and for ``official`` the empty name of the canonical partition.

    Raises:
        InputError: the splits of the prepared data are not official ones.
    """
    partition, _, part = split.partition(":")
    if partition != OFFICIAL:
        return split
    folder = prepared_dir(name, data_dir)
    if not _official(folder):
        names = split_names(find(name)[0], members(folder))
        raise InputError(
            f"the raw files of {name} gave no official splits: leave the name out for the canonical ones"
            + (f", or choose one of {', '.join(names)}" if names else "")
        )
    return part


def _official(folder: Path) -> list[str]:
    """The name of the official splits, where there are such."""
    return [OFFICIAL] if is_official(folder) else []


def is_official(folder: Path) -> bool:
    """Whether the raw files gave the canonical splits of a prepared folder."""
    return str(facts_of(folder).get("splits", "")).startswith(OFFICIAL)


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
    groups_of = dict(zip(columns["id"], groups(benchmark, columns, by), strict=True))
    rest, test = fold_ids(list(groups_of), list(groups_of.values()), k, by)[number - 1]
    some = [groups_of[key] for key in rest]
    train, validation = fold_ids(rest, some, min(MONITORED, len(set().union(*some))), by)[0]
    return {"train": train, "validation": validation, "test": test}


def folds(
    name: str, k: int, by: str = ROW, seed: int = 0, data_dir: str | Path | None = None
) -> list[tuple[list[str], list[str]]]:
    """Part all samples of a data set, of all its splits, into k folds.

    Groups are sorted by the SHA-256 of seed and group, and dealt to the folds in turn: the numbers of groups differ by
    one at most. A sample of several groups, as of two drugs, is held out with a fold that has all of them, trained on
    where the fold has none, and else left out.

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
    ids: Sequence[str], groups_of: Sequence[Groups], k: int, by: str = ROW, seed: int = 0
) -> list[tuple[list[str], list[str]]]:
    """`folds` of samples with these ids and groups."""
    k = whole(k, "folds", 2)
    combinations = set(groups_of)
    distinct = {group for own in combinations for group in own}
    if len(distinct) < k:
        raise InputError(f"{k} folds by {by}: there are only {len(distinct)} to keep together, choose fewer folds")
    ordered = sorted(distinct, key=lambda group: hashlib.sha256("\t".join((str(seed), *group)).encode()).digest())
    fold_of = {group: place % k for place, group in enumerate(ordered)}
    folds_of = {own: {fold_of[group] for group in own} for own in combinations}
    numbers = [folds_of[own] for own in groups_of]
    return [
        (
            [key for key, those in zip(ids, numbers, strict=True) if fold not in those],
            [key for key, those in zip(ids, numbers, strict=True) if those == {fold}],
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
    folder = prepared_dir(name, data_dir)
    if not canonical(name, split, data_dir):
        return {part: read_members(folder, part)["id"] for part in SPLITS}
    return part_ids(find(name)[0], members(folder), split)


def split_names(benchmark: Benchmark, columns: Columns) -> list[str]:
    """The splits by name that a benchmark offers for samples with these columns."""
    names = [split.name for split in benchmark.splits]
    if benchmark.leave_out:
        (column,) = benchmark.groupings[benchmark.leave_out]
        values = sorted(set(columns[column]))
        names += [LEAVE_OUT + value for value in values if len(values) > 1]  # else nothing is left to train on
    return names


def part_ids(benchmark: Benchmark, columns: Columns, split: str) -> dict[str, list[str]]:
    """`parts` of samples with these columns."""
    found = Grouped(benchmark, columns).parts(split)
    return {
        part: [columns["id"][row] for row in np.flatnonzero(found == number).tolist()]
        for number, part in enumerate(SPLITS)
    }


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

    def parts(self, split: str) -> NDArray[np.int8]:
        """(N,) for each sample the place in SPLITS of its part of a split by name; NO_PART where it is in none.

        Raises:
            InputError: there is no such split.
        """
        benchmark = self.benchmark
        named = next((known for known in benchmark.splits if known.name == split), None)
        if named is not None:
            draws = np.hstack([self._drawn(f"{split} {by}", by, named.shares) for by in named.blind])
            return np.where((draws == draws[:, :1]).all(axis=1), draws[:, 0], NO_PART)
        if split not in split_names(benchmark, self.columns):
            raise InputError(
                f"there is no split {split!r}: choose one of "
                f"{', '.join(split_names(benchmark, self.columns)) or 'none'}"
            )
        sources, names = self.of(benchmark.leave_out)
        left_out = sources[:, 0] == names.index((split.removeprefix(LEAVE_OUT),))
        draw = self._drawn(split, benchmark.splits[0].blind[0], LEFT_SHARES)[:, 0]
        return np.where(left_out, np.int8(SPLITS.index("test")), draw)

    def held(self, by: str, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which groups some samples have."""
        codes, names = self.of(by)
        found = np.zeros(len(names), bool)
        found[codes[rows]] = True
        return found

    def _drawn(self, draw: str, by: str, shares: tuple[float, float]) -> NDArray[np.int8]:
        """(N, groups of a sample) the part that each falls to."""
        codes, names = self.of(by)
        return np.array([SPLITS.index(part_of(draw, group, shares)) for group in names], np.int8)[codes]


def groups(benchmark: Benchmark, columns: Columns, by: str) -> list[Groups]:
    """The groups of each sample: one, or several where the columns of the grouping each name one.

    Raises:
        InputError: the data set has no such grouping, or the raw files did not tell it.
    """
    known = _groupings(benchmark)
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


def _groupings(benchmark: Benchmark) -> dict[str, tuple[str, ...]]:
    return {ROW: ("id",), **benchmark.groupings}


def members(folder: Path) -> dict[str, list[str]]:
    """The columns of the member lists of a prepared folder, all splits one after the other.

    Raises:
        InputError: the data set is not prepared.
    """
    lists = [read_members(folder, split) for split in SPLITS]
    return {column: [value for part in lists for value in part[column]] for column in lists[0]}


def digest_of(lines: Iterable[str]) -> str:
    """The SHA-256 of lines."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
