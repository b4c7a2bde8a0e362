"""The large tensors of a record, read from the file straight into arrays of their own.

A record of CloudMask has 70 MB, all but a kilobyte of them tensors that are stored as the plain bytes of an array. Who
reads the record as a whole, parses it and decodes the tensors copies them three times, each time into memory that the
system has to clear first. Here the tensors are found by the few bytes between them, and one call reads them into their
arrays and the rest beside; the checksum covers all of it.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.prepared.buffer_pool import BufferPool
from sciml_datasets.prepared.record_fields import read_varint, varint
from sciml_datasets.prepared.tfrecord import FOOTER_BYTES, HEADER_BYTES, masked

KEPT_BYTES = 1 << 28
"""Number of bytes of each size of tensors that are kept for later ones."""
LARGE_BYTES = 1 << 16
"""Number of bytes from which a tensor is large."""
ALIGNMENT = 64
"""Number of bytes at whose multiples arrays begin: TensorFlow takes such without a copy (EIGEN_MAX_ALIGN_BYTES)."""
PEEK_BYTES = 1 << 12
"""Number of bytes that are read at a time to find the tensors."""
LONGEST_HEAD = 256
"""Largest number of bytes of an entry before its content; longer ones are not looked at."""

Bytes = NDArray[np.uint8]
Apart = tuple[bytes, dict[str, Bytes]]
"""A serialised example without its large tensors, and the bytes of these by name."""


class LargeTensors:
    """The features of a data set that are tensors of `LARGE_BYTES` or more, of one shape in all records.

    They are read into memory of earlier ones where nothing refers to those any more: the system takes several times as
    long to map and clear fresh memory as to fill it from the page cache.

    Args:
        features: ``tfds.features.FeaturesDict``.

    Attributes:
        types: shape and type of each, by name.
        nbytes: number of bytes of all of them together.
        others: the other features.
    """

    def __init__(self, features: Any) -> None:
        from tensorflow_datasets.core.features import FeaturesDict

        self._names = tuple(sorted(features))  # the order of TFDS
        self.types = {
            name: (shape, dtype)
            for name, (shape, dtype) in plain_tensors(features).items()
            if math.prod(shape) * dtype.itemsize >= LARGE_BYTES
        }
        self.nbytes = sum(map(self._size, self.types))
        self.others = FeaturesDict({name: features[name] for name in features if name not in self.types})
        self._buffers = BufferPool(KEPT_BYTES)
        # What precedes the content of a tensor is the same in all records.
        self._heads = {name.encode(): entry_head(name.encode(), self._size(name)) for name in self.types}

    def _size(self, name: str) -> int:
        shape, dtype = self.types[name]
        return math.prod(shape) * dtype.itemsize

    def read(self, descriptor: int, start: int, end: int) -> Apart | None:
        """The record in a part of a TFRecord file, frame included, in two: what is no large tensor, and these.

        Args:
            descriptor: number of the open file.
            start: position of the first byte of the frame.
            end: position after its last byte.

        Returns:
            None where the bytes are not those that were written, or the tensors others than declared.
        """
        first, places = self._places(descriptor, start + HEADER_BYTES, end - FOOTER_BYTES)
        if places.keys() != self.types.keys():
            return None
        parts: list[Any] = []
        others: list[tuple[bytearray, slice]] = []
        arrays = {name: self._aligned(self._size(name)) for name in places}
        at, skipped = start, first - start
        for name, (entry, content) in places.items():
            between = bytearray(content - at)
            others.append((between, slice(skipped, entry - at)))
            parts += between, arrays[name]
            at, skipped = content + len(arrays[name]), 0
        rest = bytearray(end - at)
        others.append((rest, slice(skipped, len(rest) - FOOTER_BYTES)))
        parts.append(rest)
        if os.preadv(descriptor, parts, start) != end - start or not _undamaged(parts, end - start):
            return None
        small = b"".join(bytes(memoryview(between)[where]) for between, where in others)
        return b"\n" + varint(len(small)) + small, arrays

    def joined(self, others: Mapping[str, Any], tensors: Mapping[str, Any]) -> dict[str, Any]:
        """An example of both kinds of features."""
        return {name: tensors[name] if name in tensors else others[name] for name in self._names}

    def typed(self, arrays: Mapping[str, Bytes]) -> dict[str, NDArray[Any]]:
        """The tensors as arrays of their shapes and types, of bytes by name."""
        return {name: array.view(self.types[name][1]).reshape(self.types[name][0]) for name, array in arrays.items()}

    def _aligned(self, size: int) -> Bytes:
        """(size,) bytes that begin at a multiple of `ALIGNMENT`, not initialised."""
        buffer = self._buffers.empty((size + ALIGNMENT,), np.dtype(np.uint8))
        first = -buffer.ctypes.data % ALIGNMENT
        return buffer[first : first + size]

    def _places(self, descriptor: int, start: int, end: int) -> tuple[int, dict[str, tuple[int, int]]]:
        """Where the first entry begins; and by name, in order, where the entry of each large tensor begins, and its
        content: of none where the bytes are no example."""
        found: dict[str, tuple[int, int]] = {}
        base, peeked = start, os.pread(descriptor, PEEK_BYTES, start)
        try:
            length, place = read_varint(peeked, 1)
            at = first = start + place
            if peeked[:1] != b"\n" or first + length != end:
                return start, {}
            while at < end:
                place = at - base
                if place > len(peeked) - LONGEST_HEAD:
                    base, place, peeked = at, 0, os.pread(descriptor, min(PEEK_BYTES, end - at), at)
                length, content = read_varint(peeked, place + 1)
                size, letters = read_varint(peeked, content + 1)
                name = peeked[letters : letters + size]
                head = self._heads.get(name)
                if head is not None:
                    if peeked[place : place + len(head)] != head:
                        return start, {}
                    found[name.decode()] = at, at + len(head)
                at = base + content + length
        except IndexError:
            return start, {}
        return first, found if at == end else {}


def _undamaged(parts: list[Any], size: int) -> bool:
    """Whether length and checksum of a frame agree with what was read of it, piece by piece."""
    import google_crc32c

    first, last = memoryview(parts[0]), memoryview(parts[-1])
    if struct.unpack_from("<Q", first)[0] != size - HEADER_BYTES - FOOTER_BYTES:
        return False
    crc = 0
    for part in (first[HEADER_BYTES:], *parts[1:-1], last[:-FOOTER_BYTES]):
        crc = google_crc32c.extend(crc, np.frombuffer(part, np.uint8))
    return masked(crc) == bytes(last[-FOOTER_BYTES:])


def plain_tensors(features: Any) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape and type, by name, of the features that are stored as the plain bytes of an array."""
    declared = features.to_json()["content"]["features"]
    return {
        name: (tuple(features[name].shape), np.dtype(features[name].np_dtype))
        for name, feature in declared.items()
        if feature.get("tensor", {}).get("encoding") == "bytes" and None not in features[name].shape
    }


def entry_head(name: bytes, size: int) -> bytes:
    """What precedes the content of a byte string in a ``tf.train.Example``: the head of its entry in the map of
    features, its name, and the heads of Feature, of BytesList and of the string."""
    content = b"\n" + varint(size)
    content = b"\n" + varint(len(content) + size) + content
    content = b"\x12" + varint(len(content) + size) + content
    key = b"\n" + varint(len(name)) + name
    return b"\n" + varint(len(key) + len(content) + size) + key + content
