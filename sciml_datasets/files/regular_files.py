"""Files that can be read like a file: no FIFO, which would never end, no device, no link that leads nowhere."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sciml_datasets.errors import InputError

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO (named pipe)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""Type of an entry of a folder, as ``stat`` gives it, in words."""
ANNEX = "annex"
"""Folder of git-annex, to which the files of a clone are links before their content has been got."""


def regular_file(path: Path) -> os.stat_result:
    """The status of a regular file, or of the one that a symbolic link leads to. Nothing is opened.

    Raises:
        InputError: there is none, it is something else, or symbolic links lead nowhere or round in a circle.
        OSError: the system does not say.
    """
    try:
        status = path.stat()
    except FileNotFoundError as error:
        if path.is_symlink():
            target = path.readlink()
            remedy = (
                "get its content with git-annex or DataLad" if ANNEX in target.parts else "correct or remove the link"
            )
            raise InputError(f"{path} is a symbolic link to {target}, which does not exist: {remedy}") from error
        raise InputError(f"{path}: there is no such file: put it there or correct the path") from error
    except NotADirectoryError as error:
        raise InputError(f"{path}: there is no such file, as a part of its path is no folder: correct it") from error
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise InputError(f"{path}: symbolic links lead round in a circle: correct or remove them") from error
    if not stat.S_ISREG(status.st_mode):
        kind = KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
        raise InputError(f"{path} is {kind}, expected a file: remove it or name another one")
    return status


def is_there(path: Path) -> bool:
    """Whether something is at a path, also a link that leads nowhere; ``os.path.lexists`` takes trouble for absence.

    Raises:
        OSError: the system does not say.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def is_companion(name: str) -> bool:
    """Whether a name is of what a system keeps beside a file: ``._x`` of macOS and ``~$x`` of Office, hidden files."""
    return name.startswith((".", "~$"))


def walked(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each folder below this one, itself included, with the names of its folders and of its other entries, sorted.

    Symbolic links to folders are followed.

    Raises:
        InputError: such a link leads to a folder that it lies in.
        OSError: a folder cannot be read.
    """

    def unreadable(error: OSError) -> None:
        raise error

    above: dict[Path, set[tuple[int, int]]] = {}
    for parent, folders, names in os.walk(folder, followlinks=True, onerror=unreadable):
        place = Path(parent)
        status = place.stat()
        around, own = above.get(place.parent, set()), (status.st_dev, status.st_ino)
        if own in around:
            raise InputError(f"{place} is a symbolic link to a folder that it lies in: remove the link")
        above[place] = around | {own}
        folders.sort()
        yield place, folders, sorted(names)
