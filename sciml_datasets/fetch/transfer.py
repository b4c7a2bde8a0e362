"""Files come from a source, in parallel and in ranged parts, and get their names when they are checked.

A file is cut into parts; as many connections as the user allows work on the parts of the first files that are not
finished. What a broken connection has brought is kept: the next attempt asks for the rest. What arrives is written and
journalled by `partial_file`, and hashed from memory where it comes in order, else read again from the file.
"""

from __future__ import annotations

import asyncio
import errno
import filecmp
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from sciml_datasets.benchmark import Source
from sciml_datasets.fetch.checks import Hashes, MismatchError, agree, expected_sha256, judge
from sciml_datasets.fetch.connections import Connections
from sciml_datasets.fetch.partial_file import HEARTBEAT_SECONDS, PartialFile, TakenOverError, is_busy, open_partial_file
from sciml_datasets.fetch.retries import with_retries
from sciml_datasets.fetch.sources.opening import open_remote
from sciml_datasets.fetch.sources.remote import (
    ChangedError,
    ConnectionSettings,
    NoRangesError,
    Remote,
    RemoteFile,
    SourceError,
)
from sciml_datasets.files.checksums import Checksum
from sciml_datasets.paths import LONGEST_NAME

PART_BYTES = 64 << 20
VERSIONS = 3
"""How often a file may change at its source, or arrive damaged, before that source is given up."""
HASHED_BYTES = 4 << 20
"""Hashed at a time behind what arrives."""
TICK_SECONDS = 0.1
MISMATCH = ".mismatch"
"""Ending of what is kept aside."""
OF_NAMES = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.EILSEQ)
"""Errors of the system that come from a file's name, or from what has that name already."""
WRITERS, HASHERS = 4, 4
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file to be fetched.

    Attributes:
        file: as the first source that answered lists it.
        listed_by: number of that source.
        known: what is known of its content, published or recorded; None at first sight.
    """

    file: RemoteFile
    listed_by: int
    known: Checksum | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file.

    Attributes:
        name: of the file.
        checksum: of what lies in the raw folder now; None after a failure.
        arrived: bytes that were fetched; None of a file that was there, or did not come.
        failure: why it did not come, else "".
        notes: what else should be told, a sentence each.
    """

    name: str
    checksum: Checksum | None = None
    arrived: int | None = None
    failure: str = ""
    notes: tuple[str, ...] = ()


