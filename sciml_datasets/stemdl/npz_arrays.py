"""The arrays ``data`` and ``label`` of an ``.npz`` file, made by any program.

An ``.npz`` file is a ZIP archive of ``.npy`` files. `numpy.savez` stores both arrays uncompressed: `side_by_side` finds
them in the file in a third of the time of ``np.load``, and only where it can prove that they are stored so. All other
archives are read through Python's zipfile. Nothing is ever unpickled, and no declared size is trusted. Formats:
PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16; numpy.lib.format.
"""

from __future__ import annotations

import errno
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.npy_headers import LONGEST_HEADER, Header, header_of

END = struct.Struct("<4s4H2IH")
ENTRY = struct.Struct("<4s6H3I5H2I")
LOCAL = struct.Struct("<4s5H3I2H")
"""Layouts of ZIP's end of central directory, of an entry of that directory, and of the header before a member's
content."""
TAIL = 4096
"""Number of bytes at the end of a file that hold the directory, and here also the label."""
HEAD = 512
"""Number of bytes that are read before an array: ZIP's and NumPy's headers."""
STORED = 0
"""ZIP's method of members that are not compressed."""
ENCRYPTED = 1
"""ZIP's flag of members that need a password."""
LONGEST = 200
"""Largest number of characters of the library's reason that a sentence gives; it may quote the file."""
DATA, LABEL = "data.npy", "label.npy"
FILE_TYPE = np.dtype("<f4")
"""Type of the pixels in the files whose arrays can be read in place."""


