"""Tensors of prepared records as arrays over the files themselves: reading a part of one costs that part alone.

Tensors are stored as the plain bytes of an array (see `sciml_datasets.preparation.encoding`), so that a patch of a
scene can be taken from the page cache without decoding, or even reading, the rest of its record.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow_datasets.core.data_sources.base import file_instructions

from sciml_datasets.errors import InputError
from sciml_datasets.preparation.shards import FOOTER_BYTES, HEADER_BYTES, masked
from sciml_datasets.random_access import DamagedRecordError, check_id, offsets_of

MAPPED_BYTES = 1 << 29
"""Of the files, about, that a process keeps mapped: pages count as its memory, though the page cache may take them."""
_SYSTEM = ctypes.CDLL(None, use_errno=True)
_SYSTEM.mmap.restype = ctypes.c_void_p
_SYSTEM.mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
)
FAILED = ctypes.c_void_p(-1).value
"""Address that the system's ``mmap`` returns for an error."""


class TensorViews:
    """Read-only arrays of the records of a split, by position. Threads may share it.

    A record's checksum is compared when it is first touched.

    Args:
        builder: of a data set that is prepared as TFRecord.
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
        }
        self._maps: list[NDArray[np.uint8]] = []
        self._paths: list[Path] = []
        self._places: list[tuple[int, int, int, int]] = []
        for part in file_instructions(builder.info, split):
            self._add(Path(part.filename), part.skip, part.examples_in_shard)
        self._found: dict[int, dict[str, NDArray[Any]]] = {}
        self._ids: dict[int, bytes] = {}
        self._touched, self._lock = 0, threading.Lock()

    def _add(self, path: Path, skip: int, count: int) -> None:
        offsets = offsets_of(path).tolist()
        if len(offsets) != count + 1:
            raise DamagedRecordError(path, 0, f"its offsets tell of {len(offsets) - 1} records, expected {count}")
        self._maps.append(_mapped(path))
        self._paths.append(path)
        self._places += [(len(self._maps) - 1, i, offsets[i], offsets[i + 1]) for i in range(skip, count)]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, position: int) -> dict[str, NDArray[Any]]:
        """Name to array of a record's tensors.

        Raises:
            DamagedRecordError: its bytes are not those that were written.
        """
        if position not in self._found:
            shard, number, start, end = self._places[position]
            frame = self._maps[shard][start:end].data
            _check(frame, self._paths[shard], number)
            payload = frame[HEADER_BYTES:-FOOTER_BYTES]
            features = dict(_byte_features(payload))
            self._ids[position] = bytes(features[b"id"])
            self._found[position] = {
                name.decode(): np.frombuffer(content, self._tensors[name][1]).reshape(self._tensors[name][0])
                for name, content in features.items()
                if name in self._tensors
            }
            _unmap_pages(self._maps[shard][start - start % mmap.PAGESIZE : end])  # the checksum has touched them all
        return self._found[position]

    def check_id(self, position: int, expected: str) -> None:
        """Make sure that a record, which has been read, is that of the sample with this id.

        Raises:
            DamagedRecordError: it is another sample's.
        """
        shard, number, *_ = self._places[position]
        check_id(self._ids[position], expected, self._paths[shard], number)

    def touched(self, size: int) -> None:
        """Count bytes as read; at `MAPPED_BYTES` `release` all.

        Args:
            size: bytes from the first to the last that was read, since pages come by the dozen.
        """
        with self._lock:
            self._touched += size
            if self._touched < MAPPED_BYTES:
                return
            self._touched = 0
        self.release()

    def release(self) -> None:
        """Take the files' pages out of this process's memory; the page cache keeps them."""
        for mapped in self._maps:
            _unmap_pages(mapped)


def _mapped(path: Path) -> NDArray[np.uint8]:
    """A file as a read-only array, which is unmapped when nobody refers to it any more.

    Raises:
        OSError: it cannot be opened or mapped.
    """
    # Python's own mmap keeps a descriptor open for as long as the map, and a data set may have a thousand shards.
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        address = _SYSTEM.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
    if address == FAILED:
        raise OSError(error := ctypes.get_errno(), os.strerror(error), str(path))
    memory = (ctypes.c_uint8 * size).from_address(address)
    weakref.finalize(memory, _SYSTEM.munmap, ctypes.c_void_p(address), ctypes.c_size_t(size))
    array: NDArray[np.uint8] = np.frombuffer(memoryview(memory), np.uint8)
    array.flags.writeable = False
    return array


def _unmap_pages(mapped: NDArray[np.uint8]) -> None:
    """Unmap the pages of a part of a file that begins with one.

    By the system's own function: for as long as it takes, `mmap.madvise` keeps other threads from running.
    """
    address, size = ctypes.c_void_p(mapped.ctypes.data), ctypes.c_size_t(mapped.nbytes)
    if _SYSTEM.madvise(address, size, mmap.MADV_DONTNEED) != 0:
        raise OSError(error := ctypes.get_errno(), os.strerror(error))


def _check(frame: memoryview, path: Path, number: int) -> None:
    import google_crc32c

    payload = frame[HEADER_BYTES:-FOOTER_BYTES]
    if struct.unpack_from("<Q", frame)[0] != len(payload):
        raise DamagedRecordError(path, number, "its length is not the one written")
    if masked(google_crc32c.extend(0, np.frombuffer(payload, np.uint8))) != bytes(frame[-FOOTER_BYTES:]):
        raise DamagedRecordError(path, number, "its checksum does not agree")


def _byte_features(payload: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Name and content of the features of a serialised ``tf.train.Example`` that hold one byte string."""
    for _, features in _fields(payload):
        for _, entry in _fields(features):
            (_, name), (_, feature) = _fields(entry)
            for kind, values in _fields(feature):
                contents = [content for _, content in _fields(values)] if kind == 1 else []
                if len(contents) == 1:
                    yield bytes(name), contents[0]


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and content of the length-delimited fields of a protobuf message."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        length, place = _varint(message, place)
        yield tag >> 3, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """The number at a place, base 128 and least significant group first, and the place after it."""
    number = shift = 0
    while True:
        byte = message[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return number, place
