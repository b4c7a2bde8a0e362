"""Bounds on everything that a source sends: bytes, entries, pages, depth, and time at a least rate.

All are declared here, and stated in ``docs/fetching.md``. They are far above what the largest declared data set needs
(187,156 objects, listed in 188 pages of 0.5 MB), and low enough for a source that never ends to be given up within
minutes and some hundred megabytes of memory.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sciml_datasets.fetch.sources.remote import ExceededError, TransientError

SLOWEST = 1024
"""Bytes a second, over the timeout, below which a connection counts as stalled."""
RESPONSE_TIMEOUTS = 2.0
"""Timeouts within which a response begins, with the connection, redirects and all headers."""
LISTING_TIMEOUTS = 60.0
"""Timeouts that the listing of a source may take, and a file whose end nobody tells."""
SIZES_A_SECOND = 1.0
"""Number of files a second whose sizes a source tells at least, where its listing has none."""
FIELD_BYTES = 8190
"""Number of bytes of a header field; aiohttp takes 128 fields."""
REDIRECTS = 10
PAGE_BYTES = 64 << 20
"""Number of bytes of the page of a folder: a link takes about 200."""
DOCUMENT_BYTES = 4 << 20
"""Number of bytes of an XML document of S3: 1,000 entries with the longest keys, quoted, take 3.5 MB."""
LIST_BYTES = 32 << 20
"""Number of bytes of the list of checksums that a mirror may carry: a line has about 150."""
MOST_PAGES = 4096
MOST_FILES = 500_000
NAMES_BYTES = 256 << 20
"""Number of characters of all names of a listing."""
DEEPEST = 32
"""Number of folders that a file may lie in."""
UNSIZED_BYTES = 2 << 30
"""Number of bytes of a file whose size neither its source nor a list of checksums tells."""
UNSIZED_SHARE = 0.5
"""Share of the free bytes that such files may fill, all together."""
LOST_FILES = 16
"""Number of files in a row that do not come, for want of responses, before a source is given up."""


@dataclass
class Listing:
    """The pages and entries that a source has listed so far.

    Attributes:
        pages: number of pages.
        files: number of files.
        characters: number of characters of their names.
    """

    pages: int = 0
    files: int = 0
    characters: int = 0

    def turn(self) -> None:
        """Count a page; ExceededError if it is one too many."""
        self.pages += 1
        if self.pages > MOST_PAGES:
            raise ExceededError(f"its listing has more than {MOST_PAGES:,} pages")

    def add(self, name: str) -> None:
        """Count a file; ExceededError if it is one too many, or the names are too long together."""
        self.files += 1
        self.characters += len(name)
        if self.files > MOST_FILES:
            raise ExceededError(f"it lists more than {MOST_FILES:,} files")
        if self.characters > NAMES_BYTES:
            raise ExceededError(f"the names that it lists have more than {NAMES_BYTES:,} characters")


def unsized_bytes(free: int, connections: int) -> int:
    """The largest number of bytes of a file without a size.

    Args:
        free: free bytes of the disk.
        connections: number of such files that may come at a time.
    """
    return min(UNSIZED_BYTES, int(UNSIZED_SHARE * free / connections))


async def fast_enough(stream: AsyncIterator[bytes], timeout: float) -> AsyncIterator[bytes]:
    """The chunks of a stream as long as it brings SLOWEST bytes a second over ``timeout`` seconds of waiting.

    Raises:
        TransientError: it does not.
    """
    waited, size = 0.0, 0
    while True:
        began = time.monotonic()
        chunk = await anext(stream, None)
        if chunk is None:
            return
        waited, size = waited + time.monotonic() - began, size + len(chunk)
        if waited > timeout:
            if size < SLOWEST * waited:
                raise TransientError(f"the source sent {size} bytes in {waited:.0f} s")
            waited, size = 0.0, 0
        yield chunk


async def whole_body(stream: AsyncIterator[bytes], most: int, what: str, timeout: float) -> bytes:
    """The bytes of a body that is kept in memory.

    Args:
        stream: its chunks.
        most: largest number of bytes.
        what: the body, for the message.
        timeout: as in `fast_enough`.

    Raises:
        ExceededError: it is larger.
        TransientError: it comes too slowly.
    """
    body = bytearray()
    async for chunk in fast_enough(stream, timeout):
        body += chunk
        if len(body) > most:
            raise ExceededError(f"{what} is longer than {most:,} bytes")
    return bytes(body)
