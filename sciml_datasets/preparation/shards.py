"""Writing one shard: a record file and its offsets, streamed, whole or absent."""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sciml_datasets.preparation.encoding import Parts
from sciml_datasets.samples import BUFFERS

OFFSETS_SUFFIX = ".offsets"
HEADER_BYTES, FOOTER_BYTES = 12, 4
"""Of a TFRecord: length and its checksum before, the payload's checksum after."""
MAX_PARTS = 1024
"""That one system call may write: IOV_MAX of Linux."""
WRITE_BEHIND = 4 << 20
"""Bytes after which the kernel is told to write out what it has and to give the memory back. Filling memory that was in
use a moment ago is several times faster than filling fresh memory, and other programs on the node keep their cache."""
GATHERED_BYTES = 1 << 16
"""Up to which records are hashed and written together: a system call for each costs more than its bytes."""
HASH_AHEAD = BUFFERS // 2
"""Records that may wait for the hashing thread, while their arrays are still intact."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a shard holds.

    Attributes:
        name: file name.
        records: number of examples.
        bytes: size of the file.
        example_bytes: size of the serialised examples, without the framing of the file format.
        sha256: of the file.
        offsets_sha256: of the offsets file beside it; empty where the format has its own index.
        notes: what was wrong with samples and tolerated, to how many and a clause about the first.
    """

    name: str
    records: int
    bytes: int
    example_bytes: int
    sha256: str
    offsets_sha256: str
    notes: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    def files(self) -> list[tuple[str, int, str]]:
        """Name, size and SHA-256 of the shard's files."""
        shard = (self.name, self.bytes, self.sha256)
        if not self.offsets_sha256:
            return [shard]
        return [shard, (self.name + OFFSETS_SUFFIX, 8 * (self.records + 1), self.offsets_sha256)]


def write_tfrecord(path: Path, examples: Iterable[Parts]) -> Written:
    """Write a TFRecord file, and beside it where its records begin.

    ``<path>.offsets`` holds little-endian uint64: the position of each record and, last, the size of the file. Both
    files appear under their names only when they are complete and on disk.

    Args:
        path: the file to make.
        examples: serialised examples, consumed one at a time.

    Raises:
        OSError: the disk is full, read-only or otherwise unwilling; nothing is left behind.
    """
    offsets, behind = [0], 0
    with _appearing(path) as temporary, temporary.open("wb", buffering=0) as file, _BackgroundSha256() as sha256:
        for parts in _gathered(map(tfrecord, examples), offsets):
            sha256.update(parts)
            for pieces in _portions(parts):
                behind += _write_all(file.fileno(), pieces)
                if behind >= WRITE_BEHIND:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                    behind = 0
        os.fsync(file.fileno())
        digest = sha256.hexdigest()
        index = struct.pack(f"<{len(offsets)}Q", *offsets)
        with _appearing(path.with_name(path.name + OFFSETS_SUFFIX)) as beside, beside.open("wb") as index_file:
            index_file.write(index)
            index_file.flush()
            os.fsync(index_file.fileno())
    records = len(offsets) - 1
    payload = offsets[-1] - records * (HEADER_BYTES + FOOTER_BYTES)
    return Written(path.name, records, offsets[-1], payload, digest, hashlib.sha256(index).hexdigest())


def write_array_record(path: Path, examples: Iterable[Parts]) -> Written:
    """Write an ArrayRecord file (https://github.com/google/array_record), one record per chunk as TFDS does.

    Arguments and errors as in `write_tfrecord`.
    """
    from array_record.python.array_record_module import ArrayRecordWriter

    records = payload = 0
    with _appearing(path) as temporary:
        writer = ArrayRecordWriter(str(temporary), "group_size:1")
        for example in examples:
            record = b"".join(example)
            writer.write(record)
            records += 1
            payload += len(record)
        writer.close()
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = temporary.stat().st_size
    return Written(path.name, records, size, payload, digest, "")


WRITERS = {"tfrecord": write_tfrecord, "array_record": write_array_record}
"""File format, as TFDS names it, to what writes a shard."""


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


@contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """A temporary file that takes its place when the block ends, and vanishes when it fails."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.incomplete")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.errno is not None and error.filename is None:  # of a descriptor: say of which file
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


class _BackgroundSha256:
    """SHA-256 in a thread of its own: hashing takes longer than everything else that is done to a record."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> _BackgroundSha256:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def update(self, parts: Parts) -> None:
        """Hash the parts of a record, which must not change any more."""
        self._waiting.append(self._thread.submit(self._update, parts))
        if len(self._waiting) > HASH_AHEAD:
            self._waiting.popleft().result()

    def _update(self, parts: Parts) -> None:
        for part in parts:
            self._sha256.update(part)

    def hexdigest(self) -> str:
        """The digest of everything so far."""
        while self._waiting:
            self._waiting.popleft().result()
        return self._sha256.hexdigest()


def _gathered(records: Iterable[Parts], offsets: list[int]) -> Iterator[Parts]:
    """Records as they are, but small ones joined; where each ends is added to the offsets."""
    small = bytearray()
    for parts in records:
        size = sum(map(len, parts))
        offsets.append(offsets[-1] + size)
        if size < GATHERED_BYTES:
            small += b"".join(parts)  # one part by itself may be an array, which would add itself to the rest
        if len(small) >= GATHERED_BYTES or (small and size >= GATHERED_BYTES):
            yield [small]
            small = bytearray()
        if size >= GATHERED_BYTES:
            yield parts
    if small:
        yield [small]


def _portions(parts: Parts) -> Iterator[Parts]:
    """The parts in order, at most WRITE_BEHIND bytes and MAX_PARTS of them at a time; large ones are cut."""
    portion: Parts = []
    size = 0
    for part in parts:
        rest = memoryview(part)
        while rest:
            piece = rest[: WRITE_BEHIND - size]
            portion.append(piece)
            size += len(piece)
            rest = rest[len(piece) :]
            if size == WRITE_BEHIND or len(portion) == MAX_PARTS:
                yield portion
                portion, size = [], 0
    if portion:
        yield portion


def _write_all(descriptor: int, parts: Parts) -> int:
    """Write all parts, which one system call can take, and return their bytes."""
    size = sum(map(len, parts))
    written = os.writev(descriptor, parts)
    if written < size:
        rest = memoryview(b"".join(parts))[written:]
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    return size
