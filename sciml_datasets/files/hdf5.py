"""HDF5 files from outside, netCDF-4 files among them: their arrays and attributes as declared, or one sentence.

What HDF5 makes of a file may come from elsewhere: from another file behind an external link, a virtual data set or
external storage, or from a fill value where nothing was ever written. Here an array lies in the file that was opened,
and all of it was written, or it is refused. So the place of its bytes in that file is known, where it is stored in one
piece, and a list of raw files with their checksums covers everything that is read.

Exceptions of the HDF5 library do not leave this module: what was read and is wrong is an InputError, and trouble of the
machine (too many open files, a lock of another process, a failing disk) an OSError that names the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import clear_frames
from typing import Any

from numpy.typing import NDArray

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.arriving import ArrivingFile, arriving, failure_of
from sciml_datasets.files.hdf5_arrays import ANY, ELSEWHERE, FLOAT32, INTEGERS, NUMBERS, TEXT, Array, Types
from sciml_datasets.files.hdf5_attributes import (
    AGAIN,
    LIBRARY_ERRORS,
    Node,
    UnusableAttributeError,
    as_text,
    machine_error,
    reading,
    reason,
)
from sciml_datasets.files.hdf5_headers import is_virtual
from sciml_datasets.files.hdf5_heaps import Heaps
from sciml_datasets.files.regular_files import regular_file
from sciml_datasets.files.text import LONGEST, shown

__all__ = [
    "ANY",
    "FLOAT32",
    "INTEGERS",
    "NUMBERS",
    "TEXT",
    "Array",
    "File",
    "Group",
    "Types",
    "UnusableAttributeError",
    "as_text",
    "opened",
]

FAMILY = b"NCSAfami"
"""Mark of HDF5's family driver near the beginning of a file (HDF5 File Format Specification, II.B)."""
MOST_LINKS = 16
"""Number of soft links that may lead to an object, as in the HDF5 library."""
Shape = tuple[int | None, ...]
"""Lengths of an array; None where any length will do."""


