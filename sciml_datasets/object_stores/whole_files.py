"""Whole files, fetched by as many requests at a time as a store allows, and shared out among processes.

A process takes the files that no other one fetches, and then waits for the others: what a killed one has left is taken
over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Event, Lock
from typing import TYPE_CHECKING

from sciml_datasets.errors import InputError
from sciml_datasets.object_stores.partial_copy import Part, PartialCopy

if TYPE_CHECKING:
    from sciml_datasets.object_stores.store import Store

WAIT_SECONDS = 0.2
"""Time between two looks at a file that another process fetches."""


class WholeFiles:
    """The fetching of whole files: threads take one part after the other, and the last one of a file publishes it.

    Args:
        store: the store that the files are in.
        copy: function that gives the copy of a file by name, None where it is whole.
        has: function that tells whether a file is whole.
        advance: function that is called with numbers of bytes that have come.
    """

    def __init__(
        self,
        store: Store,
        copy: Callable[[str], PartialCopy | None],
        has: Callable[[str], bool],
        advance: Callable[[int], object],
    ) -> None:
        self._store, self._copy, self._has, self._advance = store, copy, has, advance
        self._turn, self._lock, self._stop = Lock(), Lock(), Event()
        self._left: dict[PartialCopy, int] = {}

    def fetch(self, names: list[str]) -> None:
        """Fetch files that are not whole; those that other processes fetch are waited for.

        Raises:
            InputError: one cannot be got, or is damaged.
            OSError: the cache cannot be written.
        """
        parts = self._parts(names)
        self._store.each(lambda _: self._work(parts), range(self._store.in_flight))

    def _work(self, parts: Iterator[Part]) -> None:
        try:
            while not self._stop.is_set():
                with self._turn:  # which may wait for another process, while parts of ours arrive
                    part = next(parts, None)
                if part is None:
                    return
                copy, start, end = part
                count = copy.fetch(start, end)
                with self._lock:
                    self._advance(count)
                    self._left[copy] -= 1
                    is_last = not self._left[copy]
                if is_last:
                    self._finish(copy)
        except BaseException:
            self._stop.set()
            raise

    def _parts(self, names: list[str]) -> Iterator[Part]:
        """The requests for the files that no other process fetches, then for those that it has not finished."""
        waiting = names
        while waiting and not self._stop.is_set():
            busy = []
            for name in waiting:
                copy = self._copy(name)
                if copy is None:
                    continue
                if not copy.taken() or copy.evicted:
                    busy.append(name)
                    continue
                if self._has(name):  # another process has just finished it
                    copy.remove()
                    continue
                rest = copy.rest()
                if not rest:
                    self._finish(copy)
                with self._lock:
                    self._left[copy] = len(rest)
                for start, end in rest:
                    yield copy, start, end
            if waiting == busy:
                time.sleep(WAIT_SECONDS)
            waiting = busy

    def _finish(self, copy: PartialCopy) -> None:
        there = copy.publish()
        copy.close()
        if not there:
            raise InputError(f"{copy.final} left the cache while it was fetched: run the command again")
