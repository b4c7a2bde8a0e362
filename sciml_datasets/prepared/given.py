"""``partitions.tsv`` of a prepared folder: partitions that the raw files give beside the canonical splits.

Its columns are the id of each sample and, under the name of each partition, the part of the sample: train, validation,
test, or nothing where the partition leaves it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sciml_datasets.errors import InputError
from sciml_datasets.files.documents import read_table
from sciml_datasets.files.regular_files import is_there
from sciml_datasets.prepared.integrity import AGAIN, undamaged
from sciml_datasets.raw_format import SPLITS

NAME = "partitions.tsv"


def text_of(ids: Sequence[str], parts: Mapping[str, Sequence[str]]) -> str:
    """The text of the file.

    Args:
        ids: ids of all samples, which a line of a member list can hold.
        parts: name of each partition to the part of each sample.
    """
    rows = zip(ids, *parts.values(), strict=True)
    return "".join("\t".join(row) + "\n" for row in (("id", *parts), *rows))


def given_partitions(folder: Path, ids: Sequence[str]) -> dict[str, list[str]]:
    """Name of each partition to the part of each sample; none where the folder has no such file.

    Args:
        folder: the prepared folder.
        ids: ids of all samples, in the order of the records.

    Raises:
        InputError: the file is damaged, or lacks a sample.
    """
    if not is_there(folder / NAME):
        return {}
    (key, *names), rows = read_table(undamaged(folder / NAME), AGAIN)
    parts = {own: others for own, *others in rows}
    if key != "id" or parts.keys() != {*ids} or not {part for row in parts.values() for part in row} <= {*SPLITS, ""}:
        raise InputError(f"{folder / NAME} does not give the part of each sample of the member lists: {AGAIN}")
    return {name: [parts[own][place] for own in ids] for place, name in enumerate(names)}
