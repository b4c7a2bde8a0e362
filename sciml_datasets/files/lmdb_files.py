"""LMDB environments that may be anything, and what their library's errors mean."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.lmdb_pages import declared_bytes, walk_pages
from sciml_datasets.files.regular_files import regular_file

AGAIN = "fetch it again or remove it"


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A read transaction over an environment's file. Nothing is locked and nothing is written beside it.

    Raises:
        InputError: the file is no LMDB environment, is damaged or is cut short.
        OSError: the system does not open it.
    """
    import lmdb

    size = regular_file(path).st_size
    if not size:
        raise InputError(f"{path} is empty, expected an LMDB environment: {AGAIN}")
    with _raw(path) as descriptor:
        declared = declared_bytes(descriptor)
    _check_length(path, size, declared)
    with understood(path):
        environment = lmdb.open(str(path), subdir=False, readonly=True, lock=False, readahead=False, create=False)
    try:
        # What lies beyond the end of a mapped file ends the process when it is touched.
        _check_length(path, size, (environment.info()["last_pgno"] + 1) * environment.stat()["psize"])
        with understood(path), environment.begin(buffers=True) as transaction:
            yield transaction
    finally:
        environment.close()


def check_pages(path: Path) -> None:
    """Make sure that the library can follow the pages of a file to its records.

    Raises:
        InputError: it cannot.
        OSError: the file cannot be read.
    """
    size = regular_file(path).st_size
    with _raw(path) as descriptor:
        walk_pages(descriptor, size)


@contextmanager
def _raw(path: Path) -> Iterator[int]:
    """A descriptor to read the pages by, without the library.

    Raises:
        InputError: what is read is not as it should be.
        OSError: the file cannot be read.
    """
    with naming(path), path.open("rb") as file:
        try:
            yield file.fileno()
        except (ValueError, struct.error) as error:
            raise _damaged(path, error) from error


def _check_length(path: Path, size: int, needed: int) -> None:
    if size < needed:
        raise InputError(f"{path}: {size} bytes of at least {needed}, cut short: fetch it again")


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """LMDB's errors on a file, as they are to be reported.

    Raises:
        InputError: the file is damaged, or none of LMDB's.
        OSError: the system is to blame; it names the file.
    """
    import lmdb

    try:
        yield
    except lmdb.Error as error:
        if number := system_error(error):
            raise OSError(number, os.strerror(number), str(path)) from error
        raise _damaged(path, error) from error
    except (SystemError, OverflowError, BufferError) as error:  # of lengths that no record has
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split())
    return InputError(f"{path}: not a complete LMDB environment ({reason}): {AGAIN}")


def system_error(error: Exception) -> int | None:
    """The number of the system's error that LMDB gives in words at the end of its own; None for what is wrong with the
    file, as an invalid argument is too."""
    text = str(error)
    return next((number for number in _SYSTEM if text.endswith(os.strerror(number))), None)


_SYSTEM = sorted(errno.errorcode.keys() - {errno.EINVAL})
