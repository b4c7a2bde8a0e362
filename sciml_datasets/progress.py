"""Progress on stderr: a bar on a terminal, a plain line every half minute elsewhere."""

from __future__ import annotations

import sys
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

    rhythm = {} if sys.stderr.isatty() else {"mininterval": PLAIN_SECONDS, "delay": PLAIN_SECONDS}
    with tqdm(total=total, desc=title, unit=unit, unit_scale=scale, file=sys.stderr, leave=False, **rhythm) as bar:
        yield bar.update
