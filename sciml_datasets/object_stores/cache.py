"""The cache: a folder of this machine with a bound, in which what was read from object stores is kept for later.

Each data set at a URL has a folder in it. Files that are small and needed as long as it is open (its ``kept`` ones)
stay until no process has it open; its shards, whole or in part, leave one by one, the one unused for longest first.
Which files are in use is known by locks of the system (flock), which end with the process that holds them.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.files.documents import read_object
from sciml_datasets.paths import path_of

CACHE_DIR, CACHE_SIZE = "SCIML_CACHE_DIR", "SCIML_CACHE_SIZE"
DEFAULT_DIR, DEFAULT_SIZE = "~/.cache/sciml-datasets", "100GB"
UNITS = {"": 1}
UNITS |= {prefix: 1000**power for power, prefix in enumerate("kmgt", 1)}
UNITS |= {f"{prefix}i": 1024**power for power, prefix in enumerate("kmgt", 1)}
SOURCE = "source.json"
"""Name of the file in the folder of a data set that says where its files are from, and which of them are kept."""
FOLDER = re.compile("[0-9a-f]{16}")
"""Name of the folder of a data set: the start of the SHA-256 of its index."""
WHOLE, PARTIAL = "sciml", "partial"
"""Folders of whole files, with the layout of prepared data, and of files of which parts are there."""
BLOCKS = ".blocks"
"""Ending of the name of the map beside a file of which parts are there."""
OPEN, STAGED = "open", "staged"
"""Kinds of locks: of processes that have a data set open, and of those that read its whole shards by name."""
SPARE_BYTES = 1 << 26
"""Number of bytes of the disk that are left free."""


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of the cache: SCIML_CACHE_DIR, else ``~/.cache/sciml-datasets``.

    Raises:
        InputError: it is no path on this machine.
    """
    given = environ.get(CACHE_DIR)
    found = path_of(given, CACHE_DIR) if given else path_of(DEFAULT_DIR, f"{CACHE_DIR} is not set, and its default")
    return found.absolute()


def cache_size(environ: Mapping[str, str] = os.environ) -> int:
    """The number of bytes that the cache may hold: SCIML_CACHE_SIZE, as in ``500MB`` or ``2TB``, else 100 GB.

    Raises:
        InputError: it is no such size.
    """
    given = environ.get(CACHE_SIZE) or DEFAULT_SIZE
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgt]i?)?b?\s*", given.lower())
    if found is None:
        raise InputError(f"{CACHE_SIZE} {given!r}: expected a size as 500MB, 100GB or 2TB")
    return int(float(found[1]) * UNITS[found[2] or ""])


@dataclass(frozen=True, slots=True)
class _File:
    """A file in the cache that may leave it.

    Attributes:
        used: time at which it was last used, in nanoseconds.
        bytes: room that it takes.
        paths: the file, and what belongs to it, in the order of removal.
        whole: whether all of it is there.
        folder: folder of its data set.
    """

    used: int
    bytes: int
    paths: tuple[Path, ...]
    whole: bool
    folder: Path


