"""A folder at a URL and its copy in the cache: small files when it is opened, shards when they are needed.

Nothing of a copy has its final name before its SHA-256 was compared. See `sciml_datasets.object_stores.opening`.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from sciml_datasets.errors import InputError
from sciml_datasets.messages import inform
from sciml_datasets.object_stores.cache import OPEN, PARTIAL, STAGED, Cache, cache_dir, source_of, used_now
from sciml_datasets.object_stores.failures import MissingObjectError
from sciml_datasets.object_stores.partial_copy import Part, PartialCopy, Range, missing_parts
from sciml_datasets.object_stores.stored_object import StoredObject
from sciml_datasets.object_stores.whole_files import WholeFiles
from sciml_datasets.parallel.progress import progress

if TYPE_CHECKING:
    from sciml_datasets.object_stores.store import Store

Group = TypeVar("Group")

AHEAD = 16
"""Number of groups of parts that are asked for at a time."""
ROOM_BYTES = 1 << 28
"""Number of bytes of parts that a process fetches before it looks again whether they fit into the cache."""
SHOWN_BYTES = 1 << 25
"""Number of bytes from which progress is shown, and what it took is told."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The files that the index of a folder lists.

    Attributes:
        files: size and SHA-256 of each, by name.
        shards: names of those that are fetched only when they are needed.
        companions: names of files that are fetched with a shard when it is read at random, by the name of the shard.
    """

    files: Mapping[str, tuple[int, str]]
    shards: frozenset[str]
    companions: Mapping[str, str]


def store_at(url: str) -> Store:
    """The store at a URL, one in each process.

    Raises:
        InputError: as `Store`.
    """
    return _store(url, os.getpid())


@lru_cache(maxsize=16)
def _store(url: str, process: int) -> Store:
    from sciml_datasets.object_stores.store import Store

    return Store(url)


def root_of(folder: Path) -> Path | None:
    """The folder of the cache that belongs to a copy; None of a folder that is no copy, of which no file is looked at.

    Args:
        folder: folder of the files, ``<cache>/<scheme>/<place>/<index>/sciml/<name>/<version>``.
    """
    with suppress(ValueError):
        parts = folder.absolute().relative_to(cache_dir()).parts
        if len(parts) == 6:
            return folder.absolute().parents[2]
    return None


class Mirror:
    """The copy of a folder at a URL; see the module's docstring.

    Attributes:
        store: the store at the URL.
        folder: folder of the copy.
        url: URL of the folder itself.
        listed: the files of the folder.

    Args:
        folder: folder of an opened copy, see `opened`.
        listed: as the attribute.

    Raises:
        InputError: the copy is not complete.
    """

    def __init__(self, folder: Path, listed: Listed) -> None:
        self.folder, self.listed = folder, listed
        self._root = folder.parents[2]
        self._prefix = "/".join(folder.parts[-3:])
        source = source_of(self._root)
        self.store = store_at(source["url"])
        self.url = self.store.url_of(self._prefix)
        self._cache = Cache()
        self._known: dict[str, StoredObject] = {}
        self._since, self._lock = 0, Lock()
        (self._root / PARTIAL).mkdir(exist_ok=True)
        self._cache.hold(self._root, OPEN)

    def fetch(self, names: Iterable[str], title: str = "Fetching") -> None:
        """Have files whole and under their names; processes that need the same ones divide them among each other.

        Args:
            names: names of the files; shards among them stay in the cache until this process ends.
            title: title of the progress that is shown.

        Raises:
            InputError: one cannot be got, is damaged, or the cache is too small for them together.
            OSError: the cache cannot be written.
        """
        wanted = list(dict.fromkeys(names))
        if not self.listed.shards.isdisjoint(wanted):
            self._cache.check_fits(sum(self.listed.files[name][0] for name in wanted), self.url)
            self._cache.hold(self._root, STAGED)
        absent = [name for name in wanted if not self.has(name)]
        if not absent:
            return
        total = sum(self.listed.files[name][0] for name in absent)
        self._cache.make_room(max(0, total - self._partly_there(absent)), self.url)
        shows = total >= SHOWN_BYTES
        with progress(title, total, "B", scale=True) if shows else nullcontext(lambda _: None) as advance:
            WholeFiles(self.store, self.copy, self.has, advance).fetch(absent)
        if shows:
            inform(self.store.told())

    def has(self, name: str) -> bool:
        """Whether a file is here as a whole; it counts as used now."""
        try:
            used_now(self.folder / name)
        except FileNotFoundError:
            return False
        return True

    def _partly_there(self, names: Iterable[str]) -> int:
        """The room that parts of files take already."""
        wanted, found = {*names}, 0
        for path in (self._root / PARTIAL).iterdir():
            with suppress(FileNotFoundError):
                if path.stem in wanted:
                    used_now(path)
                    found += path.stat().st_blocks * 512
        return found

    def copy(self, name: str) -> PartialCopy | None:
        """The copy of a file of which parts may be there; None where it is whole.

        Raises:
            InputError: there is no such file at the URL, or it is another one than the index lists.
        """
        if self.has(name):
            return None
        stored, expected = self._described(name), self.listed.files[name][1]
        return PartialCopy(self.store, stored, expected, self._root / PARTIAL, self.folder / name, self._cache)

    def _described(self, name: str) -> StoredObject:
        """What the store says of a file; a file that one request brings whole is not asked for before."""
        from sciml_datasets.object_stores.store import REQUEST_BYTES

        size, key = self.listed.files[name][0], f"{self._prefix}/{name}"
        if size <= REQUEST_BYTES:
            return StoredObject(key, size, "")
        found = self._known.get(name) or self.store.head(key)
        if found.size != size:
            raise InputError(
                f"{self.store.url_of(key)}: it has {found.size:,} bytes, expected {size:,}: it is damaged there, or "
                "the manifest beside it belongs to other data: copy the data set there again"
            )
        self._known[name] = found
        return found

    def look_up(self, names: Iterable[str]) -> None:
        """Ask for what `copy` needs of several files at once, and fetch the files beside them."""
        wanted = list(names)
        self.fetch(self.listed.companions[name] for name in wanted if name in self.listed.companions)
        self.store.each(self._described, [name for name in wanted if not self.has(name)])

    def ensure(self, wanted: Iterable[Part]) -> None:
        """Have some parts of copies, several requests at a time; a copy that is whole then gets its final name.

        Args:
            wanted: copies, each with the position of the first byte and after the last one, in order in each copy.

        Raises:
            InputError, OSError: as `fetch`.
        """
        self.store.each(self._get, missing_parts(wanted))

    def coming(self, groups: Iterable[tuple[Group, list[Part]]]) -> Iterator[Group]:
        """Groups in order, each given when its parts are there, while those of the next ones come.

        Args:
            groups: groups with parts as `ensure` takes them, in order in each copy over all groups.

        Raises:
            InputError, OSError: as `fetch`.
        """
        started: deque[tuple[Group, list[Future[None]]]] = deque()
        asked: dict[PartialCopy, int] = {}
        try:
            for group, wanted in groups:
                new = [(copy, max(start, asked.get(copy, 0)), end) for copy, start, end in wanted]
                parts = missing_parts(part for part in new if part[1] < part[2])
                asked |= {copy: end for copy, _, end in parts}
                started.append((group, [self.store.start(self._get, part) for part in parts]))
                if len(started) > AHEAD:
                    yield _arrived(*started.popleft())
            while started:
                yield _arrived(*started.popleft())
        finally:
            rest = [request for _, requests in started for request in requests]
            for request in rest:
                request.cancel()
            wait(rest)

    def _get(self, part: Part) -> None:
        copy, start, end = part
        count = copy.fetch(start, end)
        if copy.is_whole:
            copy.publish()
        with self._lock:
            self._since += count
            full = self._since >= min(ROOM_BYTES, self._cache.most // 8)
            if full:
                self._since = 0
        if full:
            self._cache.make_room(0, self.url)

    def sizes(self) -> dict[str, int]:
        """Number of bytes of each file at the URL, by name; from servers of HTTP of the listed ones alone.

        Raises:
            InputError: they cannot be asked for.
        """
        if self.store.kind != "http":
            below = f"{self._prefix}/"  # an object of this name itself is how some programs write a folder
            found = self.store.listed(self._prefix)
            return {one.name.removeprefix(below): one.size for one in found if one.name.startswith(below)}

        def size(name: str) -> tuple[str, int] | None:
            with suppress(MissingObjectError):
                return name, self.store.head(f"{self._prefix}/{name}").size
            return None

        return dict(filter(None, self.store.each(size, self.listed.files)))

    def hashes(self, sizes: Mapping[str, int]) -> dict[str, str]:
        """The SHA-256 of files at the URL by name, read there and not in the cache.

        Args:
            sizes: their sizes by name.

        Raises:
            InputError: as `blocks`.
        """
        found = {}
        with progress("Hashing", sum(sizes.values()), "B", scale=True) as advance:
            for name, size in sizes.items():
                digest = sha256()
                for block in self.blocks(name, size):
                    digest.update(block)
                    advance(len(block))
                found[name] = digest.hexdigest()
        return found

    def blocks(self, name: str, size: int) -> Iterator[memoryview]:
        """The content of a file at the URL in order, several requests at a time, without a copy in the cache.

        Raises:
            InputError: it cannot be read, or changes meanwhile.
        """
        from sciml_datasets.object_stores.store import pieces

        key = f"{self._prefix}/{name}"
        parts = pieces(0, size)
        etag = self.store.head(key).etag if len(parts) > 1 else ""

        def get(part: Range) -> memoryview:
            return self.store.get_range(key, *part, etag)

        for at in range(0, len(parts), self.store.in_flight):
            yield from self.store.each(get, parts[at : at + self.store.in_flight])


def _arrived(group: Group, requests: Iterable[Future[None]]) -> Group:
    for request in requests:
        request.result()
    return group
