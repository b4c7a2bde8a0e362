"""One process trains in a run folder at a time; what a killed one has left is no hindrance."""

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
MARK = re.compile(PREFIX + "-[0-9a-f]{12}-[0-9]+-[0-9a-f]{8}")
"""Name of a mark; another file whose name begins in the same way is the user's."""
HEARTBEAT_SECONDS = 10.0
LEASE_SECONDS = 60.0
"""A run on another machine, which cannot be asked, has ended when its mark was not renewed for so long."""


class Claim:
    """A mark in the folder, named after this process and renewed while it lives; nothing is locked."""

    def __init__(self, folder: Path) -> None:
        self._mark = folder / f"{PREFIX}-{signature()}"
        self._released = threading.Event()

    def take(self) -> None:
        """Leave the mark.

        Raises:
            InputError: another process trains here.
        """
        if self._mark.exists():
            return
        self._mark.touch(exist_ok=False)
        # Marks are looked at after ours is there: of two runs that start at once, both may give up, and never none.
        for other in self._mark.parent.glob(f"{PREFIX}-*"):
            if not MARK.fullmatch(other.name) or is_own(other.name):
                continue
            if _lives(other):
                self.release()
                raise InputError(
                    f"{self._mark.parent} is in use: another process trains there, wait for its end or choose another "
                    "run folder with --out"
                )
            other.unlink(missing_ok=True)
        threading.Thread(target=self._renew, daemon=True).start()

    def release(self) -> None:
        """Take the mark away; safe to call again."""
        self._released.set()
        self._mark.unlink(missing_ok=True)

    def _renew(self) -> None:
        while not self._released.wait(HEARTBEAT_SECONDS):
            with suppress(FileNotFoundError):  # released meanwhile
                os.utime(self._mark)


def _lives(mark: Path) -> bool:
    lives = owner_lives(mark.name)
    if lives is not None:
        return lives
    try:
        return time.time() - mark.stat().st_mtime < LEASE_SECONDS
    except FileNotFoundError:
        return False
