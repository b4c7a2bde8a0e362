"""Folders that appear under their names when they are whole: work goes on in one of a random name beside.

What a killed process has left is removed only where its name is one that nobody else has, and where it holds nothing
but what we write. A folder gets its name by one rename, which replaces nothing: rename(2) refuses a place where a file,
a link or a folder with anything in it is; where a folder is empty, nothing is lost.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.atomic import ENDING
from sciml_datasets.files.sync import sync_folder
from sciml_datasets.messages import warn
from sciml_datasets.parallel.processes import owner_lives, signature, silent

ENDED = re.compile(rf"{ENDING}\Z")
RANDOM = r"(?:[0-9a-f]{12}|(?:.*-)?[0-9a-f]{12}-[0-9]+-[0-9a-f]{8})"
"""End of the name of a work folder: random digits, or the signature of the process that owns it."""


def work_folder(final: Path, owner: str = "") -> Path:
    """A name that nobody else has for a folder beside the final one, which whoever finishes removes.

    Args:
        final: the folder to be.
        owner: the signature of this process; random digits where it is empty.
    """
    return final.with_name(f"{final.name}.incomplete-{owner or secrets.token_hex(6)}")


def left_beside(final: Path, ours: re.Pattern[str]) -> Iterator[Path]:
    """The work folders beside a final folder, whoever's they are, sorted.

    Args:
        final: the folder to be.
        ours: pattern of the names of all that we write into a work folder, which may be those of temporary files still;
            a folder that holds another name is not one.
    """
    name = re.compile(re.escape(final.name) + r"\.incomplete-" + RANDOM, re.DOTALL)
    for path in sorted(final.parent.iterdir()) if final.parent.is_dir() else []:
        if name.fullmatch(path.name) and path.is_dir() and not path.is_symlink() and _holds_only(path, ours):
            yield path


def remove_abandoned(final: Path, ours: re.Pattern[str]) -> None:
    """Remove the work folders beside a final folder whose processes, which are in their names, have ended.

    A process of another machine, or from before a reboot, cannot be asked: its folder stays, and is told of when
    nothing has been written to it for a while.

    Args:
        final, ours: as for `left_beside`.
    """
    for path in left_beside(final, ours):
        lives = owner_lives(path.name)
        if lives is False:
            shutil.rmtree(path, ignore_errors=True)
        elif lives is None and silent(path):
            warn(f"{path} was left by a run of another machine or before a reboot: remove it if no such run goes on")


@contextmanager
def making(final: Path, ours: re.Pattern[str]) -> Iterator[Path]:
    """The path of a folder to make, which gets its final name when the block ends, and vanishes when the block fails.

    Args:
        final: the folder to be; nothing is there.
        ours: as for `left_beside`; what killed processes have left of the same folder is removed.

    Raises:
        OSError: of the block or the file system; one that names no file names the final folder.
    """
    remove_abandoned(final, ours)
    final.parent.mkdir(parents=True, exist_ok=True)
    work = work_folder(final, signature())
    try:
        with naming(final):
            yield work
        work.rename(final)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def check_vacant(final: Path) -> None:
    """Make sure that a folder can get this name, where nothing is or a folder.

    Raises:
        InputError: there is a symbolic link that leads nowhere.
    """
    if final.is_symlink() and not final.exists():
        raise InputError(f"{final} is a symbolic link that leads nowhere: remove it, or make the folder that it names")


def publish(folder: Path, final: Path) -> None:
    """Give a finished folder its name; where another run was first, its folder stands.

    Raises:
        OSError: the name is taken by what is no folder, or the disk fails.
    """
    sync_folder(folder)
    try:
        folder.rename(final)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT) or not final.is_dir():
            raise
    sync_folder(final.parent)


def _holds_only(folder: Path, ours: re.Pattern[str]) -> bool:
    try:
        with os.scandir(folder) as entries:
            return all(ours.fullmatch(ENDED.sub("", entry.name)) for entry in entries)
    except FileNotFoundError:  # whoever finished has just removed it
        return False
