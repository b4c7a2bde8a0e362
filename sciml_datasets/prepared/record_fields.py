"""The features of a serialised ``tf.train.Example`` that hold bytes, found without decoding or copying the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sciml_datasets.errors import DamagedRecordError, InputError

LARGEST_SHIFT = 63
"""Number of bits of the last of the ten groups of the longest number."""
ID = b"\n\x02id"
"""Bytes with which the entry of the feature ``id`` begins."""


def byte_features(payload: memoryview) -> Iterator[tuple[bytes, memoryview]]:
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
        tag, place = read_varint(message, place)
        length, place = read_varint(message, place)
        yield tag >> 3, message[place : place + length]
        place += length


def read_varint(message: memoryview | bytes, place: int) -> tuple[int, int]:
    """The number at a place, in base 128 with the least significant group first, and the place after it.

    Raises:
        IndexError: the message ends within the number, or it is too long.
    """
    number = shift = 0
    while True:
        byte = message[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return number, place
        if shift > LARGEST_SHIFT:
            raise IndexError("a number is too long")


def varint(number: int) -> bytes:
    """A number as a protobuf message holds it: in base 128 with the least significant group first."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


@contextmanager
def decoding(path: str | Path, number: int) -> Iterator[None]:
    """Context in which a record is decoded whose checksum is right; what TFDS raises says that it is no example.

    Args:
        path: path of the shard, or of the prepared folder.
        number: number of the record.

    Raises:
        DamagedRecordError: TFDS cannot decode it.
    """
    from google.protobuf.message import DecodeError

    try:
        yield
    except (DecodeError, ValueError, LookupError, TypeError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        reason = " ".join(str(error).split())[:200]
        raise DamagedRecordError(path, number, f"it is no example of this data set ({reason})") from error


def id_of(payload: bytes | memoryview) -> bytes:
    """The id in an example as `sciml_datasets.preparation.example_proto` serialises it; empty where there is none."""
    try:
        _, place = read_varint(payload, 1)
        while place < len(payload):
            size, start = read_varint(payload, place + 1)
            if payload[start : start + len(ID)] == ID:
                place = start + len(ID)
                for _ in range(3):  # feature, list of bytes, the one content
                    size, place = read_varint(payload, place + 1)
                return bytes(payload[place : place + size])
            place = start + size
    except IndexError:
        pass  # it ends within a number
    return b""
