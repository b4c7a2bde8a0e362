"""Splits: what may not straddle them, and the lists of their members."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from os.path import lexists
from pathlib import Path

from sciml_datasets.errors import InputError
from sciml_datasets.files.documents import read_table
from sciml_datasets.integrity import AGAIN, check_version, undamaged
from sciml_datasets.samples import SPLITS, Sample


def check_disjoint(samples: Iterable[Sample], group_kind: str) -> None:
    """Make sure that no group (for example a material) and no key stands in two places; what groups are unknown may be.

    Raises:
        InputError: a group lies in two splits, or two samples share a key; both are named.
    """
    split_of: dict[str, Sample] = {}
    keys: set[str] = set()
    for sample in samples:
        first = split_of.setdefault(sample.group, sample) if sample.group else sample
        if first.split != sample.split:
            raise InputError(
                f"{group_kind} {sample.group} is in two splits, {first.split} ({first.file}) and {sample.split} "
                f"({sample.file}), so test results would leak: keep its samples in one of them"
            )
        if sample.key in keys:
            raise InputError(f"{sample.file}: sample {sample.key} occurs twice: ids must be unique, remove one")
        keys.add(sample.key)


def part_of(name: str, group: Sequence[str], shares: tuple[float, float]) -> str:
    """The part that a group falls to: by the first 8 bytes of the SHA-256 of what is parted and the group.

    Args:
        name: of what is parted, for example of the split: another name, another draw.
        group: what names the group, for example cell and drug.
        shares: of train and of validation; the rest is test.
    """
    digest = hashlib.sha256("\t".join((name, *group)).encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    return SPLITS[(place >= shares[0]) + (place >= sum(shares))]


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
    seen: dict[str, str] = {}  # of a value that occurs a million times one copy
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
