"""Whether the pages of an LMDB file are such that the library may touch them.

The library maps the file and follows the numbers in it without looking whether they lead out of it: a damaged page ends
the process. Here the tree is walked once by reading, before it is mapped. Format: lmdb.h and mdb.c of LMDB 0.9, version
1 of its data, on 64 bits, little-endian; of other versions nothing is said.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from operator import itemgetter

META, PAGE, NODE, BIG = struct.Struct("<16xIIQQ"), struct.Struct("<QHHHH"), struct.Struct("<HHHH"), struct.Struct("<Q")
"""Head of a meta page; of a page: number, padding, flags, lower, upper; of a node: low and high size, flags, bytes of
its key; number of the page that a big value begins with."""
DATABASE = struct.Struct("<IHHQQQQQ")
"""Page size or padding, flags, depth, branches, leaves, overflow pages, entries, root."""
FREE, MAIN, LAST_AND_TRANSACTION = 40, 88, struct.Struct("<QQ")
"""Places of the two databases in a meta page, and what follows them."""
MAGIC, VERSION = 0xBEEFC0DE, 1
NO_PAGE = (1 << 64) - 1
BRANCH, LEAF, META_PAGE = 1, 2, 8
"""Flags of pages."""
BIG_DATA = 1
"""Flag of a node whose value lies on pages of its own."""
DEEPEST = 32


def declared_bytes(descriptor: int) -> int:
    """Bytes that the pages of a file take, as it says itself; 0 where it does not say so in the version known here.

    The library maps that many, or the system refuses to, before anybody can compare them with the file's length.

    Raises:
        ValueError: a page is said to have a length that none has, or the database to be of another kind.
        OSError: the file cannot be read.
    """
    metas = list(_metas(descriptor))
    if not metas:
        return 0
    _, last, page_size, _, _ = max(metas, key=itemgetter(0))
    return (last + 1) * page_size


def walk_pages(descriptor: int, size: int) -> None:
    """Walk the tree of the main database.

    Args:
        descriptor: file descriptor of the file.
        size: its bytes.

    Raises:
        ValueError: a page leads out of the file or is of another kind than it should be.
        OSError: the file cannot be read.
    """
    metas = list(_metas(descriptor))
    if not metas:
        return
    _, last, page_size, root, depth = max(metas, key=itemgetter(0))
    if (last + 1) * page_size > size:
        return  # cut short, which whoever opens it reports
    seen: set[int] = set()
    waiting = [] if root == NO_PAGE else [(root, depth)]
    while waiting:
        number, levels = waiting.pop()
        if number in seen or not 1 < number <= last or not 0 < levels <= DEEPEST:
            raise ValueError(f"page {number} is not where a page of the tree can be")
        seen.add(number)
        page = os.pread(descriptor, page_size, number * page_size)
        for below in _entries(page, number, last, page_size, leaf=levels == 1):
            waiting.append((below, levels - 1))


def _metas(descriptor: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Transaction, last page, page size, root and depth of the meta pages of the version that is known here."""
    place = 0
    for _ in range(2):
        head = os.pread(descriptor, 4096, place)
        if len(head) < 4096 or PAGE.unpack_from(head)[2] & META_PAGE == 0:
            return
        magic, version, _, _ = META.unpack_from(head)
        if (magic, version) != (MAGIC, VERSION):
            return
        page_size = DATABASE.unpack_from(head, FREE)[0]
        _, flags, depth, _, _, _, _, root = DATABASE.unpack_from(head, MAIN)
        last, transaction = LAST_AND_TRANSACTION.unpack_from(head, MAIN + DATABASE.size)
        if page_size not in (1 << power for power in range(9, 17)):
            raise ValueError(f"its pages are said to have {page_size} bytes")
        if flags:
            raise ValueError("its entries are not those of a plain database")
        yield transaction, last, page_size, root, depth
        place = page_size


def _entries(page: bytes, number: int, last: int, page_size: int, *, leaf: bool) -> Iterator[int]:
    """The pages below a branch; of a leaf none, after its values were found within the file."""
    own, _, flags, lower, upper = PAGE.unpack_from(page)
    if own != number or flags != (LEAF if leaf else BRANCH):
        raise ValueError(f"page {number} is of another kind than the tree says")
    if not PAGE.size <= lower <= upper <= page_size or lower % 2:
        raise ValueError(f"page {number} has bounds that are none")
    count = (lower - PAGE.size) // 2
    if count < (1 if leaf else 2):
        raise ValueError(f"page {number} holds too few entries: {count}")
    for place in struct.unpack_from(f"<{count}H", page, PAGE.size):
        if not upper <= place <= page_size - NODE.size:
            raise ValueError(f"page {number} has an entry outside of it")
        low, high, node_flags, key_size = NODE.unpack_from(page, place)
        start = place + NODE.size + key_size
        if not leaf:
            if start > page_size:
                raise ValueError(f"page {number} has a key that leads out of it")
            yield low | high << 16 | node_flags << 32
            continue
        length = low | high << 16
        if node_flags & ~BIG_DATA or start + (BIG.size if node_flags else length) > page_size:
            raise ValueError(f"page {number} has a value that leads out of it")
        if node_flags:
            (first,) = BIG.unpack_from(page, start)
            pages = -(-(PAGE.size + length) // page_size)
            if not 1 < first <= last + 1 - pages:
                raise ValueError(f"a value of {length} bytes on page {first} leads out of the file")
