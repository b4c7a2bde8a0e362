"""Progress on stderr: a bar on a terminal, a plain line every half minute elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PLAIN_SECONDS = 30.0


@contextmanager
def progress(title: str, total: int, unit: str, *, scale: bool = False) -> Iterator[Callable[[int], object]]:
    """A function to call with the amount of work just done.

    Args:
        title: what is being done.
        total: all of the work.
        unit: what the amounts count.
        scale: show large amounts as k, M and G.
    """
    from tqdm import tqdm

    if sys.stderr.isatty():
        with tqdm(total=total, desc=title, unit=unit, unit_scale=scale, leave=False) as bar:
            yield bar.update
        return
    done, started = 0, time.monotonic()
    told = started

    def advance(amount: int) -> None:
        nonlocal done, told
        done += amount
        now = time.monotonic()
        if now - told >= PLAIN_SECONDS:
            told = now
            meter = tqdm.format_meter(done, total, now - started, ncols=0, prefix=title, unit=unit, unit_scale=scale)
            print(meter, file=sys.stderr, flush=True)

    yield advance
