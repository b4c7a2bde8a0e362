"""One file comes from its sources: in ranged parts, by several connections, checked before it gets its name.

What a broken connection has brought is kept: the next attempt asks for the rest. What arrives is written and journalled
by `partial_file`, and hashed from memory where it comes in order, else read again from the file.
"""

from __future__ import annotations

import asyncio
import errno
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from sciml_datasets.benchmark import Source
from sciml_datasets.fetch.checks import Hashes, MismatchError, agree, expected_sha256, judge, set_aside
from sciml_datasets.fetch.connections import Connections
from sciml_datasets.fetch.partial_file import PartialFile, TakenOverError, open_partial_file
from sciml_datasets.fetch.retries import with_retries
from sciml_datasets.fetch.sources.bounds import LOST_FILES, unsized_bytes
from sciml_datasets.fetch.sources.opening import open_remote
from sciml_datasets.fetch.sources.remote import (
    ChangedError,
    ConnectionSettings,
    NoRangesError,
    RefusedError,
    Remote,
    RemoteFile,
    SourceError,
    TransientError,
)
from sciml_datasets.fetch.sources.server_text import shown
from sciml_datasets.fetch.task_groups import run_all
from sciml_datasets.files.checksums import Checksum

PART_BYTES = 64 << 20
VERSIONS = 3
"""Number of times that a file may change at its source, or arrive damaged, before that source is given up."""
HASHED_BYTES = 4 << 20
"""Number of bytes hashed at a time behind what arrives."""
OF_NAMES = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.EILSEQ)
"""Errors of the system that come from a file's name, or from what has that name already."""
HASHERS = 4
"""Number of threads that hash."""
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file to be fetched.

    Attributes:
        file: as it is listed by the first source that responded.
        listed_by: number of that source.
        known: its checksum, published or recorded; None at first sight.
    """

    file: RemoteFile
    listed_by: int
    known: Checksum | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of the transfer of one file.

    Attributes:
        name: name of the file.
        checksum: checksum of the file in the raw folder now; None after a failure.
        arrived: number of bytes that were fetched; None for a file that was there, or did not come.
        failure: why it did not come, else "".
        notes: further sentences to report.
    """

    name: str
    checksum: Checksum | None = None
    arrived: int | None = None
    failure: str = ""
    notes: tuple[str, ...] = ()


