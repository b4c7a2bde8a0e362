"""Files that are arriving: the bytes that are here, safe against kills and against other runs, without locks.

Each lies in a folder of its own, ``RAW/<name>/.fetch/<file>-<hash of its path>-<owner>``:

    data       the bytes that have arrived, in their places
    journal    what is being fetched, then a line per piece that has arrived: start, end, CRC-32C

Nothing is synced while it arrives: a later run believes a line only if the bytes on disk agree with its checksum. A
file gets its name by one rename, after it was synced and checked.

The owner is in the folder's name. A later run takes over by renaming the folder, which only one can do, and only when
its owner is gone: that process no longer runs, or, seen from another machine or container, nothing has touched the
folder for LEASE_SECONDS. Who has lost the folder notices at its next write.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from google_crc32c import extend

from sciml_datasets.errors import InputError, naming
from sciml_datasets.fetch.sources.remote import ChangedError
from sciml_datasets.files.documents import parse_json
from sciml_datasets.files.regular_files import is_there
from sciml_datasets.files.sync import sync
from sciml_datasets.parallel.processes import is_own, owner_lives, signature

FOLDER = ".fetch"
LEASE_SECONDS = 60.0
HEARTBEAT_SECONDS = 10.0
JOURNALLED_BYTES = 4 << 20
"""Number of bytes up to which a file has no journal: it is fetched again."""
READ_BYTES = 1 << 20
LONGEST_NAME = 100
"""Number of bytes of a file's name that the name of its folder begins with."""
OWNED = re.compile(r".+-[0-9a-f]{16}-[0-9a-f]{12}-[0-9]+-[0-9a-f]{8}", re.DOTALL)
"""Name of a folder of an arriving file: the file's name, the hash of its path, the signature of its owner."""
_mine: set[Path] = set()
"""Folders that this process works on."""


class TakenOverError(ChangedError):
    """Another run works on the file now."""


