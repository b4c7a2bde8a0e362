"""Output files: each appears under its name when it is whole, and what was there before is never harmed.

A temporary file has a random name, is always new and lies beside the file to be, whose name it takes by one rename.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from sciml_datasets.errors import InputError, naming
from sciml_datasets.parallel.processes import owner_lives, signature

ENDING = r"\.([0-9a-f]{16}|[0-9a-f]{12}-[0-9]+-[0-9a-f]{8})\.incomplete"
"""End of the name of a temporary file, which nobody else's has: the signature of the process that makes it. Earlier
versions gave random digits alone."""
TEMPORARY = re.compile(f"(.{{1,50}}){ENDING}", re.DOTALL)
"""Name of a temporary file."""
KEPT_NAME = 40
"""Number of characters of a file's name that its temporary file has as well: longer names could become too long."""
TROUBLE = frozenset({errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.ESTALE, errno.ENOENT, errno.EMFILE, errno.ENFILE})
"""Errors of fsync that mean trouble; by the others a file system says that it does not offer it."""
READER_SECONDS = 5.0
"""Time that a FIFO is given to find a reader."""
BLOCK = 1 << 20
"""Bytes that are copied at a time."""
LINKS = 40
"""Number of symbolic links that Linux follows in one path."""


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
        through = _stream(path, before)
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
            _pour(temporary, path)
        else:
            sync_file(temporary)
            _take_place(temporary, target, before)
    except OSError as error:
        if error.filename in (None, str(temporary)):
            error.filename, error.filename2 = str(path), None
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


def _stream(path: Path, found: os.stat_result | None) -> bool:
    """Whether what is there takes bytes and keeps none, so that nothing can take its place."""
    if found is None:
        return False
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{path} is a folder: name a file to write")
    if stat.S_ISCHR(found.st_mode) or stat.S_ISFIFO(found.st_mode) or _open_descriptor(path) is not None:
        return True
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path} is a {'disk' if stat.S_ISBLK(found.st_mode) else 'socket'}: name a file to write")
    return False


def _open_descriptor(path: Path) -> int | None:
    """Number of the descriptor of this process that a path such as /dev/stdout leads to; None for other paths."""
    for _ in range(LINKS):
        path = Path(os.path.realpath(path.parent), path.name)
        if path.parent == Path(f"/proc/{os.getpid()}/fd") and path.name.isdecimal():
            return int(path.name)
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None


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
        _pour(temporary, target)


def _look_like(temporary: Path, before: os.stat_result) -> None:
    """Give a file the owner and the mode of another one, as far as the system allows."""
    with suppress(OSError):  # not one's own to give away, or a file system without owners: the content counts
        os.chown(temporary, before.st_uid, before.st_gid)
    with suppress(OSError):  # a file system without modes
        temporary.chmod(before.st_mode & 0o777)


def _open_stream(path: Path) -> int:
    """Open what is there for writing; a FIFO once somebody reads from it."""
    deadline = time.monotonic() + READER_SECONDS
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.ENXIO or not path.is_fifo():
                raise
            if time.monotonic() > deadline:
                raise InputError(f"{path} is a FIFO that nobody reads from: start the reader first") from error
            time.sleep(0.05)
        else:
            os.set_blocking(descriptor, True)
            return descriptor


def _pour(source: Path, path: Path) -> None:
    """Copy a file into what is there under a name, and leave that what it is."""
    own = _open_descriptor(path)
    descriptor = _open_stream(path) if own is None else os.dup(own)
    try:
        with source.open("rb") as content, os.fdopen(descriptor, "wb", buffering=0) as stream:
            while block := content.read(1 << 16):
                view = memoryview(block)
                while view:
                    view = view[stream.write(view) :]
    except BrokenPipeError as error:
        raise InputError(f"{path}: its reader ended before all was written: start the reader first") from error
