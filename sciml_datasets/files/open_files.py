"""Files that are kept open, as many as the system lets a process have."""

from __future__ import annotations

import errno
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """Something to be closed."""

    def close(self) -> None:
        """Close it."""


Opened = TypeVar("Opened", bound=Closable)

FOR_OTHERS = 32
"""Number of open files that are left to the rest of the process: its libraries, its output, its pipes."""


class OpenFiles(Generic[Opened]):
    """Files that are opened when they are first asked for; of too many, the one that was used least recently is closed.

    Args:
        open_file: opens a file.
        most: number of files that are open at once, at most; fewer where ``ulimit -n`` is low.
    """

    def __init__(self, open_file: Callable[[Path], Opened], most: int) -> None:
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = most if soft == resource.RLIM_INFINITY else max(1, min(most, (soft - FOR_OTHERS) // 2))
        self._open_file = open_file
        self._open: OrderedDict[Path, Opened] = OrderedDict()

    def __getitem__(self, path: Path) -> Opened:
        """The open file; it stays open until others are asked for.

        Raises:
            OSError: it cannot be opened, even with all others closed.
        """
        if path in self._open:
            self._open.move_to_end(path)
            return self._open[path]
        while len(self._open) >= self._most:
            self._open.popitem(last=False)[1].close()
        try:
            found = self._open_file(path)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE) or not self._open:
                raise
            self.close()
            found = self._open_file(path)
        self._open[path] = found
        return found

    def close(self) -> None:
        """Close all."""
        while self._open:
            self._open.popitem()[1].close()
