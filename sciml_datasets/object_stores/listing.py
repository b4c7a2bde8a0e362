"""Listings of stores, page by page: each page in time, and not without end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.object_stores.connections import whole_answer
from sciml_datasets.object_stores.stored_object import StoredObject

MOST_LISTED = 200_000
"""Largest number of objects of a listing."""
PAGE = 1_000
PAGE_SECONDS = 120.0
"""Time in which a page of a listing must come, or the listing never ends."""


def listing(store: Any, prefix: str | None, url: str, most: int, answered: Callable[[], object]) -> list[StoredObject]:
    """The objects below a folder and its folders, sorted by name.

    Args:
        store: the store as obstore has it.
        prefix: name of the folder; None for all.
        url: URL of the folder, for messages.
        most: number of objects that are expected at most.
        answered: function that is called for each request.

    Raises:
        InputError: there are more objects, or the listing never ends.
    """

    async def pages() -> list[StoredObject]:
        import obstore

        found: dict[str, StoredObject] = {}
        stream = aiter(obstore.list(store, prefix, chunk_size=PAGE))
        came = 0
        while True:
            page = await asyncio.wait_for(anext(stream, None), PAGE_SECONDS)
            if page is None:
                if not came:
                    answered()
                return [found[name] for name in sorted(found)]
            found |= {meta["path"]: StoredObject.described(meta["path"], meta) for meta in page}
            came += len(page)
            answered()
            if came > most:
                raise InputError(
                    f"{url}: its listing has more than {most:,} objects: name the folder that holds the data, or see "
                    "whether the listing of this store ever ends"
                )

    with ThreadPoolExecutor(1) as alone:
        try:
            # A thread of its own, since the caller may run in an event loop, as notebooks do.
            return whole_answer(lambda: alone.submit(asyncio.run, pages()).result())
        except TimeoutError as error:
            raise InputError(
                f"{url}: its listing does not go on for {PAGE_SECONDS:.0f} seconds: the store may be wrong, or the "
                "folder too large: name another one"
            ) from error
