"""Writing one shard: a TFRecord file, streamed, whole or absent.

Examples are encoded by TFDS's feature connectors and serialised with sorted map entries, so that the same samples give
the same bytes in every process (TFDS itself leaves the order of a protobuf map to chance). TensorFlow is not needed.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sciml_datasets.samples import Example


@dataclass(frozen=True, slots=True)
class Written:
    """What a shard holds.

    Attributes:
        name: file name.
        records: number of examples.
        bytes: size of the file.
        example_bytes: size of the serialised examples, without the framing of the file format.
        sha256: of the file.
    """

    name: str
    records: int
    bytes: int
    example_bytes: int
    sha256: str


def serializer(features: Any) -> Callable[[Example], bytes]:
    """A function from an example to the bytes of its ``tf.train.Example``, map entries sorted by key."""
    from tensorflow_datasets.core.example_serializer import ExampleSerializer

    to_proto = ExampleSerializer(features.get_serialized_info()).get_tf_example

    def serialize(example: Example) -> bytes:
        return bytes(to_proto(features.encode_example(example)).SerializeToString(deterministic=True))

    return serialize


def write_shard(path: Path, examples: Iterable[bytes]) -> Written:
    """Write a TFRecord file that appears under its name only when it is complete and on disk.

    Args:
        path: the file to make.
        examples: serialised examples, consumed one at a time.

    Raises:
        OSError: the disk is full, read-only or otherwise unwilling; nothing is left behind.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.incomplete")
    sha256 = hashlib.sha256()
    records = size = example_bytes = 0
    try:
        with temporary.open("wb", buffering=0) as file:
            for example in examples:
                for part in tfrecord_frame(example):
                    _write_all(file.fileno(), part)
                    sha256.update(part)
                    size += len(part)
                records += 1
                example_bytes += len(example)
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return Written(path.name, records, size, example_bytes, sha256.hexdigest())


def tfrecord_frame(example: bytes) -> tuple[bytes, bytes, bytes]:
    """Header, payload and footer of a TFRecord.

    Little-endian length (8 bytes) and its masked CRC-32C, the payload, the payload's masked CRC-32C (format and mask:
    tensorflow/core/lib/io/record_writer.h and tensorflow/core/lib/hash/crc32c.h).
    """
    length = struct.pack("<Q", len(example))
    return length + _masked_crc(length), example, _masked_crc(example)


def _masked_crc(data: bytes) -> bytes:
    import google_crc32c

    crc = google_crc32c.value(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
