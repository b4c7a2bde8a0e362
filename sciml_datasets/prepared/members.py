"""Member lists of a prepared folder: the samples of each split in the order of the records, and their groups."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.files.documents import read_table
from sciml_datasets.files.regular_files import is_there
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


class MemberColumns(dict[str, list[str]]):
    """Columns of member lists by name, of which one that is missing is told with the file.

    Attributes:
        where: path of the list, or of the folder of several.

    Args:
        where: as the attribute.
        columns: the columns.
    """

    def __init__(self, where: Path, columns: Mapping[str, list[str]]) -> None:
        super().__init__(columns)
        self.where = where

    def __missing__(self, name: str) -> list[str]:
        """Refuse a column that the list lacks though the benchmark declares it."""
        raise InputError(f"{self.where} has no column {name!r}, only {', '.join(self)[:200]}: {AGAIN}")

    def numbers(self, name: str, *, below: int | None = None) -> NDArray[Any]:
        """(N,) a column as float64, or as int64 where the numbers are whole ones from 0.

        Args:
            name: name of the column.
            below: the number that whole ones are less than; None for any number.

        Raises:
            InputError: there is no such column, or it holds anything else.
        """
        try:
            found = np.array(self[name], np.float64 if below is None else np.int64)
        except (ValueError, OverflowError) as error:
            raise InputError(f"{self.where}: the column {name!r} holds what is no number: {AGAIN}") from error
        if below is not None and len(found) and not (found.min() >= 0 and found.max() < below):
            raise InputError(f"{self.where}: the column {name!r} holds what is not from 0 to {below - 1}: {AGAIN}")
        return found


def joined(folder: Path, lists: Sequence[Mapping[str, list[str]]]) -> MemberColumns:
    """The columns of several lists, one behind the other.

    Args:
        folder: the prepared folder.
        lists: columns of each list.

    Raises:
        InputError: the lists have different columns.
    """
    if any([*part] != [*lists[0]] for part in lists):
        raise InputError(f"{folder}: its member lists have different columns: {AGAIN}")
    return MemberColumns(folder, {name: [value for part in lists for value in part[name]] for name in lists[0]})


def read_members(folder: Path, split: str) -> MemberColumns:
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
    return MemberColumns(folder / member_list(split), dict(zip(header, columns, strict=True)))


def member_rows(folder: Path, split: str) -> tuple[list[str], Iterator[list[str]]]:
    """The names of the columns of a split's member list, and its rows one by one.

    Raises:
        InputError: as `read_members`.
    """
    path = folder / member_list(split)
    if not is_there(path):
        check_version(folder)
        raise InputError(
            f"{path} is missing: prepare the data set with `sciml prepare`, "
            f"and choose one of the splits {', '.join(SPLITS)}"
        )
    header, rows = read_table(undamaged(path), AGAIN)
    if header[:1] != ["id"]:
        raise InputError(f"{path} begins with the column {str(header[:1])[:80]}, expected id: {AGAIN}")
    return header, rows
