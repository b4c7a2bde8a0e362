"""Output files: each appears under its name when it is whole, and what was there before is never harmed.

A temporary file has a random name, is always new and lies beside the file to be, whose name it takes by one rename.
"""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from sciml_datasets.errors import InputError, naming, rename
from sciml_datasets.files.in_place import is_stream, pour
from sciml_datasets.files.sync import sync_file
from sciml_datasets.parallel.processes import owner_lives, signature

ENDING = r"\.([0-9a-f]{16}|[0-9a-f]{12}-[0-9]+-[0-9a-f]{8})\.incomplete"
"""End of the name of a temporary file, which nobody else's has: the signature of the process that makes it. Earlier
versions gave random digits alone."""
TEMPORARY = re.compile(f"(.{{1,50}}){ENDING}", re.DOTALL)
"""Name of a temporary file."""
KEPT_NAME = 40
"""Number of characters of a file's name that its temporary file has as well: longer names could become too long."""
BLOCK = 1 << 20
"""Bytes that are copied at a time."""


@contextmanager
def writing(path: Path, *, one_of_many: bool = False) -> Iterator[Path]:
    """The path of an empty temporary file whose content becomes that of ``path`` when the block ends.

    When the block fails, the temporary file vanishes and ``path`` is as it was. The mode of a new file follows the
    umask; a file that is written over keeps its mode and, where the system allows it, its owner. A symbolic link stays:
    the file that it names is written, and made where there is none. Devices and FIFOs are written to.

    Args:
        path: the file to write; its folder exists.
        one_of_many: whether the folder gets many files. Else what killed processes have left of this one is removed
            first, for which the names in the folder are read; see `remove_dead`.

    Raises:
        InputError: ``path`` is a folder, a socket, a disk or a symbolic link that leads to itself, or the reader of a
            FIFO has ended.
        OSError: of the block, the file system or a file that may not be written; it names ``path``, unless the block
            named another file.
    """
    temporary: Path | None = None
    try:
        before = _look(path)
        through = is_stream(path, before)
        target = path if through else Path(os.path.realpath(path))
        if not through and not one_of_many:
            remove_dead(target)
        if before and not through:
            os.close(
                os.open(target, os.O_WRONLY | os.O_CLOEXEC)
            )  # a rename does not ask whether the file may be written
        temporary = _scratch() if through else _beside(target, before)
        yield temporary
        if through:
            pour(temporary, path)
        else:
            sync_file(temporary)
            _take_place(temporary, target, before)
    except OSError as error:
        if error.filename in (None, str(temporary)):
            rename(error, path)
        raise
    finally:
        if temporary:
            with suppress(OSError):  # the file is in its place, or its own error is the one to be told
                temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8, with its line ends as they are; see `writing`."""
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def copy(source: Path, path: Path) -> None:
    """Write the bytes of another file as one of many; see `writing`."""
    with writing(path, one_of_many=True) as temporary:
        copy_bytes(source, temporary)


def copy_bytes(source: Path, target: Path) -> None:
    """Write the bytes of a file to another one, which is written over.

    Raises:
        OSError: it names the source where that cannot be read, else the target, not always the source as `shutil` does.
    """
    block = memoryview(bytearray(BLOCK))
    with naming(source), source.open("rb", buffering=0) as old, naming(target), target.open("wb", buffering=0) as new:
        while count := _read(old, block, source):
            view = block[:count]
            while view:
                view = view[new.write(view) :]


def link_or_copy(source: Path, path: Path) -> None:
    """Give a file a second name, or copy it where the file system refuses that, for whatever reason.

    Args:
        source: the file.
        path: a name that is not taken.

    Raises:
        FileNotFoundError: there is no ``source`` any more.
        OSError: it can be neither linked nor copied.
    """
    try:
        os.link(source, path)
    except (FileNotFoundError, FileExistsError):
        raise
    except OSError:  # as of EPERM, ENOSYS, EMLINK, EXDEV: whatever real trouble there is, copying meets it as well
        copy(source, path)


def _read(file: FileIO, block: memoryview, path: Path) -> int:
    with naming(path):
        return file.readinto(block)


def leftovers(folder: Path, names: Collection[str]) -> Iterator[tuple[Path, str]]:
    """The temporary files of files of a folder, and the signature of the process that made each."""
    kept = {name[:length] for name in names for length in (KEPT_NAME, 50)}
    for path in list(folder.iterdir()) if folder.is_dir() else []:
        found = TEMPORARY.fullmatch(path.name)
        if found and found[1] in kept:
            yield path, found[2]


def remove_leftovers(folder: Path, names: Collection[str]) -> None:
    """Remove the temporary files of these names that killed processes have left in a folder.

    Args:
        folder: folder of the files; no other process writes them there meanwhile.
        names: names of the files.
    """
    for path, _ in leftovers(folder, names):
        path.unlink(missing_ok=True)


def remove_dead(path: Path) -> None:
    """Remove the temporary files of a file that killed processes of this machine have left beside it.

    Those of other processes stay: one that goes on may be about to give the file its name.

    Args:
        path: the file, no symbolic link.
    """
    with suppress(OSError):  # another user's, or a folder that cannot be read: what is to be written needs no removal
        for temporary, owner in leftovers(path.parent, [path.name]):
            if owner_lives(owner) is False:
                temporary.unlink()


def _look(path: Path) -> os.stat_result | None:
    """The status of what is at a path, behind symbolic links; None where nothing is."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise InputError(f"{path} is a symbolic link that leads to itself: remove it, or name another file") from error


def _scratch() -> Path:
    """A new file in the folder for temporary files."""
    descriptor, name = tempfile.mkstemp(prefix="sciml-")
    os.close(descriptor)
    return Path(name)


def _beside(target: Path, before: os.stat_result | None) -> Path:
    """A new file beside another one, which is to take its place."""
    temporary = target.with_name(f"{target.name[:KEPT_NAME]}.{signature()}.incomplete")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    except OSError as error:
        with suppress(OSError):  # that it could not be closed does not mean that it is not there
            temporary.unlink(missing_ok=True)
        if before is None or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            error.filename = None  # the user knows nothing of this name
            raise
        return _scratch()  # the file may be written, its folder may not
    return temporary


def _take_place(temporary: Path, target: Path, before: os.stat_result | None) -> None:
    """Rename the temporary file, as what was there before looks from outside."""
    if before:
        _look_like(temporary, before)
    try:
        temporary.replace(target)
    except OSError as error:
        # A file that is a mount of its own, as containers have them, or one whose folder may not be written.
        if before is None or error.errno not in (errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM):
            raise
        pour(temporary, target)


def _look_like(temporary: Path, before: os.stat_result) -> None:
    """Give a file the owner and the mode of another one, as far as the system allows."""
    with suppress(OSError):  # not one's own to give away, or a file system without owners: the content counts
        os.chown(temporary, before.st_uid, before.st_gid)
    with suppress(OSError):  # a file system without modes
        temporary.chmod(before.st_mode & 0o777)