def transfer(
    wanted: Iterator[WantedFile],
    root: Path,
    sources: tuple[Source, ...],
    settings: ConnectionSettings,
    rate: float | None,
    tick: Callable[[int], None],
    done: Callable[[Outcome], None],
) -> list[Outcome]:
    """Fetch files into a raw folder.

    Args:
        wanted: drawn one by one, when a connection is free.
        root: of the data set.
        sources: to be tried in order.
        settings: of the connections.
        rate: bytes a second at most; None for no limit.
        tick: called every TICK_SECONDS with the bytes that have come since.
        done: called with each file that is finished, at once.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    return asyncio.run(_transfer(wanted, _Transfers(root, sources, settings, rate, tick, done)))


async def _transfer(wanted: Iterator[WantedFile], transfers: _Transfers) -> list[Outcome]:
    try:
        return await transfers.run(wanted)
    finally:
        await transfers.close()


@dataclass
class _Transfers:
    root: Path
    sources: tuple[Source, ...]
    settings: ConnectionSettings
    rate: float | None
    tick: Callable[[int], None]
    done: Callable[[Outcome], None]
    busy: list[WantedFile] = field(default_factory=list)
    partials: set[PartialFile] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._remotes: dict[int, Remote] = {}
        self._files = asyncio.Semaphore(self.settings.connections + HASHERS)
        self._writers = ThreadPoolExecutor(WRITERS)
        self._connections = Connections(self.settings, self.rate, self._writers)
        self._hashers = ThreadPoolExecutor(HASHERS)

    async def run(self, wanted: Iterator[WantedFile]) -> list[Outcome]:
        """All files that are drawn; those that another run is fetching come last, when it may have them."""
        outcomes: list[Outcome] = []

        async def one(item: WantedFile, *, defer: bool) -> None:
            try:
                if defer and await self._in_thread(lambda: is_busy(self.root, item.file.name)):
                    self.busy.append(item)
                    return
                outcome = await self._fetched(item)
                self.done(outcome)
                outcomes.append(outcome)
            finally:
                self._files.release()

        async def draw(items: Iterator[WantedFile], group: asyncio.TaskGroup, *, defer: bool) -> None:
            await self._files.acquire()
            while (item := next(items, None)) is not None:
                group.create_task(one(item, defer=defer))
                await self._files.acquire()
            self._files.release()

        async def all_of_them() -> None:
            for items, defer in ((wanted, True), (iter(self.busy), False)):
                async with asyncio.TaskGroup() as group:
                    await draw(items, group, defer=defer)

        await _first_error(self._watched(all_of_them()))
        return outcomes

    async def close(self) -> None:
        """Close connections, and leave what has arrived to a later run."""
        for remote in self._remotes.values():
            await remote.close()
        for partial in list(self.partials):
            partial.close()
        self._writers.shutdown(cancel_futures=True)
        self._hashers.shutdown(cancel_futures=True)

    async def _watched(self, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work`` and tell of the bytes meanwhile; an exception of ``tick`` ends it."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work)
            told, beaten = 0, time.monotonic()
            while not task.done():
                await asyncio.wait((task,), timeout=TICK_SECONDS)
                self.tick(self._connections.come - told)
                told = self._connections.come
                if time.monotonic() - beaten > HEARTBEAT_SECONDS:
                    beaten = time.monotonic()
                    for partial in list(self.partials):
                        await self._in_thread(partial.beat)

    async def _fetched(self, wanted: WantedFile) -> Outcome:
        """`_fetch`, of which an error that comes from the name of the file alone is its failure, not that of all."""
        try:
            return await self._fetch(wanted)
        except OSError as error:
            if error.errno not in OF_NAMES:
                raise
            return Outcome(wanted.file.name, failure=f"no file can be made there: {error.strerror}")

    async def _fetch(self, wanted: WantedFile) -> Outcome:
        final = self.root / wanted.file.name
        notes: list[str] = []
        if final.is_symlink() and not final.exists():
            return Outcome(wanted.file.name, failure="it is a symbolic link that leads nowhere: remove it")
        if final.exists():
            outcome = await self._kept(wanted, final, notes)
            if outcome:
                return outcome
        failures = []
        for number in range(len(self.sources)):
            try:
                checksum = await self._from(number, wanted, final, notes)
            except SourceError as error:
                remedy = f" ({error.remedy})" if error.remedy else ""
                failures.append(f"{self.sources[number].url}: {error}{remedy}")
            else:
                return Outcome(wanted.file.name, checksum, checksum.size, notes=tuple(notes))
        return Outcome(wanted.file.name, failure="; ".join(failures), notes=tuple(notes))

    async def _kept(self, wanted: WantedFile, final: Path, notes: list[str]) -> Outcome | None:
        """What is to be said of a file that was there before; None where it is not the one, and was set aside."""
        try:
            checksum = await self._check(final, wanted.file, wanted.known)
        except MismatchError as error:
            aside = _set_aside(final, final)
            notes.append(f"{final} was there, but {error}: it is {aside.name} now")
            return None
        self._connections.come += checksum.size or 0
        return Outcome(wanted.file.name, checksum, notes=tuple(notes))

    async def _from(self, number: int, wanted: WantedFile, final: Path, notes: list[str]) -> Checksum:
        """Fetch a file from one source; damaged copies that came first are noted, with what came of it."""
        damage: list[str] = []
        became = "it did not come whole"
        try:
            checksum = await self._undamaged(number, wanted, final, damage)
            became = "it is as it should be"
        finally:
            notes += [f"{wanted.file.name} came damaged ({what}); fetched again, {became}" for what in damage]
        return checksum

    async def _undamaged(self, number: int, wanted: WantedFile, final: Path, damage: list[str]) -> Checksum:
        remote = self._remotes.get(number)
        if remote is None:
            remote = self._remotes[number] = open_remote(self.sources[number], self.settings)
        file = wanted.file if number == wanted.listed_by and wanted.file.size is not None else None
        ranges, found = True, ""
        for attempt in range(1, VERSIONS + 1):
            if file is None:
                file = await with_retries(self.settings, lambda: remote.look(wanted.file.name))
                file = replace(file, sha256=wanted.file.sha256)
            agree(file, wanted.known)
            try:
                return await self._receive(remote, file, wanted.known, final, ranges=ranges)
            except NoRangesError:
                if not ranges or attempt == VERSIONS:
                    raise
                ranges = False
            except TakenOverError:
                if final.exists():
                    return await self._check(final, file, wanted.known)
                if attempt == VERSIONS:
                    raise
            except ChangedError:
                if attempt == VERSIONS:
                    raise
                file = None
            except MismatchError as error:
                if error.found == found or attempt == VERSIONS:  # the same again: it is no accident on the way
                    raise
                found = error.found
                damage.append(str(error))
        raise AssertionError("unreachable")

    async def _receive(
        self, remote: Remote, file: RemoteFile, known: Checksum | None, final: Path, *, ranges: bool
    ) -> Checksum:
        expected = expected_sha256(file, known)
        identity = expected or (f"{remote.url} {file.tag}" if file.tag else "")
        size = file.size if ranges else None
        async with self._partial(file.name, size, identity) as partial:
            with Hashes(partial.path, "" if expected else file.etag) as hashes:
                if size is None:
                    await self._connections.whole(remote, file, partial)
                else:
                    await self._parts(remote, file, partial, size, hashes)
                await self._in_thread(partial.sync)
                try:
                    checksum = await self._hash(judge, hashes, file, known)
                except MismatchError as error:
                    aside = _set_aside(partial.path, final)
                    partial.remove()
                    raise MismatchError(f"{error}; what came is kept as {aside.name}", error.found) from error
            await self._in_thread(lambda: partial.publish(final))
            return checksum

    async def _parts(self, remote: Remote, file: RemoteFile, partial: PartialFile, size: int, hashes: Hashes) -> None:
        """What is missing, by several connections; hashed on the way in, or behind them while it is still in memory."""
        more, hashing = asyncio.Event(), None
        more.set()

        def write(start: int, chunks: Sequence[bytes]) -> int:
            count = partial.write(start, chunks)
            hashes.take(start, chunks)
            return count

        async def hash_behind() -> None:
            nonlocal hashing
            while hashes.at < size:
                await more.wait()
                more.clear()
                while partial.reached - hashes.at >= min(HASHED_BYTES, size - hashes.at) > 0:
                    hashing = self._hash(hashes.follow, min(partial.reached, hashes.at + PART_BYTES))
                    await asyncio.shield(hashing)

        missing = partial.missing(PART_BYTES)
        parts = (self._connections.part(remote, file, write, start, end, more.set) for start, end in missing)
        try:
            await _all([*parts, hash_behind()])
        finally:
            if hashing is not None:
                await asyncio.wait((hashing,))

    @asynccontextmanager
    async def _partial(self, name: str, size: int | None, identity: str) -> AsyncIterator[PartialFile]:
        partial = await self._in_thread(lambda: open_partial_file(self.root, name, size, identity))
        self.partials.add(partial)
        self._connections.come += sum(end - start for start, end in partial.have)
        try:
            yield partial
        finally:
            self.partials.discard(partial)
            partial.close()

    async def _check(self, path: Path, file: RemoteFile, known: Checksum | None) -> Checksum:
        """The checksum of a file that is here, if it is what it should be, else MismatchError."""
        with Hashes(path, "" if expected_sha256(file, known) else file.etag) as hashes:
            return await self._hash(judge, hashes, file, known)

    def _hash(self, work: Callable[..., Result], *arguments: Any) -> asyncio.Future[Result]:
        return asyncio.get_running_loop().run_in_executor(self._hashers, work, *arguments)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._writers, work)


def _set_aside(path: Path, final: Path) -> Path:
    """Keep what is not the file under a name that no reader takes for one, and that nothing else has."""
    shortened = final.name.encode()[: LONGEST_NAME - len(f".999{MISMATCH}")].decode("utf-8", "ignore")
    final.parent.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        aside = final.with_name(f"{shortened}{'' if number == 1 else f'.{number}'}{MISMATCH}")
        if not os.path.lexists(aside) or (aside.is_file() and filecmp.cmp(path, aside, shallow=False)):
            break
    path.replace(aside)
    return aside


async def _all(parts: Iterable[Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part)

    await _first_error(run())


async def _first_error(work: Coroutine[Any, Any, None]) -> None:
    """Do ``work``; of the exceptions of a group of tasks, the first one alone."""
    error: BaseException | None = None
    try:
        await work
    except BaseExceptionGroup as group:
        error = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
    if error is not None:
        raise error
