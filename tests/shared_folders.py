"""Folders that one worker of a session makes and all of them read."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def last_changes(folder: Path) -> dict[Path, int]:
    """Time of the last change, in ns since 1970, of a folder and of everything in it."""
    return {path: path.stat().st_mtime_ns for path in (folder, *folder.rglob("*"))}


@contextmanager
def made_once(folder: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """A folder that the first worker makes while the others wait; tests only read it."""
    mark = folder.with_suffix(".made")
    with mark.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not mark.stat().st_size:
            make(folder)
            file.write("made")
    before = last_changes(folder)
    yield folder
    assert last_changes(folder) == before
