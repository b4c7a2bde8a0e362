"""Files and folders that are on disk before anybody relies on them, as far as a file system offers that."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from sciml_datasets.errors import naming

TROUBLE = frozenset({errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.ESTALE, errno.ENOENT, errno.EMFILE, errno.ENFILE})
"""Errors of fsync that mean trouble; by the others a file system says that it does not offer it."""


def sync(descriptor: int) -> None:
    """Return when an open file or folder is on disk, or at once where the file system does not offer that.

    Raises:
        OSError: the disk fails, is full or is gone.
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno in TROUBLE:
            raise


def sync_file(path: Path) -> None:
    """Return when the content of a file is on disk; see `sync`.

    Raises:
        OSError: there is no such file, or as `sync`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with naming(path):
            sync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on disk; see `sync`.

    Raises:
        OSError: there is no such folder, or as `sync`.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in TROUBLE or error.errno == errno.ENOTDIR:
            raise
        return  # a folder that may be written but not read cannot be synced
    try:
        with naming(folder):
            sync(descriptor)
    finally:
        os.close(descriptor)
