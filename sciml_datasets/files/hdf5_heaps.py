"""The global heaps of HDF5 files, where text of varying length lies: a check before the HDF5 library reads one.

The library never ends where an object of a heap has no length. Here a heap is walked first, as the library walks it.
ByteSource: HDF5 File Format Specification 3.0, III.E.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from sciml_datasets.files.arriving import ByteSource
from sciml_datasets.files.hdf5_headers import Bytes, attribute_values

SIGNATURE = b"GCOL\x01"
"""Beginning of a heap: its mark and the only version."""
LEAST = 4096
"""Bytes that a heap has at least."""
MOST = 1 << 30
"""Bytes that a heap may have; the library keeps it in memory as a whole."""
SCANNED = 1 << 24
"""Bytes that are searched at a time."""
REFERENCE = np.dtype([("length", "<u4"), ("heap", "<u8"), ("number", "<u4")])
"""A text of varying length where it is used: its length, the address of its heap (0 for no text), its number there."""

ONE = struct.Struct("<IQ4x")
"""Length and heap of one such text: NumPy takes longer for a few."""


class DamagedHeapError(ValueError):
    """The library must not read a heap; the message says why."""


class Heaps:
    """The heaps of an open file; each is checked once.

    Args:
        file: the file, as h5py has it.
        descriptor: its file descriptor.
        source: the source of its bytes where they come from elsewhere.
    """

    def __init__(self, file: Any, descriptor: int, source: ByteSource | None = None) -> None:
        self._h5, self._descriptor, self._source = file, descriptor, source
        self._sizes: dict[int, int] = {}
        self._all = False

    @cached_property
    def file(self) -> Bytes:
        """The bytes of the file."""
        return Bytes.of(self._h5, self._descriptor, self._source)

    def check_attribute(self, address: int, name: bytes) -> None:
        """Check the heaps that an attribute of the object at an address refers to.

        Raises:
            DamagedHeapError: the library must not read it.
        """
        found = attribute_values(self.file, address, name)
        if found is None or self.file.narrow:
            self.check_all()
            return
        for values in found:
            for length, heap in ONE.iter_unpack(values[: len(values) // ONE.size * ONE.size]):
                if heap and length > self._size(heap):
                    raise _too_long(length)

    def check_references(self, stored: bytes) -> None:
        """Check the heaps that texts lie in, and that no text is longer than its heap: the library makes room for it
        before it looks.

        Args:
            stored: the texts as they are stored where they are used, as REFERENCE.

        Raises:
            DamagedHeapError: the library must not read them.
        """
        texts = np.frombuffer(stored[: len(stored) // REFERENCE.itemsize * REFERENCE.itemsize], REFERENCE)
        heaps, which = np.unique(texts["heap"], return_inverse=True)
        sizes = np.array([self._size(int(heap)) if heap else 0 for heap in heaps], np.int64)
        if (too_long := texts["length"][(texts["length"] > sizes[which]) & (texts["heap"] > 0)]).size:
            raise _too_long(too_long[0])

    def check_all(self) -> None:
        """Check all heaps of the file.

        Raises:
            DamagedHeapError: the library must not read one of them.
        """
        if self.file.narrow:
            raise DamagedHeapError("its addresses or lengths have other than 8 bytes")
        if not self._all:
            for heap in self._found():
                self._size(heap)
            self._all = True

    def _found(self) -> Iterator[int]:
        """The addresses of all heaps: of all places that begin like one, which arrays do not by chance."""
        overlap = len(SIGNATURE) - 1
        for start in range(0, self.file.size, SCANNED):
            part = np.frombuffer(self.file.read(start - self.file.base, SCANNED + overlap), np.uint8)
            places = np.arange(0)
            for i, byte in enumerate(SIGNATURE):
                if not i:
                    places = np.flatnonzero(part[: max(0, len(part) - overlap)] == byte)
                else:
                    places = places[part[places + i] == byte]
            yield from (address for address in (places + start - self.file.base).tolist() if address >= 0)

    def _size(self, address: int) -> int:
        """The bytes of the heap at an address; 0 where there is none, which the library says itself.

        Raises:
            DamagedHeapError: the library must not read it.
        """
        if address not in self._sizes:
            head = self.file.read(address, 16)
            size = int.from_bytes(head[8:16], "little")
            room = self.file.size - self.file.base - address
            if len(head) < 16 or not head.startswith(SIGNATURE) or not LEAST <= size <= room:
                size = 0
            elif size > MOST:
                raise DamagedHeapError(f"a heap has {size:,} bytes")
            else:
                _walk(self.file.read(address, size))
            self._sizes[address] = size
        return self._sizes[address]


def _too_long(length: int) -> DamagedHeapError:
    return DamagedHeapError(f"a text has {length:,} bytes, more than its heap")


def _walk(heap: bytes) -> None:
    """Go from object to object, as the library does.

    Raises:
        DamagedHeapError: an object has no length, or leads out of the heap.
    """
    at, end = 16, len(heap)
    while at + 16 <= end:
        number, size = int.from_bytes(heap[at : at + 2], "little"), int.from_bytes(heap[at + 8 : at + 16], "little")
        taken = 16 + -(-size // 8) * 8 if number else size
        if not 0 < taken <= end - at:
            raise DamagedHeapError(f"an object of a heap has {size:,} bytes of {end - at:,}")
        at += taken
