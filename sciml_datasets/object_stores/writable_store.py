"""A store that is written too: objects appear whole or not at all, by one request or in parts."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sciml_datasets.errors import InputError
from sciml_datasets.object_stores.connections import whole_answer
from sciml_datasets.object_stores.store import Store, key

PART_BYTES, MOST_PARTS = 8 << 20, 10_000
"""Least size of a part of an upload, and number of parts that S3 takes at most."""
LARGEST_PUT = 5 << 30
"""Largest number of bytes of an object that S3 takes in one request."""


class WritableStore(Store):
    """A `Store` whose objects are written and removed."""

    def put(self, name: str, content: bytes | Path | Iterable[bytes], size: int = 0) -> str:
        """Write an object, which appears whole or not at all; an existing one is replaced.

        Args:
            name: its name.
            content: its bytes, a file, or its bytes piece by piece; in several parts where it is large.
            size: number of bytes of pieces, where it is known.

        Returns:
            its ETag, "" where the store gives none.

        Raises:
            InputError: it cannot be written.
        """
        import obstore

        if isinstance(content, Path):
            size = content.stat().st_size
        elif isinstance(content, bytes):
            size = len(content)
        part = max(PART_BYTES, -(-size // (MOST_PARTS - 1)))
        with self._request(name, requests=max(1, -(-size // part))):
            result = obstore.put(self._store, key(name), content, chunk_size=part, max_concurrency=self.in_flight)
        self._count(sent=size)
        return result["e_tag"] or ""

    def put_whole(self, name: str, content: bytes | Path) -> str:
        """Write an object by one request: a process that is killed leaves no parts of an upload.

        Args:
            name: its name.
            content: its bytes, or a file that is not empty; at most LARGEST_PUT bytes.

        Returns:
            its ETag, "" where the store gives none.

        Raises:
            InputError: it is larger, or cannot be written.
        """
        import obstore

        size = content.stat().st_size if isinstance(content, Path) else len(content)
        if size > LARGEST_PUT:
            raise InputError(f"{self.url_of(name)}: it has {size:,} bytes, and one request takes {LARGEST_PUT:,}")
        with _in_memory(content) as view, self._request(name):
            result = obstore.put(self._store, key(name), view, use_multipart=False)
        self._count(sent=size)
        return result["e_tag"] or ""

    def put_if_absent(self, name: str, content: bytes) -> bool:
        """Write a small object unless there is one of this name, by one conditional request.

        Returns:
            whether it was written by this call. A repeated request whose first answer was lost gives False too: who
            needs to know compares the content.

        Raises:
            InputError: it cannot be written, or the store has no conditional writes.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._request(name):
            try:
                obstore.put(self._store, key(name), content, mode="create", use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                return False
        self._count(sent=len(content))
        return True

    def delete(self, names: Sequence[str]) -> None:
        """Remove objects; one that is not there is no error.

        Raises:
            InputError: one cannot be removed.
        """
        import obstore

        for name in names:
            with self._request(name):
                try:
                    whole_answer(partial(obstore.delete, self._store, key(name)))
                except FileNotFoundError:
                    continue


@contextmanager
def _in_memory(content: bytes | Path) -> Iterator[memoryview]:
    """The bytes, or those of a file, which the system reads as they are needed."""
    if isinstance(content, bytes):
        yield memoryview(content)
        return
    with (
        content.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages,
        memoryview(pages) as view,
    ):
        yield view
