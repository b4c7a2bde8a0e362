"""Meaning of HTTP responses, of S3 as well: status codes, ranges, pages in place of files."""

from __future__ import annotations

import html
import re
import socket
import ssl
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import time
from typing import Any

from sciml_datasets.fetch.sources.remote import (
    ChangedError,
    NoRangesError,
    RefusedError,
    SourceError,
    TransientError,
    UnreachableError,
)

TRANSIENT = {408, 425, 429}
"""Status codes below 500 after which another attempt makes sense: RFC 9110 section 15.5.9, RFC 8470, RFC 6585."""
CHANGED = {412, 416}
LONGEST_RETRY_AFTER = 120.0
CERTIFICATE = (
    "correct the address or the clock of this machine, or name the file of your site's certificates in SSL_CERT_FILE, "
    "for S3 in AWS_CA_BUNDLE"
)
NAMELESS = "correct the address, or run this where there is a network (compute nodes often have none)"
SILENT = "correct the address, or set HTTPS_PROXY or HTTP_PROXY if only a proxy leads outside"
SIGN_IN = "open the address in a browser, it may want you to sign in"
CLOSED = {
    401: "name credentials, or a source that needs none",
    403: "correct the address, or ask who keeps the source for access",
}
"""Remedies by status code."""
RECEIVED_BYTES = 4 << 20
"""Number of bytes taken from a connection at once."""
SNIFFED = 4096
"""First bytes of a page, in which its title is looked for."""


def status_error(status: int, retry_after: str = "") -> SourceError:
    """The error that a response which is no success stands for."""
    try:
        said = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        said = str(status)
    if status in CHANGED:
        return ChangedError(f"the source answers {said}: the file has changed there")
    if status in TRANSIENT or status >= 500:
        return TransientError(f"the source answers {said}", _seconds(retry_after))
    return RefusedError(f"the source answers {said}", remedy=CLOSED.get(status, ""))


def _seconds(retry_after: str) -> float:
    """Seconds of a Retry-After header: a number or a date (RFC 9110 section 10.2.3)."""
    if retry_after.isdecimal():
        return min(float(retry_after), LONGEST_RETRY_AFTER)
    try:
        return min(max(parsedate_to_datetime(retry_after).timestamp() - time(), 0.0), LONGEST_RETRY_AFTER)
    except (ValueError, OverflowError):
        return 0.0


def check_range(status: int, content_range: str, start: int, end: int, size: int | None) -> None:
    """Make sure that the response to a request for ``start`` to ``end`` brings exactly that range.

    Raises:
        NoRangesError: it brings the whole file instead.
        ChangedError: the file has another size now.
        TransientError: it brings another range.
    """
    if status != HTTPStatus.PARTIAL_CONTENT:
        if start == 0 and end == size:
            return
        raise NoRangesError("the source gives whole files only")
    match = re.fullmatch(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", content_range)
    if not match:
        raise NoRangesError(f"the source does not say which range it gives ({content_range or 'no Content-Range'})")
    if size is not None and match[3] not in ("*", str(size)):
        raise ChangedError(f"the file has {match[3]} bytes now, {size} before")
    if int(match[1]) != start or int(match[2]) != end - 1:
        raise TransientError(f"the source gives bytes {match[1]}-{match[2]}, asked for {start}-{end - 1}")


class PageError(RefusedError):
    """A web page came in place of a file.

    Attributes:
        title: title of the page, as a clause; "" if it has none.
    """

    def __init__(self, title: str) -> None:
        super().__init__(f"the source sends a web page{title} in place of the file", remedy=SIGN_IN)
        self.title = title


def is_page(content_type: str) -> bool:
    """Whether a server declares its response to be a web page."""
    return content_type.partition(";")[0].strip().lower() in ("text/html", "application/xhtml+xml")


def title_of(page: bytes) -> str:
    """The title of a web page as a clause; "" if its first bytes have none."""
    title = re.search(r"<title[^>]*>(.*?)</title>", page.decode("utf-8", "replace"), re.IGNORECASE | re.DOTALL)
    return f' titled "{" ".join(html.unescape(title[1]).split())[:80]}"' if title else ""


def page_error(first: bytes) -> RefusedError | None:
    """The error that says so, where a web page or an S3 error document came in place of a file.

    Args:
        first: the first bytes of the body.
    """
    text = first[:SNIFFED].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if text[:200].lower().startswith(("<!doctype html", "<html")):
        return PageError(title_of(first[:SNIFFED]))
    if text.startswith("<?xml") and "<error>" in text.lower():
        code = re.search(r"<Code>(.*?)</Code>", text)
        return RefusedError(f"the source sends an error document ({code[1] if code else 'no code'}), not the file")
    return None


def take_more_at_once(response: Any) -> None:
    """Let the connection of a response of aiohttp take more at once from the system, where it takes 256 KiB.

    From a local server this saved a tenth of all CPU time.
    """
    transport: Any = response.connection.transport if response.connection else None
    if hasattr(transport, "max_size"):  # of asyncio's own transports
        transport.max_size = RECEIVED_BYTES


def broken(error: BaseException) -> SourceError:
    """The error that an exception of a connection stands for.

    Each library has exceptions of its own, so names of classes and the causes behind them decide.
    """
    causes = list(causes_of(error))
    if ours := next((cause for cause in causes if isinstance(cause, SourceError)), None):
        return ours
    details: list[tuple[Any, Any]] = [(getattr(c, "host", ""), getattr(c, "verify_message", "")) for c in causes]
    host = next((host for host, _ in details if host), "the source")
    if unverified := next((message for _, message in details if message), ""):
        return RefusedError(f"the certificate of {host} is not accepted ({unverified})", remedy=CERTIFICATE)
    for cause in causes:
        if isinstance(cause, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(cause):
            return RefusedError(f"{host} does not speak TLS there", remedy="correct the port, or write http://")
        if isinstance(cause, socket.gaierror):
            return UnreachableError(f"the name {host} cannot be looked up ({cause.strerror})", remedy=NAMELESS)
        if isinstance(cause, ConnectionRefusedError):
            return UnreachableError(f"nobody answers at {host}, the connection was refused", remedy=SILENT)
    names = {type(cause).__name__ for cause in causes}
    if names & {"ConnectionTimeoutError", "ConnectTimeoutError"}:
        return UnreachableError(f"nobody answers at {host} within the timeout", remedy=SILENT)
    if any(isinstance(cause, TimeoutError) for cause in causes) or any("Timeout" in name for name in names):
        return TransientError("nothing came from the source within the timeout")
    if names & {"ClientPayloadError", "IncompleteReadError", "ServerDisconnectedError", "ConnectionResetError"}:
        return TransientError("the source cut the connection")
    said = " ".join(str(error).split()) or type(error).__name__
    return TransientError(f"the connection to the source failed ({said})")


def causes_of(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and its causes."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
