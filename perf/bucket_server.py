"""A server of objects of S3 that costs little: the files of a folder, by sendfile(2), with writing and removing.

It answers at once and as fast as it can, or like a store behind a network: after a latency, and no faster than a rate
on a connection, in both directions. moto, the server of the tests, reads an object whole for each part of it that is
asked for, so that it is slower the larger objects are.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

PIECE = 1 << 18
"""Number of bytes between two waits."""
PART = 8 << 20
"""Number of bytes of a part of an upload, but for the last one."""
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}


@contextmanager
def server(folder: Path, latency: float = 0.0, rate: float = 0.0) -> Iterator[str]:
    """A server of the buckets in a folder, in a process of its own; its endpoint.

    Args:
        folder: folder of buckets, which are folders; it also has the objects that are written, on the same file system.
        latency: seconds before each answer.
        rate: MB/s of a connection; 0 for as fast as it goes.
    """
    command = [sys.executable, __file__, str(folder), str(latency), str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def serve(folder: Path, latency: float, rate: float) -> None:
    """Serve until the process is ended."""
    handler = type("Handler", (Objects,), {"folder": folder, "latency": latency, "rate": rate})
    made = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    print(f"http://127.0.0.1:{made.server_port}", flush=True)
    made.serve_forever()


class Objects(BaseHTTPRequestHandler):
    """Files of a folder as objects of S3: parts, headers, conditional writes and listings of one page."""

    folder: Path
    latency = rate = 0.0
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Else the end of an answer waits for the client to acknowledge its beginning, for 40 ms."""

    def log_message(self, *_: Any) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """Answer a request for an object, for a part of one, or for a listing."""
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self._send(200, self._listing(query.get("prefix", [""])[0]).encode())
        elif not self._path.is_file():
            self._send(404, b"<Error><Code>NoSuchKey</Code></Error>")
        elif self.headers.get("If-Match", _tag(self._path)) != _tag(self._path):
            self._send(412)
        else:
            self._send_file()

    def do_HEAD(self) -> None:
        """Answer without content."""
        self.do_GET()

    def do_PUT(self) -> None:
        """Write an object, unless there is one and the request has a condition, or a part of an upload."""
        query = parse_qs(urlsplit(self.path).query)
        if "uploadId" in query:
            with (self.folder / query["uploadId"][0]).open("r+b") as file:
                file.seek((int(query["partNumber"][0]) - 1) * PART)
                self._receive(file)
            self._send(200, b"", {"ETag": '"part"'})
            return
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
            self._receive(file)
        self._finish(Path(file.name))

    def _receive(self, file: Any) -> None:
        left = int(self.headers["Content-Length"])
        while left:
            piece = self.rfile.read(min(left, PIECE))
            left -= file.write(piece)
            self._wait_for(len(piece))

    def _finish(self, file: Path) -> None:
        """Give what was written its name, and answer."""
        path = self._path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            (os.link if self.headers.get("If-None-Match") == "*" else os.replace)(file, path)
        except FileExistsError:
            self._send(412)
            return
        finally:
            file.unlink(missing_ok=True)
        tag = _tag(path)
        done = f"<CompleteMultipartUploadResult><ETag>{escape(tag)}</ETag></CompleteMultipartUploadResult>"
        self._send(200, done.encode() if self.command == "POST" else b"", {"ETag": tag})

    def do_POST(self) -> None:
        """Begin an upload in parts, end one, or remove the objects that a request lists."""
        wanted = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if "uploads" in query:
            with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
                name = Path(file.name).name
            answer = f"<InitiateMultipartUploadResult><UploadId>{name}</UploadId></InitiateMultipartUploadResult>"
            self._send(200, answer.encode())
            return
        if "uploadId" in query:
            self._finish(self.folder / query["uploadId"][0])
            return
        names = re.findall("<Key>(.*?)</Key>", wanted)
        for name in names:
            (self._path / unescape(name)).unlink(missing_ok=True)
        found = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in names)
        self._send(200, f"<DeleteResult>{found}</DeleteResult>".encode())

    @property
    def _path(self) -> Path:
        return self.folder / unquote(urlsplit(self.path).path).strip("/")

    def _send_file(self) -> None:
        path = self._path
        size = path.stat().st_size
        start, end, status = 0, size, 200
        headers = {"ETag": _tag(path), "Last-Modified": self.date_time_string(0)}
        if wanted := self.headers.get("Range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, end, status = int(first), min(int(last) + 1, size), 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        self._start(status, end - start, headers)
        if self.command == "GET":
            step = PIECE if self.rate else end - start
            with path.open("rb") as file:
                for at in range(start, end, step):
                    self.connection.sendfile(file, at, min(step, end - at))
                    self._wait_for(step)

    def _send(self, status: int, content: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self._start(status, len(content), headers or {})
        if self.command != "HEAD":
            self.wfile.write(content)

    def _start(self, status: int, length: int, headers: dict[str, str]) -> None:
        time.sleep(self.latency)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()

    def _wait_for(self, count: int) -> None:
        """Wait as long as so many bytes take."""
        if self.rate:
            time.sleep(count / 1e6 / self.rate)

    def _listing(self, prefix: str) -> str:
        bucket = self._path
        rows = "".join(
            f"<Contents><Key>{escape(path.relative_to(bucket).as_posix())}</Key><Size>{path.stat().st_size}</Size>"
            f"<LastModified>2026-01-01T00:00:00Z</LastModified><ETag>{escape(_tag(path))}</ETag></Contents>"
            for path in sorted(bucket.rglob("*"))
            if path.is_file() and path.relative_to(bucket).as_posix().startswith(prefix)
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"


def _tag(path: Path) -> str:
    return f'"{path.stat().st_mtime_ns:x}"'


if __name__ == "__main__":
    serve(Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
