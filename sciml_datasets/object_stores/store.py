"""One store: objects below a URL, read whole or in ranges, and listed, several requests in flight.

obstore makes the requests and repeats those that fail for a moment. Every failure that remains is one sentence, an
`InputError`, that begins with the URL. A store can be pickled. In a process that was forked after a store was used, a
new one reads, see `sciml_datasets.object_stores.forked`; the store of the parent cannot be used there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import Any, TypeVar

from sciml_datasets.errors import InputError
from sciml_datasets.object_stores.connections import connection, kind_of
from sciml_datasets.object_stores.failures import changed, sentences
from sciml_datasets.object_stores.forked import is_forked, served_store
from sciml_datasets.object_stores.listing import MOST_LISTED, listing
from sciml_datasets.object_stores.stored_object import StoredObject
from sciml_datasets.object_stores.urls import LOCAL, checked_url

Item = TypeVar("Item")
Result = TypeVar("Result")

IN_FLIGHT = 8
"""Number of requests at a time."""
REQUEST_BYTES = 8 << 20
"""Largest number of bytes of one request for a part of an object."""
DOCUMENT_BYTES = 64 << 20
"""Largest number of bytes of an object that is read whole."""
REFUSED = "status code: 40"
"""Part of errors of the library where a store refuses a request."""


class Store:
    """The objects below a URL; see the module's docstring.

    Attributes:
        url: the URL, without a slash at its end.
        kind: ``s3``, ``gs``, ``az``, ``http`` or ``file``.
        requests: number of requests so far, without those that obstore repeated.
        received, sent: number of bytes of objects so far.

    Args:
        url: URL of a bucket or of a folder in it.
        place: place of the URL for messages, for example ``--data-dir``.
        in_flight: number of requests at a time.

    Raises:
        InputError: the URL names no place, or SCIML_OFFLINE forbids the network.
    """

    def __init__(self, url: str, place: str = "the URL", in_flight: int = IN_FLIGHT) -> None:
        self.url, self.in_flight = checked_url(url, place), in_flight
        self._place = place
        self.kind = kind_of(self.url)
        if self.kind != LOCAL and os.environ.get("SCIML_OFFLINE", "0") not in ("", "0"):
            raise InputError(f"SCIML_OFFLINE forbids the network, which {self.url} needs: unset it, or name a folder")
        self.requests = self.received = self.sent = 0
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._process = os.getpid()
        self._served: Any = served_store(self.url, place, in_flight) if is_forked() else None
        if self._served is None:
            self._store, self._access = connection(self.url)

    def __reduce__(self) -> tuple[Any, ...]:
        """The constructor and its arguments: connections and counts stay in this process."""
        return type(self), (self.url, self._place, self.in_flight)

    def url_of(self, name: str) -> str:
        """The URL of an object, for messages."""
        return f"{self.url}/{name}" if name else self.url

    def head(self, name: str) -> StoredObject:
        """What the store says of an object.

        Raises:
            MissingObjectError: there is none of this name.
            InputError: it cannot be asked for.
        """
        import obstore
        from obstore.exceptions import BaseError

        if self._served is not None:
            described: StoredObject = self._counted(self._served.head(name))
            return described
        with self._request(name):
            try:
                return StoredObject.described(name, obstore.head(self._store, key(name)))
            except FileNotFoundError:
                raise
            except BaseError as error:
                if REFUSED in str(error):  # an answer to HEAD has no body, in which stores say why
                    obstore.get_range(self._store, key(name), start=0, end=1)
                raise

    def get(self, name: str, most: int = DOCUMENT_BYTES, unless: str = "") -> tuple[bytes, StoredObject] | None:
        """The content of a small object, and what the store says of it.

        Args:
            name: its name.
            most: largest number of bytes that it may have.
            unless: ETag of a content that is known; None is returned where the object still has it.

        Raises:
            MissingObjectError: there is none of this name.
            InputError: it has more bytes, or cannot be read.
        """
        import obstore
        from obstore.exceptions import NotModifiedError

        if self._served is not None:
            read: tuple[bytes, StoredObject] | None = self._counted(self._served.get(name, most, unless))
            self._count(received=len(read[0]) if read else 0)
            return read
        with self._request(name):
            try:
                result = obstore.get(self._store, key(name), options={"if_none_match": unless} if unless else {})
            except NotModifiedError:
                return None
            found = StoredObject.described(name, result.meta)
            if found.size > most:
                raise InputError(f"{self.url_of(name)}: it has {found.size:,} bytes, expected at most {most:,}")
            content = bytes(result.bytes())
        self._count(received=len(content))
        return content, found

    def get_range(self, name: str, start: int, end: int, etag: str = "") -> memoryview:
        """Some bytes of an object, by one request.

        Args:
            name: its name.
            start: position of the first byte.
            end: position after the last one.
            etag: tag that the object must still have; "" for any.

        Raises:
            MissingObjectError: there is none of this name.
            ChangedObjectError: it has another tag now.
            InputError: it has fewer bytes, or the store answers no request for a part.
        """
        import obstore

        if self._served is not None:
            part = memoryview(self._counted(self._served.get_range(name, start, end, etag)))
            self._count(received=len(part))
            return part
        options: Any = {"range": (start, end)}
        if etag and not etag.startswith("W/"):  # a weak tag never matches (RFC 9110, 13.1.1)
            options["if_match"] = etag
        with self._request(name):
            result = obstore.get(self._store, key(name), options=options)
            if etag and (result.meta["e_tag"] or etag) != etag:
                raise changed(self.url_of(name))
            content = memoryview(result.bytes())
        if result.range != (start, end) or len(content) != end - start:
            raise InputError(
                f"{self.url_of(name)}: the store sends {len(content):,} bytes of it where {end - start:,} from "
                f"{start:,} are asked for: the object is shorter, or the store wrong"
            )
        self._count(received=len(content))
        return content

    def each(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """The results of ``work`` on each item, by as many threads as there may be requests at a time.

        The first error ends all: what has begun is waited for, the rest is left out. ``work`` must not call it again.
        """
        wanted = list(items)
        if len(wanted) < 2:
            return [work(item) for item in wanted]
        started = [self.start(work, item) for item in wanted]
        try:
            finished, _ = wait(started, return_when=FIRST_EXCEPTION)
            for one in finished:
                one.result()
            return [one.result() for one in started]
        finally:
            for one in started:
                one.cancel()
            wait(started)

    def start(self, work: Callable[[Item], Result], item: Item) -> Future[Result]:
        """The result of ``work`` on an item to come, by one of the threads of `each`."""
        self._check_process()
        with self._lock:
            pool = self._pool = self._pool or ThreadPoolExecutor(self.in_flight, "requests")
        return pool.submit(work, item)

    def listed(self, prefix: str = "", most: int = MOST_LISTED) -> list[StoredObject]:
        """The objects below a folder and its folders, sorted by name.

        Args:
            prefix: name of the folder below the URL; "" for all.
            most: number of objects that are expected at most.

        Raises:
            InputError: it cannot be listed, there are more objects, or the listing never ends.
        """
        where = self.url_of(prefix)
        with sentences(where, self._access):
            return listing(self._store, key(prefix) if prefix else None, where, most, lambda: self._count(requests=1))

    def told(self) -> str:
        """Number of requests and of bytes so far, in words."""
        sent = f", {self.sent / 1e6:,.1f} MB sent" if self.sent else ""
        return f"{self.url}: {self.requests:,} requests, {self.received / 1e6:,.1f} MB received{sent}"

    def _check_process(self) -> None:
        if self._process != os.getpid() or (self._served is None and is_forked()):
            raise InputError(
                f"{self.url}: a process that was forked cannot use the store of its parent: open the URL in it, or "
                "start it with spawn or forkserver"
            )

    def _counted(self, found: Result) -> Result:
        self._count(requests=1)
        return found

    def _request(self, name: str, requests: int = 1) -> Any:
        self._check_process()
        if self._served is not None:
            raise InputError(
                f"{self.url}: a process that was forked after a URL was used can only read: start it with spawn or "
                "forkserver"
            )
        self._count(requests=requests)
        return sentences(self.url_of(name), self._access)

    def _count(self, requests: int = 0, received: int = 0, sent: int = 0) -> None:
        with self._lock:
            self.requests += requests
            self.received += received
            self.sent += sent


def pieces(start: int, end: int, most: int = REQUEST_BYTES) -> list[tuple[int, int]]:
    """A range of bytes in parts of at most ``most`` bytes.

    Example:
        >>> from sciml_datasets.object_stores.store import pieces
        >>> pieces(0, 20, 8)
        [(0, 8), (8, 16), (16, 20)]
    """
    return [(at, min(at + most, end)) for at in range(start, end, most)]


def key(name: str) -> str:
    """The name of an object, as a path below the store."""
    if any(part in ("", ".", "..") for part in name.split("/")):
        raise InputError(f"{name!r} is no name of an object: expected names without . and .. between slashes")
    return name
