"""Groups of tasks, of whose exceptions one alone is raised."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def run_all(parts: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all parts at once; of their exceptions, the first one alone."""

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part)

    await first_error(run())


async def first_error(work: Coroutine[Any, Any, None]) -> None:
    """Run ``work``; of the exceptions of its groups of tasks, the first one alone."""
    error: BaseException | None = None
    try:
        await work
    except BaseExceptionGroup as group:
        error = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
    if error is not None:
        raise error
