"""What HTTP answers mean, over S3 as well: status codes, ranges, pages in place of files."""

from __future__ import annotations

import html
import re
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import time
from typing import Any

from sciml_datasets.fetch.remote import BLOCK, ChangedError, NoRangesError, RefusedError, SourceError, TransientError

TRANSIENT = {408, 425, 429}
"""Status codes below 500 after which another attempt makes sense: RFC 9110 section 15.5.9, RFC 8470, RFC 6585."""
CHANGED = {412, 416}
LONGEST_RETRY_AFTER = 120.0
SNIFFED = 4096
"""First bytes of a page, in which its title is looked for."""


def status_error(status: int, retry_after: str = "") -> SourceError:
    """What an answer that is no success means."""
    try:
        said = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        said = str(status)
    if status in CHANGED:
        return ChangedError(f"the source answers {said}: the file has changed there")
    if status in TRANSIENT or status >= 500:
        return TransientError(f"the source answers {said}", _seconds(retry_after))
    return RefusedError(f"the source answers {said}")


def _seconds(retry_after: str) -> float:
    """Of a Retry-After header: a number of seconds or a date (RFC 9110 section 10.2.3)."""
    if retry_after.isdecimal():
        return min(float(retry_after), LONGEST_RETRY_AFTER)
    try:
        return min(max(parsedate_to_datetime(retry_after).timestamp() - time(), 0.0), LONGEST_RETRY_AFTER)
    except ValueError:
        return 0.0


def check_range(status: int, content_range: str, start: int, end: int, size: int | None) -> None:
    """Make sure that an answer to a request for ``start`` to ``end`` brings just that.

    Raises:
        NoRangesError: it brings the whole file instead.
        ChangedError: the file has another size now.
        TransientError: it brings another range.
    """
    if status != HTTPStatus.PARTIAL_CONTENT:
        if start == 0 and end == size:
            return
        raise NoRangesError("the source gives whole files only")
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", content_range)
    if not match:
        raise NoRangesError(f"the source does not say which range it gives ({content_range or 'no Content-Range'})")
    if size is not None and match[3] not in ("*", str(size)):
        raise ChangedError(f"the file has {match[3]} bytes now, {size} before")
    if int(match[1]) != start or int(match[2]) != end - 1:
        raise TransientError(f"the source gives bytes {match[1]}-{match[2]}, asked for {start}-{end - 1}")


def page_error(first: bytes, content_type: str = "") -> RefusedError | None:
    """The error that says so, where a web page or an S3 error document came in place of a file.

    Args:
        first: the first bytes of the body.
        content_type: as the server says.
    """
    text = first[:SNIFFED].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    start = text[:200].lower()
    is_page = content_type.partition(";")[0].strip().lower() in ("text/html", "application/xhtml+xml")
    if is_page or start.startswith(("<!doctype html", "<html")):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        named = f' titled "{" ".join(html.unescape(title[1]).split())[:80]}"' if title else ""
        return RefusedError(f"the source sends a web page{named} in place of the file")
    if start.startswith("<?xml") and "<error>" in text.lower():
        code = re.search(r"<Code>(.*?)</Code>", text)
        return RefusedError(f"the source sends an error document ({code[1] if code else 'no code'}), not the file")
    return None


def take_more_at_once(response: Any) -> None:
    """Let the connection of an answer of aiohttp take 1 MiB at once from the system, where it takes 256 KiB.

    From a local server this saved between a twentieth and a sixth of all CPU time.
    """
    transport: Any = response.connection.transport if response.connection else None
    if hasattr(transport, "max_size"):  # of asyncio's own transports
        transport.max_size = BLOCK


def broken(error: BaseException) -> str:
    """What an exception of a connection says, as a clause: names of classes, since each library has its own."""
    name = type(error).__name__
    if isinstance(error, TimeoutError) or "Timeout" in name:
        return "nothing came from the source within the timeout"
    if name in ("ClientPayloadError", "IncompleteReadError", "ServerDisconnectedError", "ConnectionResetError"):
        return "the source cut the connection"
    return f"the connection to the source failed ({error or name})"
