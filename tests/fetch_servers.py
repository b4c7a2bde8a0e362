"""Real servers on 127.0.0.1 to fetch from: HTTP with ranges, S3 (moto), and a proxy that breaks things on purpose."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

HOST, DAY = "127.0.0.1", timedelta(days=1)
BUCKET, PREFIX = "sciml-datasets", "es/cloud_slstr_ds1"
LARGE, SMALL, TINY = "training/S3A_a.hdf", "training/S3A_b.hdf", "inference/S3A_c.hdf"
SIZES = {LARGE: 14_000_000, SMALL: 70_000, TINY: 50_000}
"""Files of a small CloudMask, in bytes."""
PAGE = b"<!DOCTYPE html><html><head><title>Please sign in</title></head><body>...</body></html>"


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def stop(self) -> None:
        self.run(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    async def _cancel_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def http_server(folder: Path, certificate: Path | None = None) -> Iterator[str]:
    """Files of a folder, with ranges, ETags and pages of folders as Apache makes them; its URL.

    Args:
        folder: to be served.
        certificate: path for a certificate that the server signs itself; None for a server without TLS.
    """
    from aiohttp import web

    async def answer(request: web.Request) -> web.StreamResponse:
        path = folder / request.match_info["path"]
        if path.is_file():
            return web.FileResponse(path)
        if not path.is_dir():
            raise web.HTTPNotFound
        names = sorted(entry.name + "/" * entry.is_dir() for entry in path.iterdir())
        links = ["?C=N;O=D", "../", *names]
        text = "".join(f'<tr><td><a href="{link}">{link}</a></td></tr>' for link in links)
        return web.Response(text=f"<html><title>Index of</title><table>{text}</table></html>", content_type="text/html")

    async def start() -> tuple[Any, int]:
        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, HOST, 0, ssl_context=certificate and _tls(certificate))
        await site.start()
        return runner, runner.addresses[0][1]

    loop = Loop()
    runner, port = loop.run(start())
    try:
        yield f"http{'s' if certificate else ''}://{HOST}:{port}"
    finally:
        loop.run(runner.cleanup())
        loop.stop()


def _tls(certificate: Path) -> ssl.SSLContext:
    """A context with a certificate of this host that is made now, self-signed, and written with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + DAY)
    made = builder.add_extension(host, critical=True).sign(key, hashes.SHA256())
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(pem, pkcs8, serialization.NoEncryption())
    certificate.write_bytes(made.public_bytes(pem) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@contextmanager
def s3_server() -> Iterator[str]:
    """An S3 server with a public bucket; its endpoint."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # each request
    server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def s3_client(endpoint: str) -> Any:
    """A client that may write."""
    import boto3

    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)


def write_mirror(folder: Path, sizes: dict[str, int], seed: int = 0) -> Path:
    """Files of random bytes, by name; the folder."""
    generator = random.Random(seed)
    for name, size in sizes.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(generator.randbytes(size))
    return folder


def upload(endpoint: str, folder: Path, prefix: str) -> None:
    """Put the files of a folder into the bucket, each in one part."""
    client = s3_client(endpoint)
    client.create_bucket(Bucket=BUCKET)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        key = f"{prefix}/{path.relative_to(folder).as_posix()}"
        client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes(), ACL="public-read")


@dataclass(frozen=True)
class Fault:
    """A change that the proxy makes to an answer.

    Attributes:
        kind: pass, cut, corrupt, stall, trickle, status, page, whole (ranges are ignored) or unsized (no size is sent).
        at: byte of the body at which it begins.
        status: for ``status``.
        body: for ``status``.
    """

    kind: str = "pass"
    at: int = 0
    status: int = 503
    body: bytes = b""


@dataclass
class Request:
    """The request of a client."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Proxy:
    """Forwards to a server and breaks answers as ``decide`` says.

    Attributes:
        upstream: URL of the server.
        decide: the fault for a request.
        requests: all that came.
        delay: seconds for every 64 KiB of a body.
    """

    upstream: str
    decide: Callable[[Request], Fault]
    requests: list[Request] = field(default_factory=list)
    delay: float = 0.0
    url: str = ""
    _tasks: set[Any] = field(default_factory=set)

    async def start(self) -> Any:
        server = await asyncio.start_server(self._serve, HOST, 0)
        self.url = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())  # asyncio itself holds tasks weakly
        upstream: asyncio.StreamWriter | None = None
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
            request = Request(method, path, {name.lower(): value for name, value in headers.items()})
            self.requests.append(request)
            fault = self.decide(request)
            host, _, port = self.upstream.removeprefix("http://").partition(":")
            source, upstream = await asyncio.open_connection(host, int(port))
            dropped = {"connection", *(["range"] if fault.kind == "whole" else [])}
            lines = [f"{name}: {value}" for name, value in headers.items() if name.lower() not in dropped]
            upstream.write("\r\n".join([head[0], *lines, "Connection: close", "", ""]).encode("latin-1"))
            upstream.write(await reader.readexactly(int(request.headers.get("content-length", 0))))
            await self._relay(source, writer, fault, body=method != "HEAD")
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # the client has gone, or the test is over
        finally:
            for stream in (upstream, writer):
                if stream is not None:
                    stream.transport.abort()

    async def _relay(
        self, source: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault, *, body: bool
    ) -> None:
        head = (await source.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
        if fault.kind == "status":
            answer = f"HTTP/1.1 {fault.status} Broken\r\nContent-Length: {len(fault.body)}\r\nConnection: close\r\n\r\n"
            return await self._finish(writer, answer.encode() + (fault.body if body else b""))
        if fault.kind == "page":
            answer = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(PAGE)}\r\n\r\n"
            return await self._finish(writer, answer.encode() + (PAGE if body else b""))
        hidden = {"connection", "keep-alive"}
        if fault.kind == "unsized":
            hidden |= {"content-length", "accept-ranges"}
        lines = [line for line in head if line.partition(":")[0].lower() not in hidden]
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
        sent = 0
        while body and (chunk := await source.read(1 << 16)):
            inside = fault.at - sent
            if fault.kind == "corrupt" and 0 <= inside < len(chunk):
                chunk = chunk[:inside] + bytes([chunk[inside] ^ 1]) + chunk[inside + 1 :]
            if fault.kind in ("cut", "stall", "trickle") and inside < len(chunk):
                writer.write(chunk[: max(inside, 0)])
                await writer.drain()
                if fault.kind == "cut":
                    return None
                for byte in chunk[max(inside, 0) :]:
                    await asyncio.sleep(3600 if fault.kind == "stall" else 0.05)
                    writer.write(bytes([byte]))
                    await writer.drain()
            else:
                writer.write(chunk)
                await writer.drain()
            sent += len(chunk)
            if self.delay:
                await asyncio.sleep(self.delay)
        return await self._finish(writer, b"")

    async def _finish(self, writer: asyncio.StreamWriter, last: bytes) -> None:
        writer.write(last)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@contextmanager
def proxy(upstream: str, decide: Callable[[Request], Fault], delay: float = 0.0) -> Iterator[Proxy]:
    """A proxy in front of a server."""
    loop = Loop()
    made = Proxy(upstream, decide, delay=delay)
    server = loop.run(made.start())
    try:
        yield made
    finally:
        loop.run(_close(server))
        loop.stop()


async def _close(server: Any) -> None:
    server.close()