class OpenForWritingError(OSError):
    """A file is marked as open for writing: it is not damaged, and may not be read now."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is marked as open for writing: run the same command again when whatever writes it has ended; if "
            f"nothing does, a writer was killed: clear the mark with `h5clear -s {path}`, or fetch the file again"
        )
        self.path = path

    def __reduce__(self) -> tuple[type[OpenForWritingError], tuple[Path]]:
        """The exception as it travels from one process to another."""
        return type(self), (self.path,)


class Group(Node):
    """A group of an open file."""

    def names(self) -> list[str]:
        """Names of what the group holds, sorted as they are stored.

        Raises:
            InputError: a name is not UTF-8, or the group is damaged.
        """
        with reading(self.path, self.where):
            return [as_text(name, f"{self.where}: a name in it") for name in self.id]

    def __contains__(self, name: str) -> bool:
        """Whether the group holds something of this name, even a link that leads nowhere."""
        with reading(self.path, f"{self.where}: {shown(name, LONGEST)}"):
            return bool(self.id.links.exists(name.encode()))

    def group(self, name: str) -> Group:
        """A group in this one.

        Raises:
            InputError: there is none of this name, or it cannot be read.
        """
        import h5py

        where = f"{self.path}, group {shown(name, LONGEST)}"
        found = self._object(name, where, "a group")
        if not isinstance(found, h5py.h5g.GroupID):
            raise InputError(f"{where}: it is a data set or a type, expected a group: remove it, or correct the file")
        return Group(self.path, where, found, self.heaps)

    def array(self, name: str, types: Types = NUMBERS, *shapes: Shape, remedy: str = AGAIN) -> Array:
        """An array in this group; nothing of it is read yet.

        Args:
            name: name of the data set.
            types: types that it may have.
            shapes: shapes that it may have; none for any.
            remedy: action of the user where it has another shape.

        Raises:
            InputError: there is none of this name, it has another type or shape, its bytes lie in another file, some
                were never written, or it is compressed by an unknown filter.
        """
        import h5py

        where = f"{self.where}: {shown(name, LONGEST)}"
        expected = " or ".join(str(shape).replace("None", "any") for shape in shapes)
        found = self._object(name, where, f"a data set {expected}".rstrip(), an_array=True)
        if not isinstance(found, h5py.h5d.DatasetID):
            raise InputError(f"{where} is no data set: {remedy}")
        with reading(self.path, where):
            array = Array(self.path, where, found, self.heaps)
        if shapes and not any(_fits(array.shape, shape) for shape in shapes):
            raise InputError(f"{where} has the shape {array.shape}, expected {expected}: {remedy}")
        if not types.accepts(array.dtype):
            raise InputError(f"{where} is {array.dtype}, expected {types.words}: convert the file or remove it")
        return array

    def _object(self, name: str, where: str, expected: str, *, an_array: bool = False) -> Any:
        """The object that a name refers to, through soft links; no other file is opened."""
        import h5py

        with reading(self.path, where):
            parts, place, links = name.split("/")[::-1], self.id, 0
            while parts:
                part = parts.pop().encode()
                if part in (b"", b"."):
                    continue
                if not isinstance(place, h5py.h5g.GroupID) or not place.links.exists(part):
                    behind = " behind a soft link" if links else ""
                    raise InputError(f"{where} is missing{behind}, expected {expected}: {AGAIN}, or remove it")
                link = place.links.get_info(part)
                if link.type == h5py.h5l.TYPE_HARD:
                    if an_array and not parts and is_virtual(self.heaps.file, link.u):
                        raise InputError(f"{where} {ELSEWHERE}")
                    place = h5py.h5o.open(place, part)
                    continue
                if link.type != h5py.h5l.TYPE_SOFT:
                    raise InputError(
                        f"{where} lies in another file, behind an external link: write what it holds into this file"
                    )
                links += 1
                if links > MOST_LINKS:
                    raise InputError(f"{where} is a soft link that leads round: {AGAIN}, or remove it")
                target = as_text(place.links.get_val(part), f"{where}: its soft link")
                parts += target.split("/")[::-1]
                if target.startswith("/"):
                    place = h5py.h5o.open(h5py.h5i.get_file_id(self.id), b"/")
            return place


class File(Group):
    """An open file: its root group. `opened` closes it; who keeps many open closes them itself.

    Attributes:
        h5: the file as h5py has it, for a reader with stricter rules.

    Raises:
        InputError: it does not exist, is no regular file, or is not a complete HDF5 file.
        OSError: it cannot be opened though it may be sound; the file is named.
    """

    def __init__(self, path: Path) -> None:
        import h5py

        regular_file(path)
        self._source = arriving(path)
        self._opened = None if self._source is None else ArrivingFile(path, self._source)
        try:
            # The driver that every build has, whatever the environment chooses: places are bytes of this very file.
            self.h5 = h5py.File(path, "r", driver="sec2") if self._opened is None else h5py.File(self._opened, "r")
        except LIBRARY_ERRORS as error:
            # Whoever keeps the traceback to the end would keep h5py's settings of the file in it, whose removal by the
            # HDF5 library, after Python has ended, is a crash.
            clear_frames(error.__traceback__)
            if failure := failure_of(path):
                raise failure from error
            if number := machine_error(error):
                raise OSError(number, os.strerror(number), str(path)) from error
            if "already open for write" in str(error):
                raise OpenForWritingError(path) from error
            if FAMILY in path.read_bytes()[:4096]:
                raise InputError(
                    f"{path} is one part of a file that HDF5 has written in parts: join them with h5repart"
                ) from error
            raise InputError(f"{path}: not a complete HDF5 file ({reason(error)}): {AGAIN}, or remove it") from error
        with reading(path, str(path)):
            self._descriptor = self.h5.id.get_vfd_handle() if self._opened is None else self._opened.fileno()
            heaps = Heaps(self.h5, self._descriptor, self._source)
            super().__init__(path, str(path), h5py.h5o.open(self.h5.id, b"/"), heaps)

    def close(self) -> None:
        """Close the file; nothing of it can be read afterwards."""
        self.h5.close()
        if self._opened is not None:
            self._opened.close()

    def read_at(self, offset: int, into: NDArray[Any], where: str) -> None:
        """Read the bytes at a place of the file into an array, past the HDF5 library: in two thirds of its time.

        Args:
            offset: the `Array.offset` of an array of the same type and size.
            into: array in C order.
            where: the file and the array, for messages.

        Raises:
            InputError: the file ends before.
        """
        done = 0
        with naming(self.path):
            if self._source is not None:
                self._source.need(offset, offset + into.nbytes)
            while done < into.nbytes:
                count = os.preadv(self._descriptor, [into.data.cast("B")[done:]], offset + done)
                if not count:
                    raise InputError(f"{where} is cut short: the file changed after it was indexed, run it again")
                done += count


@contextmanager
def opened(path: Path) -> Iterator[File]:
    """A file that is open for reading as long as the context lasts; errors as of `File`."""
    file = File(path)
    try:
        yield file
    finally:
        file.close()


def _fits(found: tuple[int, ...], shape: Shape) -> bool:
    return len(found) == len(shape) and all(n in (None, m) for m, n in zip(found, shape, strict=True))
