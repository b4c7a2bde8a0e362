"""Report on overlaps: the parts of each partition, and the groups that two of them have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.benchmark import Benchmark
from sciml_datasets.raw_format import SPLITS
from sciml_datasets.splits.groups import Group, Grouped
from sciml_datasets.splits.hashing import digest_of
from sciml_datasets.splits.partitions import NO_PART, OFFICIAL, part_numbers, split_names

MemberRows = tuple[Sequence[str], Iterable[Sequence[str]]]
"""Names of the columns of a member list, and its rows."""
Rows = Mapping[str, NDArray[np.int64]]
"""Numbers of the distinct rows of the member lists that a part has, by part."""


def overlap_report(
    benchmark: Benchmark,
    members: Mapping[str, MemberRows],
    *,
    official: bool,
    given: Mapping[str, Mapping[str, MemberRows]] = MappingProxyType({}),
) -> dict[str, Any]:
    """The parts of each split by name, and of official splits, and what they have in common, as JSON.

    The report holds for each part the number of samples, the SHA-256 of its distinct groups (all columns that groupings
    are made of, tab-separated, sorted, one a line), from which its samples follow except in official splits, and the
    number of groups of each grouping; and for each pair of parts the number of groups that both have, which is 0 for
    the groupings that the split is blind to.

    Args:
        benchmark: declaration of the splits.
        members: canonical split to its member list. Rows are read once, one by one: memory grows with the number of
            distinct groups, not with that of samples.
        official: whether the raw files gave the canonical splits.
        given: further partitions that they gave: name to the rows of the member lists in each part.
    """
    names = list(dict.fromkeys(column for columns in benchmark.groupings.values() for column in columns))
    counts = {part: _distinct(*members[part], names) for part in SPLITS}
    distinct = sorted(set().union(*counts.values()))
    grouped = Grouped(benchmark, {name: [row[i] for row in distinct] for i, name in enumerate(names)})
    lines = ["\t".join(row) for row in distinct]
    of_part = {part: np.array([found[row] for row in distinct], np.int64) for part, found in counts.items()}
    samples = np.sum(list(of_part.values()), axis=0)
    report: dict[str, Any] = {}
    if official:
        rows = {part: np.flatnonzero(found) for part, found in of_part.items()}
        report[OFFICIAL] = _of_split(grouped, lines, rows, of_part, 0)
    for split, own in given.items():
        found = {part: _distinct(*own[part], names) for part in SPLITS}
        in_part = {part: np.array([some[row] for row in distinct], np.int64) for part, some in found.items()}
        rows = {part: np.flatnonzero(some) for part, some in in_part.items()}
        left_out = int(samples.sum() - np.sum(list(in_part.values())))
        report[split] = _of_split(grouped, lines, rows, in_part, left_out)
    for split in split_names(benchmark, grouped.columns):
        part_of_row = part_numbers(grouped, split)
        rows = {part: np.flatnonzero(part_of_row == place) for place, part in enumerate(SPLITS)}
        left_out = int(samples[part_of_row == NO_PART].sum())
        report[split] = _of_split(grouped, lines, rows, dict.fromkeys(SPLITS, samples), left_out)
    return report


def _of_split(
    grouped: Grouped, lines: Sequence[str], rows: Rows, samples: Mapping[str, NDArray[np.int64]], left_out: int
) -> dict[str, Any]:
    held = {part: {by: grouped.held(by, own) for by in grouped.benchmark.groupings} for part, own in rows.items()}
    return {
        "parts": {
            part: {
                "samples": int(samples[part][own].sum()),
                "sha256": digest_of(lines[row] for row in own.tolist()),
                **{by: int(some.sum()) for by, some in held[part].items()},
            }
            for part, own in rows.items()
        },
        "left_out": left_out,
        "in_common": {
            f"{one} and {other}": {by: int((some & held[other][by]).sum()) for by, some in held[one].items()}
            for one, other in (("train", "validation"), ("train", "test"), ("validation", "test"))
        },
    }


def _distinct(header: Sequence[str], rows: Iterable[Sequence[str]], names: Sequence[str]) -> Counter[Group]:
    """The number of rows by their values in these columns."""
    places = [header.index(name) for name in names]
    return Counter(tuple([row[place] for place in places]) for row in rows)
