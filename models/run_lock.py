"""A lock of the run folder: one process trains there at a time; the lock of a killed process does not count."""

from __future__ import annotations

import os
import re
import threading
import time
from contextlib import suppress
from pathlib import Path

from sciml_datasets.errors import InputError
from sciml_datasets.parallel.processes import is_own, owner_lives, signature

PREFIX = "running"
NAME = re.compile(PREFIX + "-[0-9a-f]{12}-[0-9]+-[0-9a-f]{8}")
"""Name of a lock's file; another file whose name begins in the same way is the user's."""
HEARTBEAT_SECONDS = 10.0
LEASE_SECONDS = 60.0
"""A run on another machine, which cannot be asked, has ended when its file was not renewed for so long."""


class RunLock:
    """A file in the folder, named after this process and renewed while it lives; the file system locks nothing."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{PREFIX}-{signature()}"
        self._released = threading.Event()

    def acquire(self) -> None:
        """Create the file.

        Raises:
            InputError: another process trains here.
        """
        if self._path.exists():
            return
        self._path.touch(exist_ok=False)
        # Others are looked for after ours is there: of two runs that start at once, both may give up, and never none.
        for other in self._path.parent.glob(f"{PREFIX}-*"):
            if not NAME.fullmatch(other.name) or is_own(other.name):
                continue
            if _lives(other):
                self.release()
                raise InputError(
                    f"{self._path.parent} is in use: another process trains there, wait for its end or choose another "
                    "run folder with --out"
                )
            other.unlink(missing_ok=True)
        threading.Thread(target=self._renew, daemon=True).start()

    def release(self) -> None:
        """Remove the file; safe to call again."""
        self._released.set()
        self._path.unlink(missing_ok=True)

    def _renew(self) -> None:
        while not self._released.wait(HEARTBEAT_SECONDS):
            with suppress(FileNotFoundError):  # released meanwhile
                os.utime(self._path)


def _lives(path: Path) -> bool:
    lives = owner_lives(path.name)
    if lives is not None:
        return lives
    try:
        return time.time() - path.stat().st_mtime < LEASE_SECONDS
    except FileNotFoundError:
        return False