class StoredArray(NamedTuple):
    """An uncompressed array in the archive: its place, its size in bytes with its header, their CRC-32, its header."""

    start: int
    size: int
    crc: int
    header: Header


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A context with the descriptor of a file that is open for reading.

    Raises:
        OSError: an error of the block, with the name of the file.
    """
    with naming(path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def side_by_side(path: Path, size: int) -> tuple[StoredArray, StoredArray, bytes] | None:
    """Data, label and the label's bytes, where both arrays are in the file as `np.savez` stores them.

    The result is None where anything differs or is wrong: the library that reads the file then reports it.
    """
    with opened(path) as descriptor:
        tail_start = max(0, size - TAIL)
        tail = os.pread(descriptor, TAIL, tail_start)

        def content(start: int, count: int) -> bytes:
            if start >= tail_start:
                return tail[start - tail_start :][:count]
            return os.pread(descriptor, count, start)

        try:
            places = _directory(content, size, tail)
            data, label = (
                _array(content, b"data.npy", *places[b"data.npy"]),
                _array(content, b"label.npy", *places[b"label.npy"]),
            )
        except (struct.error, ValueError, KeyError):
            return None
        if data.header.dtype != FILE_TYPE or data.header.fortran or label.size > TAIL:
            return None
        stored = content(label.start, label.size)
        if len(stored) != label.size or zlib.crc32(stored) != label.crc:
            return None
        return data, label, stored[label.header.length :]


def _directory(content: Callable[[int, int], bytes], file_size: int, tail: bytes) -> dict[bytes, tuple[int, int, int]]:
    """Size, CRC-32 and place of the local header of each member of a plain archive, by name.

    Raises:
        ValueError, struct.error: it is an archive of another kind, or no archive.
    """
    at = tail.rfind(b"PK\5\6")
    signature, disk, first_disk, here, count, length, start, comment = END.unpack_from(tail, max(at, 0))
    at += max(0, file_size - TAIL)
    if not (
        (signature, disk, first_disk, here) == (b"PK\5\6", 0, 0, count)
        and start + length == at
        and at + END.size + comment == file_size
        and length <= TAIL
    ):
        raise ValueError
    directory, place = content(start, length), 0
    found: dict[bytes, tuple[int, int, int]] = {}
    for _ in range(count):
        entry = ENTRY.unpack_from(directory, place)
        signature, _, _, flags, method, _, _, crc, packed, size, name_length, extra, comment, disk, _, _, local = entry
        place += ENTRY.size
        name = directory[place : place + name_length]
        place += name_length + extra + comment
        plain = (signature, flags, method, packed, disk) == (b"PK\1\2", 0, STORED, size, 0)
        # NumPy also accepts a member without the ending as the array.
        if not plain or name in found or b"\0" in name:
            raise ValueError
        found[name] = size, crc, local
    if place != length or found.keys() & {b"data", b"label"}:
        raise ValueError
    return found


def _array(content: Callable[[int, int], bytes], name: bytes, size: int, crc: int, local: int) -> StoredArray:
    """The array of a member.

    Raises:
        ValueError, struct.error: the member is no array that can be read in place.
    """
    head = content(local, HEAD)
    signature, _, flags, method, *_, name_length, extra = LOCAL.unpack_from(head)
    start = LOCAL.size + name_length + extra
    if (signature, flags, method) != (b"PK\3\4", 0, STORED) or head[LOCAL.size :][:name_length] != name:
        raise ValueError
    npy = head[start:]
    if npy[:8] != b"\x93NUMPY\1\0":
        raise ValueError
    header, expected = _described(npy[: 10 + int.from_bytes(npy[8:10], "little")])
    if size != expected:
        raise ValueError
    return StoredArray(local + start, size, crc, header)


@lru_cache(maxsize=64)  # all files have the same few headers
def _described(npy: bytes) -> tuple[Header, int]:
    """A header, and the number of bytes of the header and its array."""
    header = header_of(npy)
    if header.dtype.hasobject:
        raise ValueError
    return header, header.length + math.prod(header.shape) * header.dtype.itemsize


@contextmanager
def archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """A context with the archive as Python's library reads it; errors of the library become an InputError.

    Raises:
        InputError: it is no archive of ``data.npy`` and ``label.npy``, is damaged, or has an unsupported form.
        OSError: it cannot be read.
    """
    with naming(path):
        try:
            with zipfile.ZipFile(path) as file:
                names = file.namelist()
                for name in (DATA, LABEL):
                    if name not in names:
                        raise InputError(f"{path}: {name} is missing: expected {DATA} and {LABEL}, remove the file")
                    if sum(other in (name, name.removesuffix(".npy")) for other in names) > 1:
                        raise InputError(f"{path}: it holds several {name}, expected one: remove the file")
                    info = file.getinfo(name)
                    if info.flag_bits & ENCRYPTED or info.compress_type not in (STORED, zipfile.ZIP_DEFLATED):
                        raise InputError(
                            f"{path}: {name} is encrypted or compressed in a way that NumPy does not write: make the "
                            "file again with numpy.savez"
                        )
                yield file
        except InputError:
            raise
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise _unreadable(path, error) from error  # its directory names a place before its beginning
        except (zipfile.BadZipFile, zlib.error, struct.error, EOFError) as error:
            raise _unreadable(path, error) from error
        except (RuntimeError, ValueError, LookupError, ArithmeticError) as error:  # the headers are invalid
            raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split())[:LONGEST] or type(error).__name__
    return InputError(f"{path}: not a complete .npz file ({reason}): fetch it again or remove it")


class Rest(NamedTuple):
    """The bytes after an array's header: those that were read with the header, and the stream of the others."""

    begun: bytes
    stream: Any


@contextmanager
def member(path: Path, file: zipfile.ZipFile, name: str) -> Iterator[tuple[Header, Rest]]:
    """A context with the header of an array and the bytes after it, whose declared size is not trusted.

    Raises:
        InputError: it has no header, or holds Python objects.
    """
    with file.open(name) as stream:
        head = stream.read(LONGEST_HEADER)
        try:
            header = header_of(head)
        except ValueError as error:
            raise InputError(f"{path}: {name} has {error}: fetch it again or remove it") from error
        if header.dtype.hasobject:
            raise InputError(f"{path}: it holds Python objects, which are never loaded: remove the file")
        yield header, Rest(head[header.length :], stream)


def whole(path: Path, name: str, header: Header, rest: Rest) -> bytes:
    """The bytes of an array whose shape has been checked, after the archive's checksum was compared.

    Raises:
        InputError: there are fewer or more bytes.
    """
    size = math.prod(header.shape) * header.dtype.itemsize
    values: bytes = rest.begun + rest.stream.read(max(0, size + 1 - len(rest.begun)))
    if len(values) != size:
        found = "more" if len(values) > size else f"{len(values)}"
        raise InputError(f"{path}: {name} has {found} bytes behind its header, expected {size}: fetch it again")
    rest.stream.read(1)  # the library compares the checksum when it reaches the end
    return values
