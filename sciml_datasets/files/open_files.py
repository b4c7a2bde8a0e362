"""Files that are kept open, as many as the system allows."""

from __future__ import annotations

import errno
import resource
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Opened = TypeVar("Opened")

RESERVED = 32
"""Number of open files that are left to the rest of the process: libraries, shards being written, what is inherited."""
TOO_MANY = (errno.EMFILE, errno.ENFILE)
"""Errors of a process, and of a system, that has too many files open."""


def open_limit(most: int) -> int:
    """Number of files that may be kept open: ``most``, or what ``ulimit -n`` leaves, and at least 1."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if soft == resource.RLIM_INFINITY else max(1, min(most, soft - RESERVED))


class OpenFiles(Generic[Key, Opened]):
    """Things that are open, each under its key; of too many, the one unused for longest is closed.

    Where the system refuses to open one more, all are closed, it is tried once more, and fewer are kept from then on.

    Args:
        open_one: opens what belongs to a key; an OSError has its number.
        close: closes it.
        most: number of things that are kept open at most; see `open_limit`.
    """

    def __init__(self, open_one: Callable[[Key], Opened], close: Callable[[Opened], object], most: int) -> None:
        self._open_one, self._close = open_one, close
        self._most = open_limit(most)
        self._opened: OrderedDict[Key, Opened] = OrderedDict()

    def __getitem__(self, key: Key) -> Opened:
        """The object that is open under a key, opened now if it is not. A later call closes it at the earliest.

        Raises:
            OSError: the system opens no more, though nothing is kept open; and what ``open_one`` raises.
        """
        if key not in self._opened:
            while len(self._opened) >= self._most:
                self._close(self._opened.popitem(last=False)[1])
            self._opened[key] = self._new(key)
        self._opened.move_to_end(key)
        return self._opened[key]

    def _new(self, key: Key) -> Opened:
        try:
            return self._open_one(key)
        except OSError as error:
            if error.errno not in TOO_MANY or not self._opened:
                raise
            self._most = max(1, len(self._opened) // 2)
            self.close()
        return self._open_one(key)

    def forget(self, key: Key) -> None:
        """Close what is open under a key, if anything; what is asked for afterwards is opened again."""
        if key in self._opened:
            self._close(self._opened.pop(key))

    def close(self) -> None:
        """Close all; what is asked for afterwards is opened again."""
        while self._opened:
            self._close(self._opened.popitem()[1])
