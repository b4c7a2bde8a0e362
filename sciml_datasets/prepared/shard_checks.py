"""Checks of shards before other programs, such as TensorFlow, read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tensorflow_datasets.core.data_sources.base import file_instructions

from sciml_datasets.errors import DamagedRecordError, InputError
from sciml_datasets.files.mapped_files import mapped_file
from sciml_datasets.files.regular_files import is_there, regular_file
from sciml_datasets.prepared.integrity import content_sha256, listed_of
from sciml_datasets.prepared.random_access import RECORDS, check_id
from sciml_datasets.prepared.record_fields import id_of
from sciml_datasets.prepared.record_ids import RecordIds
from sciml_datasets.prepared.remote import have_whole
from sciml_datasets.prepared.tfrecord import FOOTER_BYTES, HEADER_BYTES

HASHED_BYTES = 1 << 28
"""Total size in bytes of the shards of a split up to which they are hashed, once a process, within a second."""


def check_shards(info: Any, split: Any) -> None:
    """Compare the shards of a split with the manifest: their sizes and, where they are small, their SHA-256.

    Of data at a URL the shards are fetched before, whole: see `sciml_datasets.prepared.remote`.

    For larger shards the id of the first record is compared with the member list, so that no shard is taken for
    another. Without a manifest (`sciml_datasets.prepared.integrity.listed_of`) only the kind of each file is checked.

    Args:
        info: dataset info of the builder.
        split: a split, a part of a split, or several splits, as in TFDS.

    Raises:
        InputError: a shard is missing or is no regular file, or the manifest or a member list is damaged.
        DamagedRecordError: a shard is not what was written.
    """
    paths = [Path(str(part.filename)) for part in file_instructions(info, split)]
    have_whole(paths)
    listed = listed_of(paths[0].parent) if paths else None
    for path in paths:
        if not is_there(path):
            raise InputError(
                f"{path} is missing: `sciml verify` lists what else is missing; prepare the data set again"
            )
        size = regular_file(path).st_size
        if listed is not None and size != listed.get(path.name, (-1, ""))[0]:
            raise DamagedRecordError(path, None, "the size of the shard differs from the one in manifest.json")
    if listed is None:
        return
    if sum(listed[path.name][0] for path in set(paths)) <= HASHED_BYTES:
        for path in paths:
            if content_sha256(path) != listed[path.name][1]:
                raise DamagedRecordError(path, None, "the SHA-256 of the shard differs from the one in manifest.json")
        return
    for path, expected in zip(paths, RecordIds(info, split).firsts(), strict=True):
        if expected is not None:
            check_id(_first_id(path, info.file_format.value), expected, path, 0)


def _first_id(path: Path, file_format: str) -> bytes:
    """The id of the first record of a shard; few pages of a TFRecord are read, and its checksum is not compared."""
    if file_format != "tfrecord":
        return id_of(RECORDS[file_format]([(str(path), 0, 1)])[0])
    content = mapped_file(path)
    size = int.from_bytes(content[:8].tobytes(), "little")
    return id_of(content[HEADER_BYTES : min(HEADER_BYTES + size, len(content) - FOOTER_BYTES)].data)
