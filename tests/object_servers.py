"""Stores of objects on 127.0.0.1: an S3 server with prepared data, and servers that answer everything wrongly."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fetch_servers

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body of an answer."""


def environment(endpoint: str, cache: Path, **more: str) -> dict[str, str]:
    """Variables with which a process reads S3 at this endpoint, through this cache."""
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    return keys | {"AWS_ENDPOINT_URL": endpoint, "SCIML_CACHE_DIR": str(cache)} | more


def put(endpoint: str, bucket: str, folder: Path, prefix: str = "data") -> str:
    """Put the files of a folder into a new bucket; the URL."""
    client = fetch_servers.s3_client(endpoint)
    client.create_bucket(Bucket=bucket)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        client.put_object(Bucket=bucket, Key=f"{prefix}/{path.relative_to(folder).as_posix()}", Body=path.read_bytes())
    return f"s3://{bucket}/{prefix}"


@contextmanager
def answering(answer: Callable[[str, str, dict[str, str]], Answer]) -> Iterator[str]:
    """A server whose answer is a function of method, path and headers of a request; its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, body = answer(self.command, self.path, {k.lower(): v for k, v in self.headers.items()})
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_PUT(self) -> None:
            self.do_GET()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def numbers(size: int) -> bytes:
    """Content whose every position can be told from its neighbours."""
    return b"".join(at.to_bytes(4, "little") for at in range(size // 4))


def serving(content: bytes, etag: str = '"one"') -> Callable[[str, str, dict[str, str]], Answer]:
    """The answers of a server that has one content under every name, and gives parts of it."""

    def answer(method: str, path: str, headers: dict[str, str]) -> Answer:
        known = {"ETag": etag, "Last-Modified": "Tue, 01 Dec 2026 09:00:00 GMT"}
        if headers.get("if-match", etag) != etag:
            return 412, {}, b""
        if "range" not in headers:
            return 200, known | {"Content-Length": str(len(content))}, content
        first, last = headers["range"].removeprefix("bytes=").split("-")
        part = content[int(first) : int(last) + 1]
        where = f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"
        return 206, known | {"Content-Range": where}, part

    return answer


def kept_environment(variables: dict[str, str]) -> dict[str, str]:
    """The environment of this process with some variables."""
    return {**os.environ, **variables}
