"""An object of which this process gets the parts that it reads, into a sparse file of its own."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from sciml_datasets.errors import naming
from sciml_datasets.object_stores.store import Store, StoredObject, pieces
from sciml_datasets.object_stores.trouble import trouble

BLOCK = 1 << 16
"""Number of bytes that are got at least; between headers of HDF5 files there are megabytes of values."""


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
        self.forget()

    def forget(self) -> None:
        """Make the file empty again: it takes no room."""
        for future in self._asked.values():
            future.cancel()
        self._asked = {}
        with naming(self.path), self.path.open("wb") as file:
            file.truncate(self._stored.size)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was asked for."""
        return not self._asked

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
        self.ask(start, end)
        blocks = range(start // BLOCK, -(-min(end, self._stored.size) // BLOCK))
        try:
            for future in {self._asked[block] for block in blocks}:
                future.result()
        except Exception as error:
            self.failure = error
            raise

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
