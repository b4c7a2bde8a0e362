"""Member lists of a prepared folder: the samples of each split in the order of the records, and their groups."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from os.path import lexists
from pathlib import Path

from sciml_datasets.errors import InputError
from sciml_datasets.files.documents import read_table
from sciml_datasets.prepared.integrity import AGAIN, check_version, undamaged
from sciml_datasets.raw_format import SPLITS, Sample


def member_list(split: str) -> str:
    """File name of a split's member list in a prepared folder."""
    return f"members-{split}.tsv"


def write_members(folder: Path, split: str, samples: Iterable[Sample], columns: Sequence[str]) -> Path:
    """Write the member list of a split: tab-separated id, facts and group, in the order of the records.

    Args:
        folder: the prepared folder.
        split: the split.
        samples: its samples.
        columns: names of the facts and of the group.
    """
    path = folder / member_list(split)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(("id", *columns))
        writer.writerows((sample.key, *sample.facts, sample.group) for sample in samples)
    return path


def read_members(folder: Path, split: str) -> dict[str, list[str]]:
    """The columns of a split's member list by name.

    Raises:
        InputError: the folder holds no such list: it is not prepared data, or the split does not exist; or the list
            is damaged.
    """
    header, rows = member_rows(folder, split)
    columns: list[list[str]] = [[] for _ in header]
    ids, *facts = columns
    seen: dict[str, str] = {}  # a value that occurs a million times is kept as one copy
    for row in rows:
        ids.append(row[0])
        for column, value in zip(facts, row[1:], strict=True):
            column.append(seen.setdefault(value, value))
    return dict(zip(header, columns, strict=True))


def member_rows(folder: Path, split: str) -> tuple[list[str], Iterator[list[str]]]:
    """The names of the columns of a split's member list, and its rows one by one.

    Raises:
        InputError: as `read_members`.
    """
    path = folder / member_list(split)
    if not lexists(path):
        check_version(folder)
        raise InputError(
            f"{path} is missing: prepare the data set with `sciml prepare`, "
            f"and choose one of the splits {', '.join(SPLITS)}"
        )
    return read_table(undamaged(path), AGAIN)
