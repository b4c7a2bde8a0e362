"""Tensors of prepared records as arrays over the files themselves: reading a part of a tensor reads that part alone.

Tensors are stored as the plain bytes of an array (see `sciml_datasets.preparation.example_proto`), so that a patch of a
scene can be taken from the page cache without decoding, or even reading, the rest of its record.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow_datasets.core.data_sources.base import file_instructions

from sciml_datasets.errors import DamagedRecordError, InputError
from sciml_datasets.files.mapped_files import mapped_file, unmap_pages
from sciml_datasets.prepared.crc32c import crc32c
from sciml_datasets.prepared.random_access import check_id, offsets_of
from sciml_datasets.prepared.record_fields import byte_features, decoding
from sciml_datasets.prepared.record_ids import RecordIds
from sciml_datasets.prepared.remote import have_whole
from sciml_datasets.prepared.tfrecord import FOOTER_BYTES, HEADER_BYTES, masked

PIECE = 1 << 20
"""Bytes that are read at a time to compare a checksum; they stay in the processor's cache."""
MAPPED_BYTES = 1 << 29
"""Approximate number of bytes of the files that a process keeps mapped: their pages count as its memory, although the
page cache may take them back."""


class TensorViews:
    """Read-only arrays of the records of a split, by position. Threads may share it.

    A record's checksum, and its id with the member list, are compared when it is first touched.

    Args:
        builder: builder of a data set that is prepared as TFRecord.
        split: the split.

    Raises:
        InputError: the data set has another file format.
    """

    def __init__(self, builder: Any, split: str) -> None:
        if builder.info.file_format.value != "tfrecord":
            raise InputError(f"{builder.data_dir} is prepared as {builder.info.file_format.value}, expected tfrecord")
        declared = builder.info.features.to_json()["content"]["features"]
        self._tensors = {
            name.encode(): (tuple(builder.info.features[name].shape), np.dtype(builder.info.features[name].np_dtype))
            for name, feature in declared.items()
            if feature.get("tensor", {}).get("encoding") == "bytes"
            or getattr(builder.info.features[name], "plain", False)
        }
        self._maps: list[NDArray[np.uint8]] = []
        self._paths: list[Path] = []
        self._places: list[tuple[int, int, int, int]] = []
        parts = file_instructions(builder.info, split)
        have_whole(part.filename for part in parts)
        for part in parts:
            self._add(Path(part.filename), part.skip, part.examples_in_shard)
        self._found: dict[int, dict[str, NDArray[Any]]] = {}
        self._ids = RecordIds(builder.info, split)
        self._touched, self._parts, self._lock = 0, set[Hashable](), threading.Lock()

    def _add(self, path: Path, skip: int, count: int) -> None:
        offsets = offsets_of(path).tolist()
        if len(offsets) != count + 1:
            raise DamagedRecordError(path, 0, f"its offsets list {len(offsets) - 1} records, expected {count}")
        self._maps.append(mapped_file(path))
        self._paths.append(path)
        self._places += [(len(self._maps) - 1, i, offsets[i], offsets[i + 1]) for i in range(skip, count)]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, position: int) -> dict[str, NDArray[Any]]:
        """Name to array of a record's tensors.

        Raises:
            DamagedRecordError: its bytes are not those that were written, or it belongs to another sample.
        """
        if position not in self._found:
            shard, number, start, end = self._places[position]
            _check(self._paths[shard], number, start, end)
            payload = self._maps[shard][start:end].data[HEADER_BYTES:-FOOTER_BYTES]
            with decoding(self._paths[shard], number):
                features = dict(byte_features(payload))
            if (expected := self._ids[position]) is not None:
                check_id(bytes(features.get(b"id", b"")), expected, self._paths[shard], number)
            with decoding(self._paths[shard], number):
                self._found[position] = {
                    name.decode(): np.frombuffer(features[name], kind).reshape(shape)
                    for name, (shape, kind) in self._tensors.items()
                }
        return self._found[position]

    def touched(self, size: int, part: Hashable = None) -> None:
        """Count bytes as read; once they reach `MAPPED_BYTES`, `release` all pages.

        Args:
            size: number of bytes from the first to the last that was read, since pages are mapped by the dozen.
            part: name of what was read, which stays mapped and is counted once until then; None to count it anyway.
        """
        with self._lock:
            if part is not None and part in self._parts:
                return
            self._touched += size
            self._parts.add(part)
            if self._touched < MAPPED_BYTES:
                return
            self._touched = 0
            self._parts.clear()
        self.release()

    def release(self) -> None:
        """Remove the files' pages from this process's memory; the page cache keeps them."""
        for mapped in self._maps:
            unmap_pages(mapped)


def _check(path: Path, number: int, start: int, end: int) -> None:
    """Compare the length and the checksum of the record between two positions of a file.

    It is read, not mapped: nothing is to be unmapped then, and what comes from disk lies in larger pieces of the page
    cache, of which mapping a patch takes a third of the time.
    """
    payload = end - start - HEADER_BYTES - FOOTER_BYTES
    piece = np.empty(min(PIECE, payload), np.uint8)
    checksum = 0
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        if struct.unpack("<Q", file.read(HEADER_BYTES)[:8].ljust(8, b"\0")) != (payload,):
            raise DamagedRecordError(path, number, "its length is not the one written")
        while payload:
            some = piece[:payload]
            if not (count := file.readinto(some.data)):
                raise DamagedRecordError(path, number, "its length is not the one written")
            checksum = crc32c(some[:count], checksum)
            payload -= count
        if masked(checksum) != file.read(FOOTER_BYTES):
            raise DamagedRecordError(path, number, "its checksum does not agree")
