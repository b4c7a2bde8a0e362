"""A publisher on this machine that sends an attack in place of some responses, by HTTP or as S3."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import md5, sha256
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote

from fetch_servers import BUCKET, HOST, PREFIX, Loop, _tls

NAMES = ("training/S3A_a.hdf", "training/S3A_b.hdf", "inference/S3A_c.hdf")
FILES = {name: sha256(name.encode()).digest() * 160 for name in NAMES}
"""Files of 5,120 bytes."""


@dataclass(frozen=True)
class Request:
    """The request of a client: its method, the path without leading slash and prefix, and its query."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


Answer = Callable[[Request], AsyncIterator[bytes]]


@dataclass(frozen=True)
class Attack:
    """An attack: what is sent to which requests.

    Attributes:
        name: name of the row.
        kind: http or s3.
        where: list, look (HEAD), body (GET of a file), data (both), a glob pattern of paths, or any.
        answer: what is sent.
        source: URL of the source, with PORT in place of the port.
        secure: the server speaks TLS.
    """

    name: str
    kind: str
    where: str
    answer: Answer
    source: str = ""
    secure: bool = False


def head(status: int = 200, *headers: str, size: int | None = None) -> bytes:
    """The start of a response."""
    lines = [f"HTTP/1.1 {status} Answer", *headers, *([] if size is None else [f"Content-Length: {size}"])]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("utf-8", "surrogateescape")


def plain(body: bytes, *headers: str, status: int = 200) -> bytes:
    return head(status, *headers, size=len(body)) + body


def send(*parts: bytes) -> Answer:
    """Send these bytes, and end."""

    async def answer(_: Request) -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    return answer


def forever(start: bytes, again: bytes, seconds: float = 0.0) -> Answer:
    """Send the first bytes, then the others again and again."""

    async def answer(_: Request) -> AsyncIterator[bytes]:
        yield start
        while True:
            yield again
            await asyncio.sleep(seconds)

    return answer


def counted(start: bytes, again: Callable[[int], bytes]) -> Answer:
    """Send the first bytes, then others by their number, without end."""

    async def answer(_: Request) -> AsyncIterator[bytes]:
        yield start
        number = 0
        while True:
            number += 1
            yield again(number)

    return answer


def unsized(again: bytes) -> Answer:
    """Send a file without its size, whose bytes have no end."""

    async def answer(request: Request) -> AsyncIterator[bytes]:
        yield head(200, "Transfer-Encoding: chunked", f'ETag: "{md5(FILES[request.path]).hexdigest()}"')
        while request.method == "GET":
            yield again

    return answer


def computed(work: Callable[[Request], bytes]) -> Answer:
    async def answer(request: Request) -> AsyncIterator[bytes]:
        yield work(request)

    return answer


def honest(request: Request, *headers: str, size: int | None = None, length: bool = True) -> bytes:
    """The response to a request for a file, with the fields that are given instead."""
    body = FILES.get(request.path)
    if body is None:
        return plain(b"", status=404)
    tag = () if any(field.lower().startswith("etag:") for field in headers) else (f'ETag: "{md5(body).hexdigest()}"',)
    asked = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
    status, part = 200, body
    if asked:
        status, part = 206, body[int(asked[1]) : int(asked[2]) + 1]
        headers = (*headers, f"Content-Range: bytes {asked[1]}-{asked[2]}/{len(body)}")
    said = (len(part) if size is None else size) if length else None
    return head(status, *tag, *headers, size=said) + (b"" if request.method == "HEAD" else part)


HTML = "Content-Type: text/html"
XML = "Content-Type: application/xml"


def page(*links: str) -> bytes:
    """A page of a folder with links beside those of the mirror."""
    rows = "".join(f'<a href="{link}">{link}</a>\n' for link in (*NAMES, *links))
    return plain(f"<html><title>Index of</title>{rows}</html>".encode("utf-8", "surrogateescape"), HTML)


def entry(key: str, size: object = 5120, tag: str | None = None, raw: bool = False) -> str:
    """The entry of an object in a listing of S3; keys are quoted as with ``encoding-type=url``, tags never."""
    body = FILES.get(key, b"")
    tag = f"&quot;{md5(body).hexdigest()}&quot;" if tag is None else tag
    name = key if raw else quote(f"{PREFIX}/{key}")
    return f"<Contents><Key>{name}</Key><Size>{size}</Size><ETag>{tag}</ETag></Contents>"


def listing(*entries: str, own: bool = True, token: str = "", more: str = "") -> bytes:
    """A page of a listing of S3."""
    every = "".join([*(entry(name) for name in NAMES if own), *entries])
    rest = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    text = (
        f'<?xml version="1.0"?>{more}<ListBucketResult><EncodingType>url</EncodingType>{rest}{every}</ListBucketResult>'
    )
    return plain(text.encode(), XML)


def honest_answer(kind: str, request: Request) -> bytes:
    """The response of a publisher without attacks."""
    if is_listing(kind, request):
        return page() if kind == "http" else listing()
    return honest(request)


def is_listing(kind: str, request: Request) -> bool:
    return request.path == "" if kind == "http" else "list-type" in request.query


def meets(attack: Attack, request: Request) -> bool:
    """Whether an attack is sent to a request."""
    lists, file = is_listing(attack.kind, request), request.path in FILES
    kinds = {
        "any": True,
        "list": lists,
        "look": file and request.method == "HEAD",
        "body": file and request.method == "GET",
        "data": file,
    }
    return kinds[attack.where] if attack.where in kinds else fnmatchcase(request.path, attack.where)


class Server:
    """A server that sends an attack to the requests that it is meant for; what is honest to others."""

    def __init__(self, attack: Attack) -> None:
        self._attack = attack

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            request = self._request(lines)
            if meets(self._attack, request):
                async for part in self._attack.answer(request):
                    writer.write(part)
                    await writer.drain()
            else:
                writer.write(honest_answer(self._attack.kind, request))
                await writer.drain()
            writer.close()
            await writer.wait_closed()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # the client has gone, or the attack is over
        finally:
            writer.transport.abort()

    def _request(self, lines: list[str]) -> Request:
        method, target, _ = lines[0].split(" ")
        path, _, query = target.partition("?")
        path = unquote(path).removeprefix("/").removeprefix(BUCKET).removeprefix(f"/{PREFIX}/")
        fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        values = {key: value[0] for key, value in parse_qs(query, keep_blank_values=True).items()}
        return Request(method, path, values, {name.lower(): value for name, value in fields.items()})


@contextmanager
def serving(attack: Attack, certificate: Path) -> Iterator[int]:
    """The port of a server of an attack, in a thread."""

    async def start() -> asyncio.Server:
        context = _tls(certificate) if attack.secure else None
        return await asyncio.start_server(Server(attack).serve, HOST, 0, ssl=context)

    async def close() -> None:
        server.close()

    loop = Loop()
    server = loop.run(start())
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.run(close())
        loop.stop()
