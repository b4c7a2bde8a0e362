"""A local copy of one object of which parts are there: a sparse file of its size, and beside it a map of its blocks.

Who needs some bytes fetches the blocks that are missing, writes them into their place, and notes each in the map after
that. Any number of processes may do so at once, since they write the same bytes. When all blocks are there, the SHA-256
is compared, and the file gets its final name.

Names hold the version of the object and the boot of the machine: parts of two versions never meet, and what was not on
disk when the power failed is not read.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.sync import sync
from sciml_datasets.object_stores.cache import BLOCKS, Cache, used_now
from sciml_datasets.parallel.processes import signature

if TYPE_CHECKING:
    from sciml_datasets.object_stores.store import Store
    from sciml_datasets.object_stores.stored_object import StoredObject

BLOCK = 1 << 18
"""Number of bytes of a block."""
LEAST_BLOCKS = 4
"""Number of blocks that a request gets at least where so many are missing: smaller requests cost as much."""
HASHED = 1 << 22
"""Number of bytes that are hashed at a time."""
Range = tuple[int, int]
"""Positions of the first byte and after the last one."""


class PartialCopy:
    """A copy of an object; see the module's docstring. Threads may share it.

    Attributes:
        name: name of the object.
        size: its number of bytes.
        final: path of the copy once it is whole.
        descriptor: number of the open file; reading is safe where `missing` returns nothing.

    Args:
        store: store of the object.
        stored: what the store says of the object.
        sha256: the SHA-256 that it must have.
        folder: folder for the copy as long as it is not whole; it exists.
        final: as the attribute; its folder exists.
        cache: the cache that both are in.

    Raises:
        OSError: the copy cannot be made.
    """

    descriptor = -1
    _map = -1

    def __init__(
        self, store: Store, stored: StoredObject, sha256: str, folder: Path, final: Path, cache: Cache
    ) -> None:
        self.name, self.size, self.final = stored.name, stored.size, final
        self._store, self._stored, self._sha256, self._cache = store, stored, sha256, cache
        boot = signature().partition("-")[0]
        stamp = hashlib.sha256(f"{stored.etag} {stored.size} {boot}".encode()).hexdigest()[:12]
        self._path = folder / f"{final.name}.{stamp}"
        self._map_path = self._path.with_name(self._path.name + BLOCKS)
        self._blocks = -(-stored.size // BLOCK)
        self._publishing = Lock()
        self._open()

    def _open(self) -> None:
        """Open file and map. Of a copy that leaves the cache the map goes first: where it still has its name after the
        file was opened, they belong together."""
        while True:
            self.close()
            with naming(self._path):
                self._map = _opened(self._map_path, self._blocks)
                self.descriptor = _opened(self._path, self._stored.size)
            if os.fstat(self._map).st_nlink:
                return

    def close(self) -> None:
        """Close the files."""
        for descriptor in (self.descriptor, self._map):
            if descriptor >= 0:
                os.close(descriptor)
        self.descriptor = self._map = -1

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        # The default keeps a reference to the function when the interpreter ends and empties its modules.
        for descriptor in (self.descriptor, self._map):
            if descriptor >= 0:
                close(descriptor)

    @property
    def evicted(self) -> bool:
        """Whether the copy has left the cache; what is open can be read all the same."""
        return not os.fstat(self._map).st_nlink and not self.final.exists()

    def taken(self) -> bool:
        """Take the copy for this object alone, as long as it is open; False where another one has it."""
        try:
            fcntl.flock(self._map, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def remove(self) -> None:
        """Remove the copy, which nobody needs."""
        self._map_path.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)

    def missing(self, start: int, end: int, least: int = LEAST_BLOCKS) -> list[Range]:
        """The parts of a range of bytes that are not there, in whole blocks and at least ``least`` of them where that
        many are missing in a row."""
        first, last = start // BLOCK, -(-end // BLOCK)
        there = os.pread(self._map, last - first + least, first)
        if b"\0" not in there[: last - first]:
            return []
        found, at = [], 0
        while at < last - first:
            if there[at]:
                at += 1
                continue
            stop = at
            while stop < len(there) and not there[stop] and (stop < last - first or stop - at < least):
                stop += 1
            found.append(((first + at) * BLOCK, min((first + stop) * BLOCK, self._stored.size)))
            at = stop
        return found

    def fetch(self, start: int, end: int) -> int:
        """Get a part, whole blocks or up to the end, by one request; its number of bytes.

        Raises:
            InputError: it cannot be got, or the object has changed.
            OSError: it cannot be written.
        """
        content = self._store.get_range(self.name, start, end, self._stored.etag)
        with naming(self._path):
            done = 0
            while done < len(content):
                done += os.pwrite(self.descriptor, content[done:], start + done)
            first, last = start // BLOCK, -(-end // BLOCK)
            os.pwrite(self._map, b"\1" * (last - first), first)
        return len(content)

    def rest(self) -> list[Range]:
        """All that is missing, in parts that are each for one request."""
        return [(start, end) for _, start, end in missing_parts([(self, 0, self._stored.size)])]

    @property
    def is_whole(self) -> bool:
        """Whether all blocks are there."""
        return os.pread(self._map, self._blocks, 0).count(1) == self._blocks

    def publish(self) -> bool:
        """Give the copy its final name, where all of it is there; whether a whole copy has that name now.

        Raises:
            InputError: its SHA-256 is not the one that it must have; the copy is removed.
            OSError: it cannot be read or renamed.
        """
        with self._publishing:
            return self.is_whole and (self.final.exists() or self._published())

    def _published(self) -> bool:
        with naming(self._path):
            found = _sha256(self.descriptor)
            if found == self._sha256:
                sync(self.descriptor)
        with self._cache.moving(alone=False):  # nothing leaves the cache meanwhile
            ours = os.fstat(self.descriptor)
            there = self._path.stat() if self._path.exists() else None
            if there is not None and (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
                if found == self._sha256:
                    used_now(self._path)
                    with suppress(FileNotFoundError):  # another process was first
                        self._path.replace(self.final)
                else:
                    self._path.unlink(missing_ok=True)
                self._map_path.unlink(missing_ok=True)
        if found != self._sha256:
            raise InputError(
                f"{self._store.url_of(self.name)}: its SHA-256 is {found}, expected {self._sha256}: it is damaged "
                "there, or the manifest beside it belongs to other data: copy the data set there again"
            )
        return self.final.exists()


def _opened(path: Path, size: int) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    if os.fstat(descriptor).st_size != size:
        os.ftruncate(descriptor, size)
    return descriptor


def _sha256(descriptor: int) -> str:
    found, block, at = hashlib.sha256(), bytearray(HASHED), 0
    while count := os.preadv(descriptor, [block], at):
        found.update(memoryview(block)[:count])
        at += count
    return found.hexdigest()


Part = tuple[PartialCopy, int, int]
"""A copy, and the positions of the first byte and after the last one of a part of it."""


def missing_parts(wanted: Iterable[Part]) -> list[Part]:
    """What is missing of some parts of copies, as requests to be made: each copy with two positions.

    Args:
        wanted: copies, each with the position of the first byte and after the last one, in this order in each copy.
    """
    from sciml_datasets.object_stores.store import pieces

    found: dict[PartialCopy, list[Range]] = {}
    for copy, start, end in wanted:
        ranges = found.setdefault(copy, [])
        for first, last in copy.missing(start, end):
            if ranges and first <= ranges[-1][1]:
                ranges[-1] = ranges[-1][0], max(last, ranges[-1][1])
            else:
                ranges.append((first, last))
    return [(copy, *piece) for copy, ranges in found.items() for part in ranges for piece in pieces(*part)]
