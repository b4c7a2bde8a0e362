"""An object of which this process gets the parts that it reads, into a sparse file of its own."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from sciml_datasets.errors import naming
from sciml_datasets.object_stores.store import Store, pieces
from sciml_datasets.object_stores.stored_object import StoredObject
from sciml_datasets.object_stores.trouble import trouble

BLOCK = 1 << 16
"""Number of bytes that are got at least; between headers of HDF5 files there are megabytes of values."""
FIRST = 16
"""Number of blocks of a file that are not forgotten."""
EQUAL = 2
"""Number of steps as long as the one before, after which the next ones are expected to be: one may be by chance."""
AHEAD = 8
"""Number of headers that are asked for at a time, where they lie in equal steps."""


class SparseFile:
    """A sparse file, and what is there of it; see `sciml_datasets.files.arriving.ByteSource`.

    Attributes:
        failure: see `ByteSource`.
        path: the file.

    Args:
        store: store of the object.
        stored: what the store says of the object, which must not change.
        path: the file to make.
        pool: threads that make requests.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, store: Store, stored: StoredObject, path: Path, pool: ThreadPoolExecutor) -> None:
        self.failure: Exception | None = None
        self._store, self._stored, self.path, self._pool = store, stored, path, pool
        self._asked: dict[int, Future[None]] = {}
        self._first: set[int] = set()
        self._reached: set[int] = set()
        self._last = self._step = self._equal = 0
        with naming(self.path), self.path.open("wb") as file:
            file.truncate(self._stored.size)

    def forget(self) -> None:
        """Give back the room of what was got, but for the first blocks that were needed without being asked for before:
        headers, on the way to all that is in the file."""
        for future in self._asked.values():
            future.cancel()
        wait(self._asked.values())
        kept_blocks = self._first & self._asked.keys()
        self._reached.clear()
        self._asked = {block: self._asked[block] for block in kept_blocks if _is_there(self._asked[block])}
        with naming(self.path), self.path.open("r+b", buffering=0) as file:
            kept = {block * BLOCK: os.pread(file.fileno(), BLOCK, block * BLOCK) for block in self._asked}
            file.truncate(0)
            file.truncate(self._stored.size)
            for at, content in kept.items():
                os.pwrite(file.fileno(), content, at)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to forget."""
        return self._asked.keys() <= self._first

    def ask(self, start: int, end: int) -> None:
        """See `ByteSource`."""
        first, last = start // BLOCK, -(-min(end, self._stored.size) // BLOCK)
        missing = [block for block in range(first, last) if block not in self._asked]
        while missing:
            count = next((i for i in range(1, len(missing)) if missing[i] != missing[0] + i), len(missing))
            for at, stop in pieces(missing[0] * BLOCK, (missing[0] + count) * BLOCK):
                future = self._pool.submit(self._fetch, at, min(stop, self._stored.size))
                self._asked |= dict.fromkeys(range(at // BLOCK, -(-stop // BLOCK)), future)
            missing = missing[count:]

    def need(self, start: int, end: int) -> None:
        """See `ByteSource`."""
        blocks = range(start // BLOCK, -(-min(end, self._stored.size) // BLOCK))
        if len(self._first) + len(blocks) <= FIRST:
            self._first.update(block for block in blocks if block not in self._asked)
        self.ask(start, end)
        if blocks and blocks[0] not in self._reached:
            self._reached.add(blocks[0])
            self._ask_ahead(start)
        try:
            for future in {self._asked[block] for block in blocks}:
                future.result()
        except Exception as error:
            self.failure = error
            raise

    def _ask_ahead(self, start: int) -> None:
        """Ask for what is read next, where blocks are reached in equal steps, as headers between arrays of one size."""
        step = start - self._last
        self._equal = self._equal + 1 if abs(step - self._step) < BLOCK else 0
        if step >= 2 * BLOCK and self._equal >= EQUAL:
            for at in range(start + step, min(start + AHEAD * step + 1, self._stored.size), step):
                self.ask(at, at + 1)
        self._last, self._step = start, step

    def _fetch(self, start: int, end: int) -> None:
        with trouble():
            content = self._store.get_range(self._stored.name, start, end, self._stored.etag)
        with naming(self.path):
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                while content:
                    count = os.pwrite(descriptor, content, start)
                    content, start = content[count:], start + count
            finally:
                os.close(descriptor)


def _is_there(future: Future[None]) -> bool:
    return not future.cancelled() and future.exception() is None
