"""Files that are written where they are: devices and FIFOs, which keep nothing, and what no rename can replace."""

from __future__ import annotations

import errno
import os
import stat
import time
from pathlib import Path

from sciml_datasets.errors import InputError

READER_SECONDS = 5.0
"""Time that a FIFO is given to find a reader."""
LINKS = 40
"""Number of symbolic links that Linux follows in one path."""


def is_stream(path: Path, found: os.stat_result | None) -> bool:
    """Whether what is there takes bytes and keeps none, so that nothing can take its place."""
    if found is None:
        return False
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{path} is a folder: name a file to write")
    if stat.S_ISCHR(found.st_mode) or stat.S_ISFIFO(found.st_mode) or _open_descriptor(path) is not None:
        return True
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path} is a {'disk' if stat.S_ISBLK(found.st_mode) else 'socket'}: name a file to write")
    return False


def _open_descriptor(path: Path) -> int | None:
    """Number of the descriptor of this process that a path such as /dev/stdout leads to; None for other paths."""
    for _ in range(LINKS):
        path = Path(os.path.realpath(path.parent), path.name)
        if path.parent == Path(f"/proc/{os.getpid()}/fd") and path.name.isdecimal():
            return int(path.name)
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None


def _open_stream(path: Path) -> int:
    """Open what is there for writing; a FIFO once somebody reads from it."""
    deadline = time.monotonic() + READER_SECONDS
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.ENXIO or not path.is_fifo():
                raise
            if time.monotonic() > deadline:
                raise InputError(f"{path} is a FIFO that nobody reads from: start the reader first") from error
            time.sleep(0.05)
        else:
            os.set_blocking(descriptor, True)
            return descriptor


def pour(source: Path, path: Path) -> None:
    """Copy a file into what is there under a name, and leave that what it is."""
    own = _open_descriptor(path)
    descriptor = _open_stream(path) if own is None else os.dup(own)
    try:
        with source.open("rb") as content, os.fdopen(descriptor, "wb", buffering=0) as stream:
            while block := content.read(1 << 16):
                view = memoryview(block)
                while view:
                    view = view[stream.write(view) :]
    except BrokenPipeError as error:
        raise InputError(f"{path}: its reader ended before all was written: start the reader first") from error
