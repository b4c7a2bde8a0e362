"""TFDS's own description of a prepared folder, ``dataset_info.json``, checked before TFDS reads it.

TFDS takes the names and lengths of shards from there. They must be those that the manifest lists, under the names that
this project gives: no path and no number of records in the description is believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from tensorflow_datasets.core.proto import dataset_info_pb2

from sciml_datasets.errors import InputError
from sciml_datasets.files.documents import read_object
from sciml_datasets.prepared.integrity import AGAIN, listed_of, manifest_of
from sciml_datasets.raw_format import SPLITS

NAME = "dataset_info.json"
TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
"""TFDS's pattern of the names of shards, which this project uses."""
FORMATS = ("tfrecord", "array_record")


def check_description(folder: Path, version: str) -> None:
    """Make sure that TFDS can read the description of a folder, and finds in it what the manifest lists.

    Args:
        folder: the prepared folder; where it has no description, as before it is prepared, nothing is checked.
        version: version of the data set.

    Raises:
        InputError: the description is damaged, or describes other shards than the manifest.
        OSError: it cannot be read.
    """
    path = folder / NAME
    if not path.is_file():
        return
    value = read_object(path, "TFDS's description of prepared data", AGAIN)
    try:
        info = json_format.ParseDict(value, dataset_info_pb2.DatasetInfo())
    except (json_format.Error, ValueError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} is no description that TFDS can read ({reason}): {AGAIN}") from error
    names = [split.name for split in info.splits]
    file_format = info.file_format or FORMATS[0]
    if info.version != version or file_format not in FORMATS:
        raise InputError(
            f"{path} is of version {info.version[:40]!r} in the format {file_format[:40]!r}, expected {version} in one "
            f"of {', '.join(FORMATS)}: {AGAIN}"
        )
    if len({*names}) < len(names) or {*names} - {*SPLITS}:
        raise InputError(f"{path}: its splits are {str(names)[:200]}, expected {', '.join(SPLITS)}: {AGAIN}")
    if any((split.filepath_template or TEMPLATE) != TEMPLATE for split in info.splits):
        raise InputError(f"{path}: its shards are not called {TEMPLATE}: {AGAIN}")
    if listed_of(folder) is None:
        return
    described = dict(_shards(info, file_format))
    if described != {shard["name"]: shard["records"] for shard in manifest_of(folder)["shards"]}:
        raise InputError(f"{path} describes other shards than manifest.json lists: {AGAIN}")


def _shards(info: Any, file_format: str) -> Iterator[tuple[str, int]]:
    """Name and number of records of each shard."""
    for split in info.splits:
        count = len(split.shard_lengths)
        for number, records in enumerate(split.shard_lengths):
            yield f"{info.name}-{split.name}.{file_format}-{number:05d}-of-{count:05d}", records
