"""The connections of a process: what they bring is written into its place, and a broken one is resumed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import aclosing

from sciml_datasets.fetch.partial_file import PartialFile
from sciml_datasets.fetch.retries import RateLimit, wait_seconds, with_retries
from sciml_datasets.fetch.sources.bounds import LISTING_TIMEOUTS, fast_enough
from sciml_datasets.fetch.sources.remote import (
    ConnectionSettings,
    ExceededError,
    Remote,
    RemoteFile,
    TransientError,
)
from sciml_datasets.fetch.sources.responses import page_error

Write = Callable[[int, Sequence[bytes]], int]
"""Puts bytes that follow each other into their place in the file, by a thread; returns how many they were."""
WRITE_BYTES = 4 << 20
"""Number of bytes gathered before they are written: what a kill may cost each connection."""
WRITE_CHUNKS = 512
"""Number of chunks gathered likewise: Linux takes at most 1,024 at once (IOV_MAX)."""
WRITE_SECONDS = 2.0
WORTH_BYTES = 1 << 16
"""Number of bytes after which an attempt counts as a success: a source that gives less each time is given up."""


class Connections:
    """The connections that ``settings`` allow; the request that waits longest gets the next free one.

    Attributes:
        received: number of bytes that have come and are written, all together.
    """

    def __init__(self, settings: ConnectionSettings, rate: float | None, writers: Executor) -> None:
        self.received = 0
        self._settings, self._writers = settings, writers
        self._slots = asyncio.Semaphore(settings.connections)
        self._limit = RateLimit(rate)

    async def whole(self, remote: Remote, file: RemoteFile, partial: PartialFile, most: int) -> None:
        """A file in one go, from its start at each attempt; ExceededError if it has more than ``most`` bytes."""

        seconds = None if file.size is not None else LISTING_TIMEOUTS * self._settings.timeout

        async def attempt() -> None:
            came: list[int] = []
            try:
                async with self._slots, asyncio.timeout(seconds):
                    await self._stream(remote, file, partial.write, 0, None, came, most=most)
                if file.size is not None and sum(came) != file.size:
                    raise TransientError(f"the source ends after {sum(came)} of {file.size} bytes")
            except TimeoutError as error:
                self.received -= sum(came)
                if seconds is None or error.errno is not None:  # the latter is the disk's
                    raise
                raise ExceededError(f"the source tells no size and sends for more than {seconds:.0f} s") from error
            except BaseException:
                self.received -= sum(came)
                raise
            partial.cut(sum(came))

        await with_retries(self._settings, attempt)

    async def part(
        self, remote: Remote, file: RemoteFile, write: Write, start: int, end: int, more: Callable[[], object]
    ) -> None:
        """A part, going on where a connection broke; ``more`` is called after each write."""
        failures = 0
        while True:
            came: list[int] = []
            try:
                async with self._slots:
                    await self._stream(remote, file, write, start, end, came, more)
                if start + sum(came) == end:
                    return
                raise TransientError(f"the source ends {end - start - sum(came)} bytes early")
            except TransientError as error:
                start += sum(came)
                failures = 1 if sum(came) >= WORTH_BYTES else failures + 1
                if failures > self._settings.retries:
                    raise
                await asyncio.sleep(wait_seconds(self._settings, failures, error.wait))

    async def _stream(
        self,
        remote: Remote,
        file: RemoteFile,
        put: Write,
        start: int,
        end: int | None,
        came: list[int],
        more: Callable[[], object] = lambda: None,
        most: int = 0,
    ) -> None:
        """Write what one request brings; ``came`` collects their numbers as they are written, also of a broken one."""
        loop = asyncio.get_running_loop()
        at = start
        chunks: list[bytes] = []
        writing: asyncio.Future[int] | None = None
        gathered, since = 0, time.monotonic()

        async def finish() -> None:
            nonlocal writing
            if writing is not None:
                count, writing = await writing, None
                self.received += count
                came.append(count)
                more()

        async def write() -> None:
            nonlocal writing, chunks, gathered, since
            await finish()
            writing = loop.run_in_executor(self._writers, put, at - gathered, chunks)
            chunks, gathered, since = [], 0, time.monotonic()

        try:
            async with aclosing(remote.read(file, start, end)) as stream:
                async for chunk in fast_enough(stream, self._settings.timeout):
                    if at == 0 and (error := page_error(chunk)):
                        raise error
                    if end is not None and at + len(chunk) > end:
                        raise TransientError("the source sends more than was asked for")
                    if end is None and at + len(chunk) > most:
                        raise ExceededError(
                            f"the source tells no size and sends more than {most:,} bytes",
                            remedy="list its size in the checksums.tsv of the raw folder",
                        )
                    at += len(chunk)
                    gathered += len(chunk)
                    chunks.append(chunk)
                    full = gathered >= WRITE_BYTES or len(chunks) >= WRITE_CHUNKS
                    if full or time.monotonic() - since > WRITE_SECONDS:
                        await write()
                    await self._limit.take(len(chunk))
        finally:
            if chunks:
                await write()
            await finish()
