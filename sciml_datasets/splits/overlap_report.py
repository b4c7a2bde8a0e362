"""What shows that no split by name leaks: ``splits.json`` of a prepared folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.benchmark import Benchmark
from sciml_datasets.prepared.members import member_rows
from sciml_datasets.raw_format import SPLITS
from sciml_datasets.splits.partitions import NO_PART, OFFICIAL, Group, Grouped, digest_of, is_official, split_names

FILE = "splits.json"
Rows = Mapping[str, NDArray[np.int64]]
"""Of each part, which of the distinct rows of the member lists it has."""


def overlap_report(benchmark: Benchmark, folder: Path) -> dict[str, Any]:
    """For each split by name its parts and what they have in common, as JSON; also for official splits.

    Of each part: samples, the SHA-256 of its distinct groups (all columns that groupings are made of, tab-separated,
    sorted, one a line), from which, but for official splits, its samples follow, and how many groups of each grouping;
    of each pair of parts: how many groups stand in both, which is 0 for what the split is blind to.

    Args:
        benchmark: says which splits there are.
        folder: the prepared one. Memory grows with its distinct groups, not with its samples.
    """
    names = list(dict.fromkeys(column for columns in benchmark.groupings.values() for column in columns))
    counts = {part: _distinct(folder, part, names) for part in SPLITS}
    distinct = sorted(set().union(*counts.values()))
    grouped = Grouped(benchmark, {name: [row[i] for row in distinct] for i, name in enumerate(names)})
    lines = ["\t".join(row) for row in distinct]
    of_part = {part: np.array([found[row] for row in distinct], np.int64) for part, found in counts.items()}
    samples = np.sum(list(of_part.values()), axis=0)
    told: dict[str, Any] = {}
    if is_official(folder):
        official = {part: np.flatnonzero(found) for part, found in of_part.items()}
        told[OFFICIAL] = _told(grouped, lines, official, of_part, 0)
    for split in split_names(benchmark, grouped.columns):
        part_of_row = grouped.parts(split)
        rows = {part: np.flatnonzero(part_of_row == place) for place, part in enumerate(SPLITS)}
        left_out = int(samples[part_of_row == NO_PART].sum())
        told[split] = _told(grouped, lines, rows, dict.fromkeys(SPLITS, samples), left_out)
    return told


def _told(
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


def _distinct(folder: Path, part: str, names: Sequence[str]) -> Counter[Group]:
    """How many samples of a split have which values in these columns of its member list."""
    header, rows = member_rows(folder, part)
    places = [header.index(name) for name in names]
    return Counter(tuple([row[place] for place in places]) for row in rows)
