"""LMDB environments that may be anything, and what their library's errors mean."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A read transaction over an environment's file. Nothing is locked and nothing is written beside it.

    Raises:
        InputError: the file is no LMDB environment, is damaged or is cut short.
        OSError: the system does not open it.
    """
    import lmdb

    if not path.stat().st_size:
        raise InputError(f"{path} is empty, expected an LMDB environment: fetch it again or remove it")
    with understood(path):
        environment = lmdb.open(str(path), subdir=False, readonly=True, lock=False, readahead=False, create=False)
    try:
        # What lies beyond the end of a mapped file ends the process when it is touched.
        needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
        if path.stat().st_size < needed:
            raise InputError(f"{path}: {path.stat().st_size} bytes of at least {needed}, cut short: fetch it again")
        with understood(path), environment.begin(buffers=True) as transaction:
            yield transaction
    finally:
        environment.close()


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """LMDB's errors on a file, as they are to be told.

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
        raise InputError(f"{path}: not an LMDB environment ({error}): fetch it again or remove it") from error


def system_error(error: Exception) -> int | None:
    """The number of the system's error that LMDB tells in words at the end of its own; None for what is wrong with the
    file, as an invalid argument is too."""
    told = str(error)
    return next((number for number in _SYSTEM if told.endswith(os.strerror(number))), None)


_SYSTEM = sorted(errno.errorcode.keys() - {errno.EINVAL})
