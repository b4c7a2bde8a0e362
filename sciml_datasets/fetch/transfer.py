"""Files come from sources, several at a time.

A file is cut into parts; as many connections as the user allows work on the parts of the first files that are not
finished.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sciml_datasets.benchmark import Source
from sciml_datasets.fetch.connections import Connections
from sciml_datasets.fetch.file_transfer import HASHERS, FileTransfers, Outcome, WantedFile
from sciml_datasets.fetch.partial_file import HEARTBEAT_SECONDS, is_busy
from sciml_datasets.fetch.sources.remote import ConnectionSettings
from sciml_datasets.fetch.task_groups import first_error

TICK_SECONDS = 0.1
WRITERS = 4
"""Number of threads that write."""
Result = TypeVar("Result")


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
        root: folder of the data set.
        sources: sources to be tried in order.
        settings: settings of the connections.
        rate: bytes a second at most; None for no limit.
        tick: called every TICK_SECONDS with the number of bytes that have come since.
        done: called with each file that is finished, at once.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """

    async def run() -> list[Outcome]:
        schedule = _Schedule(root, sources, settings, rate, tick, done)
        try:
            return await schedule.run(wanted)
        finally:
            await schedule.close()

    return asyncio.run(run())


class _Schedule:
    """The order in which files come: as they are drawn, those that another run is fetching last."""

    def __init__(
        self,
        root: Path,
        sources: tuple[Source, ...],
        settings: ConnectionSettings,
        rate: float | None,
        tick: Callable[[int], None],
        done: Callable[[Outcome], None],
    ) -> None:
        self._root, self._tick, self._done = root, tick, done
        self._busy: list[WantedFile] = []
        self._slots = asyncio.Semaphore(settings.connections + HASHERS)
        self._writers = ThreadPoolExecutor(WRITERS)
        self._connections = Connections(settings, rate, self._writers)
        self._files = FileTransfers(root, sources, settings, self._connections, self._writers)

    async def run(self, wanted: Iterator[WantedFile]) -> list[Outcome]:
        """All files that are drawn; those that another run is fetching come last, when it may have them."""
        outcomes: list[Outcome] = []

        async def one(item: WantedFile, *, defer: bool) -> None:
            try:
                if defer and await self._in_thread(lambda: is_busy(self._root, item.file.name)):
                    self._busy.append(item)
                    return
                outcome = await self._files.fetch(item)
                self._done(outcome)
                outcomes.append(outcome)
            finally:
                self._slots.release()

        async def draw(items: Iterator[WantedFile], group: asyncio.TaskGroup, *, defer: bool) -> None:
            await self._slots.acquire()
            while (item := next(items, None)) is not None:
                group.create_task(one(item, defer=defer))
                await self._slots.acquire()
            self._slots.release()

        async def all_of_them() -> None:
            for items, defer in ((wanted, True), (iter(self._busy), False)):
                async with asyncio.TaskGroup() as group:
                    await draw(items, group, defer=defer)

        await first_error(self._watched(all_of_them()))
        return outcomes

    async def close(self) -> None:
        """Close connections, and leave what has arrived to a later run."""
        await self._files.close()
        self._writers.shutdown(cancel_futures=True)

    async def _watched(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` and report the bytes meanwhile; an exception of ``tick`` ends it."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work)
            reported, beaten = 0, time.monotonic()
            while not task.done():
                await asyncio.wait((task,), timeout=TICK_SECONDS)
                self._tick(self._connections.received - reported)
                reported = self._connections.received
                if time.monotonic() - beaten > HEARTBEAT_SECONDS:
                    beaten = time.monotonic()
                    for partial in list(self._files.partials):
                        await self._in_thread(partial.beat)

    def _in_thread(self, work: Callable[[], Result]) -> asyncio.Future[Result]:
        return asyncio.get_running_loop().run_in_executor(self._writers, work)
