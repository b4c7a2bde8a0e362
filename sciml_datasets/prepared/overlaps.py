"""``splits.json`` of a prepared folder: the report which shows that no split by name leaks."""

from __future__ import annotations

import json
from pathlib import Path

from sciml_datasets.benchmark import Benchmark
from sciml_datasets.prepared.given import NAME as GIVEN
from sciml_datasets.prepared.given import given_partitions
from sciml_datasets.prepared.members import joined, member_rows, read_members
from sciml_datasets.prepared.metadata import facts_of
from sciml_datasets.raw_format import SPLITS
from sciml_datasets.splits.overlap_report import MemberRows, overlap_report
from sciml_datasets.splits.partitions import is_official

NAME = "splits.json"


def write_overlaps(folder: Path, benchmark: Benchmark) -> None:
    """Write the report on overlaps of a folder that has its member lists and ``metadata.json``.

    Args:
        folder: the prepared folder.
        benchmark: declaration of the splits; where it has no split by name, nothing is written.
    """
    if not benchmark.splits:
        return
    members = {split: member_rows(folder, split) for split in SPLITS}
    report = overlap_report(benchmark, members, official=is_official(facts_of(folder)), given=_given(folder))
    (folder / NAME).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _given(folder: Path) -> dict[str, dict[str, MemberRows]]:
    """The rows of the member lists in each part of each partition that the raw files give."""
    if not (folder / GIVEN).is_file():
        return {}
    columns = joined(folder, [read_members(folder, split) for split in SPLITS])
    rows = [*zip(*columns.values(), strict=True)]
    return {
        name: {
            part: ([*columns], [row for row, own in zip(rows, parts, strict=True) if own == part]) for part in SPLITS
        }
        for name, parts in given_partitions(folder, columns["id"]).items()
    }
