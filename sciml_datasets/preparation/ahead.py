"""What is read next is asked for before: the disk, or the network, looks for it while the processor works on the last.

Of small files, and of samples whose place in their file is known. A preparation would else wait for each of them.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from sciml_datasets.samples import RawFile

Item = TypeVar("Item")

SMALL = 1 << 20
"""Bytes up to which a file is asked for as a whole."""
AHEAD = 32
"""Items that are asked for and not read yet; twice as many small files are indexed together."""
AHEAD_BYTES = 16 << 20
"""Bytes that are asked for and not read yet, or one item, if it has more."""


class Extent(NamedTuple):
    """Where an item lies: in the file from ``start`` on; with 0 bytes the whole file, if it is small."""

    path: Path
    start: int = 0
    bytes: int = 0


def chunks(files: Sequence[RawFile]) -> list[list[RawFile]]:
    """The files in order: 2 AHEAD small ones together, each other one by itself."""
    found: list[list[RawFile]] = []
    for file in files:
        small = file.size <= SMALL
        if not (small and found and len(found[-1]) < 2 * AHEAD and found[-1][0].size <= SMALL):
            found.append([])
        found[-1].append(file)
    return found


def asked_for(items: Iterable[Item], place: Callable[[Item], Extent]) -> Iterator[Item]:
    """The items in order; when one is given, what follows has been asked for, up to AHEAD items or AHEAD_BYTES.

    Args:
        items: consumed up to AHEAD before they are given.
        place: from an item to where it lies; a large file of which nothing is known is looked at once.
    """
    large: set[Path] = set()
    waiting: deque[tuple[Item, int]] = deque()
    asked = 0
    for item in items:
        extent = place(item)
        size = 0 if extent.path in large else _ask_for(extent)
        if not size:
            large.add(extent.path)
        waiting.append((item, size))
        asked += size
        while len(waiting) > 1 and (len(waiting) > AHEAD or asked > AHEAD_BYTES):
            first, size = waiting.popleft()
            asked -= size
            yield first
    for item, _ in waiting:
        yield item


def _ask_for(extent: Extent) -> int:
    """Have the system read it in the background; how many bytes, 0 for a large file of which no part is named.

    Nor is anything read of a file that cannot be opened: whoever reads it says what is wrong.
    """
    try:
        descriptor = os.open(extent.path, os.O_RDONLY)
    except OSError:
        return 0
    try:
        size = extent.bytes or os.fstat(descriptor).st_size
        if size > SMALL and not extent.bytes:
            return 0
        os.posix_fadvise(descriptor, extent.start, size, os.POSIX_FADV_WILLNEED)
        return size
    finally:
        os.close(descriptor)
