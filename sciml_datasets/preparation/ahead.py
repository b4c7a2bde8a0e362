"""Small raw files are asked for before they are read: the disk looks for many while the processor works on one.

Of files with one sample each a preparation would else wait for the disk, or the network, once per sample.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from sciml_datasets.samples import RawFile

Item = TypeVar("Item")

SMALL = 1 << 20
"""Bytes up to which a file is asked for as a whole."""
AHEAD = 32
"""Small files that are asked for and not read yet; as many are indexed together."""


def chunks(files: Sequence[RawFile]) -> list[list[RawFile]]:
    """The files in order: 2 AHEAD small ones together, each other one by itself."""
    found: list[list[RawFile]] = []
    for file in files:
        small = file.size <= SMALL
        if not (small and found and len(found[-1]) < 2 * AHEAD and found[-1][0].size <= SMALL):
            found.append([])
        found[-1].append(file)
    return found


def asked_for(items: Iterable[Item], place: Callable[[Item], Path]) -> Iterator[Item]:
    """The items in order; when one is given, the small files of the next AHEAD have been asked for.

    Args:
        items: consumed AHEAD before they are given.
        place: from an item to its file; where that is not small it is looked at once.
    """
    large: set[Path] = set()
    waiting: deque[Item] = deque()
    for item in items:
        path = place(item)
        if path not in large and not _ask_for(path):
            large.add(path)
        waiting.append(item)
        if len(waiting) > AHEAD:
            yield waiting.popleft()
    yield from waiting


def _ask_for(path: Path) -> bool:
    """Have the system read a file in the background if it is small; whether it is.

    A file that cannot be opened is not small: whoever reads it says what is wrong.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        if os.fstat(descriptor).st_size > SMALL:
            return False
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)
        return True
    finally:
        os.close(descriptor)
