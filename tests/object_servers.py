"""Servers on 127.0.0.1 whose answers a function gives: right ones of one content, or wrong ones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body of an answer."""


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