class Cache:
    """The cache of this machine; see the module's docstring.

    Attributes:
        root: its folder.
        most: number of bytes that it may hold.
    """

    def __init__(self, root: Path | None = None, most: int | None = None) -> None:
        self.root = cache_dir() if root is None else root
        self.most = cache_size() if most is None else most

    @contextmanager
    def moving(self, *, alone: bool) -> Iterator[None]:
        """Context in which no other process removes files from the cache or, ``alone``, gives them their names.

        Raises:
            OSError: the cache cannot be written, or its file system has no locks.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            _lock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH, self.root)
            yield
        finally:
            os.close(descriptor)

    def hold(self, folder: Path, kind: str) -> None:
        """Keep the files of a data set in the cache until this process ends.

        Args:
            folder: folder of the data set.
            kind: `OPEN` for the small ones, `STAGED` for whole shards too.

        Raises:
            OSError: as `moving`.
        """
        with self.moving(alone=False):
            _hold(self._lock_of(folder, kind), self.root)

    def _lock_of(self, folder: Path, kind: str) -> Path:
        name = sha256(os.fsencode(folder.relative_to(self.root))).hexdigest()[:24]
        return self.root / "locks" / f"{name}.{kind}"

    def check_fits(self, size: int, whose: str) -> None:
        """Make sure that so many bytes fit into the cache at all.

        Raises:
            InputError: they do not.
        """
        if size > self.most:
            raise InputError(
                f"{whose}: {size / 1e9:.3f} GB do not fit into the cache, {self.root}, of {self.most / 1e9:.3f} GB: "
                f"set {CACHE_SIZE} to more, copy the data set with `sciml stage`, or read it at random "
                "(tfds.data_source), for which parts of shards suffice"
            )

    def make_room(self, wanted: int, whose: str) -> None:
        """Let files leave the cache until so many bytes can be added.

        Args:
            wanted: the number of bytes; 0 to keep the bound as far as what is in use allows.
            whose: what they are of, for the message.

        Raises:
            InputError: the cache is too small, or the disk; or all that could leave is in use.
            OSError: as `moving`.
        """
        with self.moving(alone=True):
            files, taken = self._files()
            lacking = max(wanted + taken - self.most, wanted + SPARE_BYTES - shutil.disk_usage(self.root).free)
            for file in sorted(files, key=lambda one: one.used):
                if lacking <= 0:
                    return
                if _taken(file.paths[0]) if not file.whole else self._in_use(file.folder, STAGED):
                    continue
                for path in file.paths:
                    path.unlink(missing_ok=True)
                lacking -= file.bytes
            for folder in sorted(self._folders(), key=_used):
                if lacking <= 0:
                    return
                if not self._in_use(folder, OPEN) and not self._in_use(folder, STAGED):
                    lacking -= sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
                    shutil.rmtree(folder, ignore_errors=True)
        if lacking > 0 and wanted:
            raise InputError(
                f"{whose}: {wanted / 1e9:.3f} GB do not fit into the cache, {self.root}, of {self.most / 1e9:.3f} GB: "
                f"what it holds is in use, or its disk is full: set {CACHE_SIZE} to more, or {CACHE_DIR} to a folder "
                "on another disk"
            )

    def _in_use(self, folder: Path, kind: str) -> bool:
        path = self._lock_of(folder, kind)
        if path in _held():  # by this process, and perhaps by no other one
            return True
        return _taken(path)

    def _folders(self) -> list[Path]:
        """The folders of all data sets; one of another name or content is none of ours."""
        found = [path.parent for path in self.root.glob(f"*/*/*/{SOURCE}")]
        return [folder for folder in found if FOLDER.fullmatch(folder.name)]

    def _files(self) -> tuple[list[_File], int]:
        """The files that may leave, and the room that all files take together."""
        found: list[_File] = []
        taken = 0
        for folder in self._folders():
            kept = set(source_of(folder)["kept"])
            for path in folder.rglob("*"):
                with suppress(FileNotFoundError):  # it has just got its final name
                    status = path.lstat()
                    if not stat.S_ISREG(status.st_mode):
                        continue
                    size = status.st_blocks * 512
                    taken += size
                    whole = path.is_relative_to(folder / WHOLE)
                    if path.suffix != BLOCKS and path.name != SOURCE and path.name not in kept:
                        paths = (path,) if whole else (path.with_name(path.name + BLOCKS), path)
                        found.append(_File(status.st_atime_ns, size, paths, whole, folder))
        return found, taken


def source_of(folder: Path) -> dict[str, Any]:
    """The source of the files in the folder of a data set: its ``url``, and the names of its ``kept`` files.

    Raises:
        InputError: the file that says so is missing or damaged.
    """
    return read_object(folder / SOURCE, "the source of cached data", f"remove {folder}", {"url": str, "kept": list})


def used_now(path: Path) -> None:
    """Note that a file of the cache is used now; its time of change stays, by which its content is known.

    Raises:
        FileNotFoundError: it has left the cache.
    """
    os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def _used(folder: Path) -> int:
    with suppress(FileNotFoundError):
        return (folder / SOURCE).stat().st_atime_ns
    return 0


@cache
def _held() -> dict[Path, int]:
    """The locks that this process holds, as open files."""
    return {}


def _hold(path: Path, root: Path) -> None:
    if path in _held():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    _lock(descriptor, fcntl.LOCK_SH, root)
    _held()[path] = descriptor  # it is open, and so held, until the process ends


def _taken(path: Path) -> bool:
    """Whether a process holds a lock on a file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock(descriptor: int, operation: int, root: Path) -> None:
    try:
        fcntl.flock(descriptor, operation)
    except OSError as error:
        if isinstance(error, BlockingIOError):
            raise
        raise InputError(
            f"{CACHE_DIR} {root} is on a file system without locks ({error.strerror}): choose a folder on a local disk"
        ) from error
