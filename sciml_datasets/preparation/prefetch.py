"""Data to be read next are requested in advance: the disk, or the network, gets them while the processor works.

This is done for small files, and for samples whose place in their file is known. A preparation would otherwise wait for
each of them.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from sciml_datasets.files.arriving import arriving
from sciml_datasets.raw_format import RawFile

Item = TypeVar("Item")

SMALL = 1 << 20
"""Number of bytes up to which a file is requested as a whole before it is indexed."""
AHEAD = 32
"""Number of items that are requested and not read yet; twice as many small files are indexed together."""
AHEAD_BYTES = 32 << 20
"""Number of bytes that are requested and not read yet, of a store by several requests; a single item may have more."""


class Extent(NamedTuple):
    """The place of an item in a file."""

    path: Path
    start: int
    bytes: int


def chunks(files: Sequence[RawFile]) -> list[list[RawFile]]:
    """The files in order, as lists: up to 2 AHEAD small files together, every other file alone."""
    found: list[list[RawFile]] = []
    for file in files:
        small = file.size <= SMALL
        if not (small and found and len(found[-1]) < 2 * AHEAD and found[-1][0].size <= SMALL):
            found.append([])
        found[-1].append(file)
    return found


def asked_for(items: Iterable[Item], place: Callable[[Item], Extent | None]) -> Iterator[Item]:
    """The items in order; when one is yielded, the next AHEAD items or AHEAD_BYTES have been requested.

    Args:
        items: the items, consumed up to AHEAD before they are yielded.
        place: function from an item to its place; it returns None where the place is unknown or not to be requested.
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
    """Have the system read an extent in the background.

    It is advice only: where it fails, the file is read without it, and the reader reports what is wrong with the file.
    """
    if (source := arriving(extent.path)) is not None:
        source.ask(extent.start, extent.start + extent.bytes)
        return
    with suppress(OSError):
        descriptor = os.open(extent.path, os.O_RDONLY | os.O_NONBLOCK)  # opening a FIFO would wait for a writer
        try:
            os.posix_fadvise(descriptor, extent.start, extent.bytes, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(descriptor)