class PartialFile:
    """A file that is arriving, made by `open_partial_file`.

    Attributes:
        folder: in which it arrives.
        size: bytes; None where the source does not give it.
        have: pieces that were here at first, as (start, end), sorted.
        reached: up to where nothing is missing any more, from the start.
    """

    def __init__(self, folder: Path, size: int | None, have: list[tuple[int, int]]) -> None:
        self.folder, self.size, self.have = folder, size, have
        self.reached = 0
        self._beyond: dict[int, int] = {}
        for start, end in have:
            self._reach(start, end)
        self._data = os.open(folder / "data", os.O_RDWR | os.O_CREAT, 0o666)
        self._journal: int | None = None
        self._useful = bool(have)
        self._lock = threading.Lock()  # a thread may still be writing when the transfer is given up
        _mine.add(folder)

    @property
    def path(self) -> Path:
        """Path of the bytes."""
        return self.folder / "data"

    def missing(self, longest: int) -> list[tuple[int, int]]:
        """The ranges that are still missing, in pieces of at most ``longest`` bytes."""
        gaps, at = [], 0
        for start, end in [*self.have, (self.size or 0, self.size or 0)]:
            gaps += [(first, min(first + longest, start)) for first in range(at, start, longest)]
            at = max(at, end)
        return gaps

    def write(self, start: int, chunks: Sequence[bytes]) -> int:
        """Put bytes that follow each other into their place; how many they were.

        Raises:
            TakenOverError: another run has taken the file over.
            OSError: the disk is full, or fails.
        """
        total, checksum = sum(map(len, chunks)), 0
        for chunk in chunks:
            checksum = extend(checksum, chunk)
        with self._lock:
            if self._data < 0 or not self.path.exists():
                raise TakenOverError("another run has taken the transfer over")
            with naming(self.path):
                written = os.pwritev(self._data, chunks, start)
                if written < total:  # a full disk takes what still fits
                    rest = b"".join(chunks)[written:]
                    while rest:
                        count = os.pwrite(self._data, rest, start + written)
                        written, rest = written + count, rest[count:]
                if self.size is not None and self.size > JOURNALLED_BYTES:
                    self._note(f"{start} {start + total} {checksum}\n")
                    self._useful = True
            self._reach(start, start + total)
        return total

    def _reach(self, start: int, end: int) -> None:
        self._beyond[start] = end
        while self.reached in self._beyond:
            self.reached = self._beyond.pop(self.reached)

    def describe(self, identity: str) -> None:
        """Say what is arriving: the first line of the journal of a large file."""
        if self.size is not None and self.size > JOURNALLED_BYTES:
            self._note(json.dumps({"identity": identity, "size": self.size}) + "\n")

    def _note(self, line: str) -> None:
        if self._journal is None:
            self._journal = os.open(self.folder / "journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        with naming(self.folder / "journal"):
            os.write(self._journal, line.encode())

    def beat(self) -> None:
        """Show other runs that this one lives."""
        with suppress(FileNotFoundError):  # it has just been finished, or taken over
            if self.path.exists():
                os.utime(self.folder)

    def cut(self, size: int) -> None:
        """Forget what lies beyond ``size`` bytes."""
        os.ftruncate(self._data, size)

    def sync(self) -> None:
        """Return when all bytes are on disk."""
        with naming(self.path):
            sync(self._data)

    def publish(self, final: Path) -> None:
        """Give the file its name.

        Raises:
            TakenOverError: another run has taken the file over, or a file of this name has come meanwhile.
        """
        final.parent.mkdir(parents=True, exist_ok=True)
        if is_there(final):
            self.remove()
            raise TakenOverError(f"{final} has come from elsewhere meanwhile")
        try:
            self.path.replace(final)
        except FileNotFoundError as error:
            raise TakenOverError("another run has taken the transfer over") from error
        self.remove()

    def close(self) -> None:
        """Leave what has arrived to a later run, if that can make use of it."""
        self._close()
        if not self._useful:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _close(self) -> None:
        with self._lock, naming(self.path):
            # Forgotten first: a number that could not be closed is closed all the same, and soon another file's.
            data, journal, self._data, self._journal = self._data, self._journal, -1, None
            _mine.discard(self.folder)
            if journal is not None:
                os.close(journal)
            if data >= 0:
                os.close(data)

    def remove(self) -> None:
        """Throw away what has arrived."""
        self._close()
        shutil.rmtree(self.folder, ignore_errors=True)


def open_partial_file(root: Path, name: str, size: int | None, identity: str) -> PartialFile:
    """Resume a file that an earlier run has left, else start it.

    Args:
        root: raw folder of the data set.
        name: name of the file, relative to it.
        size: bytes, None where unknown.
        identity: identity of the content: pieces of another content cannot be used. "" if there is none: nothing is
            taken over.

    Raises:
        OSError: the folder cannot be written.
    """
    incoming = root / FOLDER
    incoming.mkdir(parents=True, exist_ok=True)
    mine = incoming / f"{_stem(name)}-{signature()}"
    for left in _others(root, name):
        if not _abandoned(left):
            continue
        if not _same(left, size, identity):
            shutil.rmtree(left, ignore_errors=True)
            continue
        try:
            left.rename(mine)
        except OSError:  # another run was faster
            continue
        os.utime(mine)
        return PartialFile(mine, size, _believed(mine))
    mine.mkdir()
    partial = PartialFile(mine, size, [])
    partial.describe(identity)
    return partial


def is_busy(root: Path, name: str) -> bool:
    """Whether another run is fetching a file."""
    return any(not _abandoned(other) for other in _others(root, name))


def arrived_bytes(root: Path) -> int:
    """About how many bytes interrupted runs have left."""
    left = root.glob(f"{FOLDER}/*/data")
    return sum(path.stat().st_blocks * 512 for path in left if _abandoned(path.parent))


def clear(root: Path) -> None:
    """Remove the folder of arriving files if nothing arrives any more."""
    for left in (root / FOLDER).glob("*/"):
        if _is_ours(left) and _abandoned(left) and not (left / "journal").exists():
            shutil.rmtree(left, ignore_errors=True)
    try:
        (root / FOLDER).rmdir()
    except OSError:  # something is in it, or another run has removed it
        return


def _stem(name: str) -> str:
    start = name.rpartition("/")[2].encode()[:LONGEST_NAME].decode("utf-8", "ignore")
    return f"{start}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _others(root: Path, name: str) -> list[Path]:
    left = (root / FOLDER).glob("*")
    return [path for path in left if path.name.startswith(_stem(name) + "-") and path not in _mine and _is_ours(path)]


def _is_ours(folder: Path) -> bool:
    """Whether a folder has such a name as `open_partial_file` gives, and holds nothing but what it writes."""
    ours = OWNED.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink()
    return bool(ours) and {path.name for path in folder.glob("*")} <= {"data", "journal"}


def _abandoned(folder: Path) -> bool:
    if folder in _mine:
        return False
    if is_own(folder.name) or owner_lives(folder.name) is False:
        return True
    try:
        os.utime(folder.parent)  # the time of the file system, not of this machine
        return folder.parent.stat().st_mtime - folder.stat().st_mtime > LEASE_SECONDS
    except OSError:
        return False


def _same(folder: Path, size: int | None, identity: str) -> bool:
    try:
        with (folder / "journal").open("rb") as journal:
            said = parse_json(journal.readline(), str(folder / "journal"), "fetch the file again")
        return bool(identity) and said == {"identity": identity, "size": size}
    except (OSError, InputError):
        return False


def _believed(folder: Path) -> list[tuple[int, int]]:
    """The pieces whose bytes on disk agree with the journal, merged."""
    pieces = []
    with (folder / "journal").open(encoding="utf-8", errors="replace") as journal, (folder / "data").open("rb") as data:
        for line in list(journal)[1:]:
            if match := re.fullmatch(r"([0-9]{1,18}) ([0-9]{1,18}) ([0-9]{1,10})\n", line):
                start, end, expected = map(int, match.groups())
                if start < end and _crc(data.fileno(), start, end) == expected:
                    pieces.append((start, end))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _crc(descriptor: int, start: int, end: int) -> int | None:
    checksum = 0
    while start < end:
        block = os.pread(descriptor, min(READ_BYTES, end - start), start)
        if not block:
            return None
        checksum, start = extend(checksum, block), start + len(block)
    return checksum
