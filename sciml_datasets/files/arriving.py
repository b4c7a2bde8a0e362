"""Files whose bytes come from elsewhere: sparse files of this machine, of which parts are got before they are read.

Readers that know of them ask `arriving` for the path that they open; to all others they are files full of zeros.
"""

from __future__ import annotations

import io
import os
from functools import cache
from pathlib import Path
from typing import Any, Protocol


class ByteSource(Protocol):
    """What gets the bytes of a file.

    Attributes:
        failure: what `need` has raised, which libraries in C do not pass on; None where it has not failed.
    """

    failure: Exception | None

    def need(self, start: int, end: int) -> None:
        """Have these bytes in the file when this returns.

        Raises:
            InputError: they cannot be got.
            OSError: they cannot be written, or the place that they come from cannot be used.
        """

    def ask(self, start: int, end: int) -> None:
        """Begin to get these bytes; what fails is told by `need`."""


@cache
def _sources() -> dict[str, ByteSource]:
    """The sources of this process by path."""
    return {}


def arriving(path: Path) -> ByteSource | None:
    """The source of a file; None where all of it is there."""
    return _sources().get(str(path)) if _sources() else None


def failure_of(path: Path) -> Exception | None:
    """What kept bytes of a file from coming; None where nothing did."""
    source = arriving(path)
    return None if source is None else source.failure


def add_source(path: Path, source: ByteSource) -> None:
    """Make the source of a file known to this process."""
    _sources()[str(path)] = source


def forget_sources(folder: Path) -> None:
    """Forget the sources of the files below a folder, which are removed."""
    for name in [name for name in _sources() if Path(name).is_relative_to(folder)]:
        del _sources()[name]


class ArrivingFile(io.RawIOBase):
    """An open file whose bytes are got before they are read, as libraries take a file of Python.

    Args:
        path: the sparse file.
        source: its source.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path, source: ByteSource) -> None:
        super().__init__()
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._source, self._at = source, 0
        self._size = os.fstat(self._descriptor).st_size

    def fileno(self) -> int:
        """The descriptor of the sparse file."""
        return self._descriptor

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """The position of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position, and return it."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes, and return their number."""
        view = memoryview(buffer).cast("B")
        end = min(self._at + len(view), self._size)
        if end <= self._at:
            return 0
        self._source.need(self._at, end)
        count = os.preadv(self._descriptor, [view[: end - self._at]], self._at)
        self._at += count
        return count

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            os.close(self._descriptor)
        super().close()
