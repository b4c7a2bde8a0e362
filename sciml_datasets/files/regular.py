"""Regular files, and nothing else, in the place of input files."""

from __future__ import annotations

import stat
from pathlib import Path

from sciml_datasets.errors import InputError

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def regular_file(path: Path) -> None:
    """Make sure that a path leads to a regular file, before it is opened: opening a FIFO waits for whoever writes.

    Raises:
        InputError: there is nothing, or something else.
        OSError: nobody can tell.
    """
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file: put it there or correct the path") from error
    if kind != stat.S_IFREG:
        raise InputError(
            f"{path} is {KINDS.get(kind, 'something else')}, expected a file: remove it or correct the path"
        )
