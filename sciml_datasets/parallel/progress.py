"""Progress, where it is asked for: a bar on a terminal, a plain line in the log every half minute elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sciml_datasets.messages import asked_for, inform
from sciml_datasets.parallel.executors import Executor
from sciml_datasets.printable import printable

PLAIN_SECONDS = 30.0


@contextmanager
def progress(
    title: str, total: int, unit: str, *, scale: bool = False, unit_bytes: float = 0
) -> Iterator[Callable[[int], object]]:
    """A context with a function to call with the amount of work just done; amount, rate and remaining time are shown.

    Args:
        title: title of the work.
        total: amount of all work.
        unit: unit of the amounts.
        scale: whether large amounts are shown as k, M and G.
        unit_bytes: mean number of bytes of one unit, to show MB/s as well; 0 to leave that out.
    """
    from tqdm import tqdm

    title = printable(title)

    done, started = 0, time.monotonic()

    def speed() -> str | None:
        return f"{done * unit_bytes / 1e6 / max(time.monotonic() - started, 1e-9):.0f} MB/s" if unit_bytes else None

    if asked_for() and sys.stderr is not None and sys.stderr.isatty():
        with tqdm(total=total, desc=title, unit=unit, unit_scale=scale, leave=False) as bar:

            def update(amount: int) -> None:
                nonlocal done
                done += amount
                bar.set_postfix_str(speed() or "", refresh=False)
                bar.update(amount)

            yield update
        return
    reported = started

    def advance(amount: int) -> None:
        nonlocal done, reported
        done += amount
        now = time.monotonic()
        if now - reported >= PLAIN_SECONDS:
            reported = now
            meter = tqdm.format_meter(
                done, total, now - started, ncols=0, prefix=title, unit=unit, unit_scale=scale, postfix=speed()
            )
            inform(meter)

    yield advance


def leader_progress(
    executor: Executor, title: str, total: int, unit: str, **style: Any
) -> AbstractContextManager[Callable[[int], object]]:
    """Progress of a whole executor, shown by its leader; arguments as in `progress`."""
    return progress(title, total, unit, **style) if executor.rank == 0 else nullcontext(lambda _: None)