class FileTransfers:
    """Transfers of files, each from the sources in their order.

    Attributes:
        partials: files that are arriving.
    """

    def __init__(
        self,
        root: Path,
        sources: tuple[Source, ...],
        settings: ConnectionSettings,
        connections: Connections,
        writers: Executor,
    ) -> None:
        self.partials: set[PartialFile] = set()
        self._root, self._sources, self._settings = root, sources, settings
        self._connections, self._writers = connections, writers
        self._remotes: dict[int, Remote] = {}
        self._hashers = ThreadPoolExecutor(HASHERS)
        self._lost: Counter[int] = Counter()  # files in a row for which a source did not respond

    async def close(self) -> None:
        """Close connections, and leave what has arrived to a later run."""
        for remote in self._remotes.values():
            await remote.close()
        for partial in list(self.partials):
            partial.close()
        self._hashers.shutdown(cancel_futures=True)

    async def fetch(self, wanted: WantedFile) -> Outcome:
        """Fetch a file from the first source that gives it whole.

        Raises:
            OSError: the disk is full, or the folder cannot be written. An error that comes from the name of the file
                alone is a failure of that file.
        """
        try:
            return await self._fetch(wanted)
        except OSError as error:
            if error.errno not in OF_NAMES:
                raise
            return Outcome(wanted.file.name, failure=f"no file can be made there: {error.strerror}")

    async def _fetch(self, wanted: WantedFile) -> Outcome:
        final = self._root / wanted.file.name
        notes: list[str] = []
        if final.is_symlink() and not final.exists():
            return Outcome(wanted.file.name, failure="it is a symbolic link that leads nowhere: remove it")
        if final.exists():
            outcome = await self._kept(wanted, final, notes)
            if outcome:
                return outcome
        failures = []
        for number in range(len(self._sources)):
            try:
                checksum = await self._from(number, wanted, final, notes)
            except SourceError as error:
                remedy = f" ({error.remedy})" if error.remedy else ""
                failures.append(f"{shown(self._sources[number].url)}: {error}{remedy}")
            else:
                return Outcome(wanted.file.name, checksum, checksum.size, notes=tuple(notes))
        return Outcome(wanted.file.name, failure="; ".join(failures), notes=tuple(notes))

    async def _kept(self, wanted: WantedFile, final: Path, notes: list[str]) -> Outcome | None:
        """Outcome of a file that was there before; None where it is not the expected one, and was set aside."""
        try:
            checksum = await self._check(final, wanted.file, wanted.known)
        except MismatchError as error:
            aside = set_aside(final, final)
            notes.append(f"{final} was there, but {error}: it is {aside.name} now")
            return None
        self._connections.received += checksum.size or 0
        return Outcome(wanted.file.name, checksum, notes=tuple(notes))

    async def _from(self, number: int, wanted: WantedFile, final: Path, notes: list[str]) -> Checksum:
        """Fetch a file from one source; damaged copies that came first are noted, with what came of it."""
        if self._lost[number] >= LOST_FILES:
            raise TransientError(f"it was given up after {LOST_FILES} files in a row for which it did not respond")
        if number == wanted.listed_by and wanted.file.refused:
            raise RefusedError(wanted.file.refused)
        damage: list[str] = []
        became = "it did not come whole"
        try:
            checksum = await self._undamaged(number, wanted, final, damage)
            became = "it is as it should be"
            self._lost[number] = 0
        except TransientError:
            self._lost[number] += 1
            raise
        finally:
            notes += [f"{wanted.file.name} came damaged ({what}); fetched again, {became}" for what in damage]
        return checksum

    async def _undamaged(self, number: int, wanted: WantedFile, final: Path, damage: list[str]) -> Checksum:
        remote = self._remotes.get(number)
        if remote is None:
            remote = self._remotes[number] = open_remote(self._sources[number], self._settings)
        file = wanted.file if number == wanted.listed_by and wanted.file.size is not None else None
        ranges, found = True, ""
        for attempt in range(1, VERSIONS + 1):
            if file is None:
                file = await with_retries(self._settings, lambda: remote.look(wanted.file.name))
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
        identity = expected or (f"{shown(remote.url)} {file.tag}" if file.tag else "")
        size = file.size if ranges else None
        async with self._partial(file.name, size, identity) as partial:
            with Hashes(partial.path, "" if expected else file.etag) as hashes:
                if size is None:
                    await self._connections.whole(remote, file, partial, self._most(file, known))
                else:
                    await self._parts(remote, file, partial, size, hashes)
                await self._in_thread(partial.sync)
                try:
                    checksum = await self._hash(judge, hashes, file, known)
                except MismatchError as error:
                    aside = set_aside(partial.path, final)
                    partial.remove()
                    raise MismatchError(f"{error}; what came is kept as {aside.name}", error.found) from error
            await self._in_thread(lambda: partial.publish(final))
            return checksum

    def _most(self, file: RemoteFile, known: Checksum | None) -> int:
        """The largest number of bytes that a file may have that comes in one go."""
        sizes = (file.size, known.size if known else None)
        free = shutil.disk_usage(self._root).free
        return next((size for size in sizes if size is not None), unsized_bytes(free, self._settings.connections))

    async def _parts(self, remote: Remote, file: RemoteFile, partial: PartialFile, size: int, hashes: Hashes) -> None:
        """Fetch what is missing by several connections, hashed as it comes, or behind them while still in memory."""
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
            await run_all([*parts, hash_behind()])
        finally:
            if hashing is not None:
                await asyncio.wait((hashing,))

    @asynccontextmanager
    async def _partial(self, name: str, size: int | None, identity: str) -> AsyncIterator[PartialFile]:
        partial = await self._in_thread(lambda: open_partial_file(self._root, name, size, identity))
        self.partials.add(partial)
        self._connections.received += sum(end - start for start, end in partial.have)
        try:
            yield partial
        finally:
            self.partials.discard(partial)
            partial.close()

    async def _check(self, path: Path, file: RemoteFile, known: Checksum | None) -> Checksum:
        """Checksum of a file that is here; MismatchError if it is not the expected one."""
        with Hashes(path, "" if expected_sha256(file, known) else file.etag) as hashes:
            return await self._hash(judge, hashes, file, known)

    def _hash(self, work: Callable[..., Result], *arguments: Any) -> asyncio.Future[Result]:
        return asyncio.get_running_loop().run_in_executor(self._hashers, work, *arguments)

    def _in_thread(self, work: Callable[[], Result]) -> asyncio.Future[Result]:
        return asyncio.get_running_loop().run_in_executor(self._writers, work)
