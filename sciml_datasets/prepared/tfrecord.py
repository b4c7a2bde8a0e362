"""The framing of TFRecord files (tensorflow/core/lib/io/record_writer.h), which the writer and the readers share."""

from __future__ import annotations

import struct
from typing import Any

Parts = list[Any]
"""A message as consecutive pieces, bytes or one-dimensional uint8 arrays: the piece of a large tensor is a view of its
array, not a copy."""
HEADER_BYTES = 12
"""Number of bytes before a payload: its length and the length's checksum."""
FOOTER_BYTES = 4
"""Number of bytes after a payload: its checksum."""


def tfrecord(example: Parts) -> Parts:
    """A TFRecord: length and its masked CRC-32C, payload, the payload's masked CRC-32C, all little-endian.

    Source: tensorflow/core/lib/io/record_writer.h.
    """
    import google_crc32c

    length = struct.pack("<Q", sum(map(len, example)))
    crc = 0
    for part in example:
        crc = google_crc32c.extend(crc, part)
    return [length + masked(google_crc32c.value(length)), *example, masked(crc)]


def masked(crc: int) -> bytes:
    """A CRC-32C as TFRecord stores it: rotated and shifted (tensorflow/core/lib/hash/crc32c.h), 4 bytes."""
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)
