"""Repeated attempts with waits between them, and a limit of the rate."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sciml_datasets.fetch.sources.remote import ConnectionSettings, TransientError, UnreachableError

Result = TypeVar("Result")
FIRST_RETRIES = 2
"""Number of retries for a source that was never reached: a wrong address should be reported within seconds."""


class RateLimit:
    """At most so many bytes a second, over all connections of this process."""

    def __init__(self, bytes_per_second: float | None) -> None:
        self._rate = bytes_per_second
        self._free = 0.0

    async def take(self, count: int) -> None:
        """Return when ``count`` more bytes may have come."""
        if self._rate is None:
            return
        now = time.monotonic()
        self._free = max(self._free, now) + count / self._rate
        if self._free > now:
            await asyncio.sleep(self._free - now)


def wait_seconds(settings: ConnectionSettings, failures: int, asked: float) -> float:
    """The seconds before the next attempt: doubled each time, and varied by half to keep many clients apart.

    Args:
        settings: settings of the connections.
        failures: number of failures in a row, at least 1.
        asked: seconds that the source asks for: a lower limit, of at most two timeouts.
    """
    wait = min(settings.wait * 2.0 ** (failures - 1), settings.longest_wait)
    return max(min(asked, 2 * settings.timeout), wait * random.uniform(0.5, 1.5))


async def with_retries(
    settings: ConnectionSettings, attempt: Callable[[], Coroutine[Any, Any, Result]], *, first: bool = False
) -> Result:
    """The result of ``attempt``, which is repeated after a `TransientError`.

    Args:
        settings: settings of the connections.
        attempt: function that is tried.
        first: whether nothing has come from the source yet: one that cannot be reached is then soon given up.

    Raises:
        SourceError: that of the last attempt.
    """
    failures = 0
    while True:
        try:
            return await attempt()
        except TransientError as error:
            failures += 1
            strange = first and isinstance(error, UnreachableError)
            if failures > min(settings.retries, FIRST_RETRIES if strange else settings.retries):
                raise
            await asyncio.sleep(wait_seconds(settings, failures, error.wait))
