"""HDF5 files of our own, on disks that may be full or fail.

The HDF5 library prints errors, and may crash, when a file that it could not write to is closed. So it is never told: it
writes through a file object that keeps the first error for us.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sciml_datasets.errors import naming

if TYPE_CHECKING:
    import h5py


class _Patient(FileIO):
    """A file whose writes always seem to succeed.

    Attributes:
        trouble: the first error; nothing is written after it.
    """

    trouble: OSError | None = None

    def write(self, content: Any) -> int:
        """Write all bytes."""
        rest = memoryview(content).cast("B")
        size = len(rest)
        try:
            while rest and self.trouble is None:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.trouble = error
        return size

    def truncate(self, size: int | None = None) -> int:
        """Set the size of the file."""
        try:
            if self.trouble is None:
                return super().truncate(size)
        except OSError as error:
            self.trouble = error
        return size or 0


@contextmanager
def written(path: Path) -> Iterator[h5py.File]:
    """A new HDF5 file, open for writing as long as the context lasts; one that is there is overwritten.

    Raises:
        OSError: it cannot be written; the file is named.
    """
    import h5py

    with naming(path), _Patient(str(path), "w+b") as content:
        try:
            with h5py.File(content, "w") as file:
                yield file
        except Exception as error:
            if content.trouble is not None:  # from which it follows
                raise content.trouble from error
            raise
        if content.trouble is not None:
            raise content.trouble
