"""The messages of the object headers of HDF5 files, read without the HDF5 library.

They tell, before the library touches it, where an object leads to. Nothing is believed: lengths are those of the bytes
that are there, and each block is read once. ByteSource: HDF5 File Format Specification 3.0, IV.A.1 and IV.A.2.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from sciml_datasets.files.arriving import ByteSource

LAYOUT, ATTRIBUTE, CONTINUATION, ATTRIBUTE_INFO = 8, 12, 16, 21
"""Types of messages: storage of an array, an attribute, another block, and where further attributes lie."""
FIRST = 512
"""Bytes that are read of a header at first."""
MOST_BYTES = 1 << 26
"""Bytes that an object header may have; the library keeps it in memory as a whole."""
UNDEFINED = (1 << 64) - 1
"""Address that stands for none."""
VIRTUAL_LAYOUT = b"\x04\x03"
"""Version and class of the storage of a virtual data set."""


class Bytes(NamedTuple):
    """The bytes of an open file by address.

    Attributes:
        descriptor: file descriptor.
        base: place of address 0 in the file.
        size: bytes of the file.
        narrow: whether the file's addresses or lengths have other than 8 bytes.
        source: the source of a file whose bytes come from elsewhere; None where all are there.
    """

    descriptor: int
    base: int
    size: int
    narrow: bool
    source: ByteSource | None = None

    @classmethod
    def of(cls, file: Any, descriptor: int, source: ByteSource | None = None) -> Bytes:
        """Those of an h5py file, whose descriptor this is."""
        made = file.id.get_create_plist()
        return cls(descriptor, made.get_userblock(), os.fstat(descriptor).st_size, made.get_sizes() != (8, 8), source)

    def read(self, address: int, count: int) -> bytes:
        """The bytes at an address; fewer where the file ends, none where there can be none."""
        place = self.base + address
        count = min(count, self.size - place)
        if count <= 0:
            return b""
        if self.source is not None:
            self.source.need(place, place + count)
        return os.pread(self.descriptor, count, place)


class Message(NamedTuple):
    """One message of a header: type, flags, content."""

    kind: int
    flags: int
    content: bytes


def messages(file: Bytes, address: int, *kinds: int) -> Iterator[Message]:
    """The messages of some types of the object header at an address, up to where it makes no sense."""
    head = file.read(address, FIRST)
    if len(head) < 16:
        return
    if head[:4] == b"OHDR":
        flags = head[5]
        at = 6 + (16 if flags & 32 else 0) + (4 if flags & 16 else 0)
        width = 1 << (flags & 3)
        first, size = at + width, int.from_bytes(head[at : at + width], "little")
        prefix, frame = struct.Struct("<BHB2x" if flags & 4 else "<BHB"), 4
    else:
        first, size = 16, int.from_bytes(head[8:12], "little")
        prefix, frame = struct.Struct("<HHB3x"), 0
    if first + size <= len(head):
        blocks = [head[first : first + size]]
    else:
        blocks = [file.read(address + first, min(size, MOST_BYTES))]
    seen, left = {address}, MOST_BYTES
    while blocks:
        block, at = blocks.pop(), 0
        while at + prefix.size <= len(block):
            kind, length, flags = prefix.unpack_from(block, at)
            begin = at + prefix.size
            at = begin + length
            if kind == CONTINUATION and length >= 16 and at <= len(block):
                place, count = struct.unpack_from("<QQ", block, begin)
                if place not in seen and 2 * frame <= count <= left:
                    seen.add(place)
                    left -= count
                    blocks.append(file.read(place + frame, count - 2 * frame))
            elif kind in kinds:
                yield Message(kind, flags, block[begin:at])


def is_virtual(file: Bytes, address: int) -> bool:
    """Whether the object at an address is a virtual data set, which the library follows as it opens it."""
    return any(one.content[:2] == VIRTUAL_LAYOUT for one in messages(file, address, LAYOUT))


def attribute_values(file: Bytes, address: int, name: bytes) -> list[bytes] | None:
    """The stored bytes of the attributes of a name; None where they may lie elsewhere than in the object's header."""
    found = []
    for message in messages(file, address, ATTRIBUTE, ATTRIBUTE_INFO):
        if message.kind == ATTRIBUTE:
            if message.flags & 2:  # the header has its place alone
                return None
            own, values = _attribute(message.content)
            if own.partition(b"\0")[0] == name:
                found.append(values)
        else:
            content = message.content
            at = 2 + (2 if content[1:2] and content[1] & 1 else 0)
            if int.from_bytes(content[at : at + 8], "little") != UNDEFINED:
                return None
    return found or None


def _attribute(content: bytes) -> tuple[bytes, bytes]:
    """Name and values of an attribute message."""
    if len(content) < 9:
        return b"", b""
    version, _, name, dtype, space = struct.unpack_from("<BBHHH", content)
    at, unit = 9 if version == 3 else 8, 8 if version == 1 else 1  # the first version pads each part
    begin = at + sum(-(-length // unit) * unit for length in (name, dtype, space))
    return content[at : at + name], content[begin:]
