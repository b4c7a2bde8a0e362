"""What is read next is asked for before: the disk, or the network, looks for it while the processor works on the last.

Of small files, and of samples whose place in their file is known. A preparation would else wait for each of them.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from sciml_datasets.raw_format import RawFile

Item = TypeVar("Item")

SMALL = 1 << 20
"""Bytes up to which a file is asked for as a whole before it is indexed."""
AHEAD = 32
"""Items that are asked for and not read yet; twice as many small files are indexed together."""
AHEAD_BYTES = 16 << 20
"""Bytes that are asked for and not read yet, or one item, if it has more."""


class Extent(NamedTuple):
    """Where an item lies in a file."""

    path: Path
    start: int
    bytes: int


def chunks(files: Sequence[RawFile]) -> list[list[RawFile]]:
    """The files in order: 2 AHEAD small ones together, each other one by itself."""
    found: list[list[RawFile]] = []
    for file in files:
        small = file.size <= SMALL
        if not (small and found and len(found[-1]) < 2 * AHEAD and found[-1][0].size <= SMALL):
            found.append([])
        found[-1].append(file)
    return found


def asked_for(items: Iterable[Item], place: Callable[[Item], Extent | None]) -> Iterator[Item]:
    """The items in order; when one is given, what follows has been asked for, up to AHEAD items or AHEAD_BYTES.

    Args:
        items: consumed up to AHEAD before they are given.
        place: from an item to where it lies; None where nobody knows, or where it is not to be asked for.
    """
    waiting: deque[tuple[Item, int]] = deque()
    asked = 0
    for item in items:
        extent = place(item)
        size = extent.bytes if extent else 0
        if extent:
            _ask_for(extent)
        waiting.append((item, size))
        asked += size
        while len(waiting) > 1 and (len(waiting) > AHEAD or asked > AHEAD_BYTES):
            first, size = waiting.popleft()
            asked -= size
            yield first
    for item, _ in waiting:
        yield item


def _ask_for(extent: Extent) -> None:
    """Have the system read it in the background.

    It is advice: where it cannot be given, the file is read without it, and its reader reports what is wrong with it.
    """
    with suppress(OSError):
        descriptor = os.open(extent.path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO would be waited for
        try:
            os.posix_fadvise(descriptor, extent.start, extent.bytes, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(descriptor)
