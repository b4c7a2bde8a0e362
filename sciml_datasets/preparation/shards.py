"""Writing of one shard: a record file and its offsets, streamed, complete or absent."""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.files import atomic
from sciml_datasets.files.sync import sync
from sciml_datasets.prepared.integrity import OFFSETS_SUFFIX
from sciml_datasets.prepared.manifest import Written
from sciml_datasets.prepared.tfrecord import FOOTER_BYTES, HEADER_BYTES, Parts, tfrecord

BLOCK = 2 << 20
"""Number of bytes that are hashed and written at a time."""
BLOCKS = 4
"""Number of blocks of a file in memory: one is filled while others are hashed and written."""


def write_tfrecord(path: Path, examples: Iterable[Parts]) -> Written:
    """Write a TFRecord file, and beside it the offsets at which its records begin.

    ``<path>.offsets`` holds little-endian uint64: the position of each record and, last, the size of the file. Both
    files appear under their names only when they are complete and on disk.

    Args:
        path: the file to make.
        examples: serialised examples, consumed one at a time.

    Raises:
        OSError: the disk is full or read-only, or fails in another way; nothing is left behind.
    """
    offsets = [0]
    beside = atomic.writing(path.with_name(path.name + OFFSETS_SUFFIX), one_of_many=True)
    with beside as index_path, atomic.writing(path, one_of_many=True) as temporary, _HashedFile(temporary) as file:
        for record in map(tfrecord, examples):
            offsets.append(offsets[-1] + file.write(record))
        file.flush()
        index = struct.pack(f"<{len(offsets)}Q", *offsets)
        index_path.write_bytes(index)
        digest = file.hexdigest()
    records = len(offsets) - 1
    payload = offsets[-1] - records * (HEADER_BYTES + FOOTER_BYTES)
    return Written(path.name, records, offsets[-1], payload, digest, hashlib.sha256(index).hexdigest())


def write_array_record(path: Path, examples: Iterable[Parts]) -> Written:
    """Write an ArrayRecord file (https://github.com/google/array_record), one record per chunk as TFDS does.

    Arguments and errors as in `write_tfrecord`.
    """
    from array_record.python.array_record_module import ArrayRecordWriter

    records = payload = 0
    with atomic.writing(path, one_of_many=True) as temporary:
        writer = ArrayRecordWriter(str(temporary), "group_size:1")
        for example in examples:
            record = b"".join(example)
            writer.write(record)
            records += 1
            payload += len(record)
        writer.close()
        with temporary.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = temporary.stat().st_size
    return Written(path.name, records, size, payload, digest, "")


WRITERS = {"tfrecord": write_tfrecord, "array_record": write_array_record}
"""File format, as TFDS names it, to the function that writes a shard."""


def check_format(file_format: str) -> None:
    """Make sure that a file format can be written.

    Raises:
        InputError: it cannot.
    """
    if file_format not in WRITERS:
        raise InputError(f"the file format {file_format} is not supported for writing: choose {' or '.join(WRITERS)}")


def _aligned(size: int) -> mmap.mmap:
    """Memory that begins at the start of a page, of large pages where the kernel has them."""
    memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a kernel without large pages
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


class _HashedFile:
    """An empty file that is filled block by block, and its SHA-256.

    Hashing takes longer than all other work on a record, and writing waits for the disk: each has a thread of its own.
    Where the file system allows it, blocks are written to the disk past the page cache: filling new pages there costs
    more than everything but hashing, and other programs on the node keep their data in the cache.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        self._direct = self._set_direct(True)
        self._sha256 = hashlib.sha256()
        self._hashing, self._writing = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._blocks = [memoryview(_aligned(BLOCK)) for _ in range(BLOCKS)]
        self._in_work: list[list[Future[None]]] = [[] for _ in self._blocks]
        self._turn = self._filled = 0

    def __enter__(self) -> _HashedFile:
        return self

    def __exit__(self, *_: object) -> None:
        for thread in (self._hashing, self._writing):
            thread.shutdown(cancel_futures=True)
        os.close(self._descriptor)

    def write(self, parts: Parts) -> int:
        """Append the bytes of all parts, and return their number.

        Raises:
            OSError: these bytes, or earlier ones, cannot be written.
        """
        size = 0
        for part in parts:
            size += len(part)
            end = self._filled + len(part)
            if end < BLOCK:
                self._blocks[self._turn][self._filled : end] = part
                self._filled = end
                continue
            rest = memoryview(part)
            while rest:
                piece = rest[: BLOCK - self._filled]
                self._blocks[self._turn][self._filled : self._filled + len(piece)] = piece
                self._filled += len(piece)
                rest = rest[len(piece) :]
                if self._filled == BLOCK:
                    self._pass_on()
        return size

    def flush(self) -> None:
        """Start writing all bytes to the disk, in the background.

        Raises:
            OSError: earlier bytes cannot be written.
        """
        self._pass_on()
        self._in_work[self._turn] = [self._writing.submit(sync, self._descriptor)]

    def hexdigest(self) -> str:
        """The SHA-256 of all bytes, once they are on disk.

        Raises:
            OSError: they cannot be written.
        """
        for turn in range(BLOCKS):
            self._wait_for(turn)
        return self._sha256.hexdigest()

    def _pass_on(self) -> None:
        """Have the block hashed and written, and continue with the block that has waited longest."""
        block = self._blocks[self._turn][: self._filled]
        works: tuple[tuple[ThreadPoolExecutor, Callable[[Any], None]], ...]
        works = (self._writing, self._write_all), (self._hashing, self._sha256.update)
        self._in_work[self._turn] = [thread.submit(work, block) for thread, work in works]
        self._turn, self._filled = (self._turn + 1) % BLOCKS, 0
        self._wait_for(self._turn)

    def _wait_for(self, turn: int) -> None:
        for future in self._in_work[turn]:
            future.result()

    def _write_all(self, block: memoryview) -> None:
        if self._direct and len(block) < BLOCK:  # the last one, whose length need not be a multiple of the disk's unit
            self._direct = self._set_direct(False)
        while block:
            try:
                block = block[os.write(self._descriptor, block) :]
            except OSError:  # file systems refuse direct writing in many ways; a true error occurs in the other way too
                if not self._direct:
                    raise
                self._direct = self._set_direct(False)

    def _set_direct(self, wanted: bool) -> bool:
        """Switch writing past the page cache on or off, and return whether it is on."""
        try:
            flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags | os.O_DIRECT if wanted else flags & ~os.O_DIRECT)
        except OSError:  # refused, in one way or another: writes go through the page cache
            return False
        return wanted
