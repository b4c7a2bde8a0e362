"""Whether a file is the expected one: by SHA-256 where that is known, else by what S3's ETag says of the content.

A file that is not is kept under another name.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType

from sciml_datasets.errors import naming
from sciml_datasets.fetch.sources.remote import RefusedError, RemoteFile, SourceError
from sciml_datasets.fetch.sources.server_text import LONGEST_TAG, is_writable
from sciml_datasets.files.checksums import Checksum
from sciml_datasets.files.regular_files import is_there
from sciml_datasets.paths import LONGEST_NAME

MEBIBYTE = 1 << 20
READ_BYTES = 1 << 20
LET_GO_BYTES = 16 << 20
"""Number of bytes hashed between two hints to the system that they may leave its memory."""
MOST_CANDIDATES = 8
"""Number of part sizes that are tried for an ETag of an upload in parts."""
MISMATCH = ".mismatch"
"""Ending of the name of a file that is kept aside."""


class MismatchError(SourceError):
    """A file is not what it should be.

    Attributes:
        found: the actual value.
    """

    def __init__(self, message: str, found: str) -> None:
        super().__init__(message)
        self.found = found


class Hashes:
    """SHA-256 of a file as it grows, and the MD5 where an ETag is one.

    What comes in order is hashed while it is in memory, the rest is read again. What has been hashed is sent to disk,
    and its memory given back to the system.

    Attributes:
        at: bytes that are hashed.
    """

    def __init__(self, path: Path, etag: str = "") -> None:
        self.at = 0
        self._path = path
        self._etag = etag
        self._descriptor = os.open(path, os.O_RDONLY)
        self._let = 0
        self._lock = threading.Lock()
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if is_md5(etag) else None

    def take(self, start: int, chunks: Iterable[bytes]) -> None:
        """Hash what was just written, if it follows what is hashed and nobody is hashing; else `follow` will."""
        if self._lock.acquire(blocking=False):
            try:
                if start == self.at:
                    for chunk in chunks:
                        self._update(chunk)
                    self._let_go()
            finally:
                self._lock.release()

    def follow(self, end: int) -> None:
        """Hash up to ``end``, or up to the end of the file if that comes first."""
        with self._lock, naming(self._path):
            block = bytearray(min(READ_BYTES, max(end - self.at, 1)))
            while self.at < end and (count := os.preadv(self._descriptor, [block], self.at)):
                self._update(memoryview(block)[: min(count, end - self.at)])
            self._let_go()

    def _update(self, data: bytes | memoryview) -> None:
        self._sha256.update(data)
        if self._md5:
            self._md5.update(data)
        self.at += len(data)

    def _let_go(self) -> None:
        if hasattr(os, "posix_fadvise") and self.at - self._let >= LET_GO_BYTES:
            # Of what is not on disk yet, Linux begins to write it.
            with suppress(OSError):  # it is a hint, which a file system need not take
                os.posix_fadvise(self._descriptor, 0, self.at, os.POSIX_FADV_DONTNEED)
            self._let = self.at

    def size(self) -> int:
        """Number of bytes of the file."""
        with naming(self._path):
            return os.fstat(self._descriptor).st_size

    def finish(self) -> tuple[str, str]:
        """Hash the rest; the SHA-256, and the ETag that S3 would give, hexadecimal.

        The latter is that of the source if it fits, "" if that says nothing of the content, else the one that would
        fit.
        """
        self.follow(self.size())
        if self._md5:
            return self._sha256.hexdigest(), self._md5.hexdigest()
        return self._sha256.hexdigest(), self._etag if _fits_in_parts(self._descriptor, self._etag) else ""

    def __enter__(self) -> Hashes:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        with naming(self._path):
            os.close(self._descriptor)


def expected_sha256(file: RemoteFile, known: Checksum | None) -> str:
    """The known checksum of a file, else the one that its source states; "" at first sight."""
    return known.sha256 if known else file.sha256


def agree(file: RemoteFile, known: Checksum | None) -> None:
    """Make sure, before anything comes, that a source has the file that is known, and a tag that can be written.

    Raises:
        RefusedError: it has another one, or a tag that no list of checksums and no journal can hold.
    """
    if len(file.tag) > LONGEST_TAG or not is_writable(file.tag):
        raise RefusedError(f"its tag {file.tag[:40]!r} is longer than {LONGEST_TAG} or holds a control character")
    if known is None:
        return
    if None not in (known.size, file.size) and known.size != file.size:
        raise RefusedError(f"the source has {file.size} bytes, expected {known.size}")
    if is_md5(known.etag) and is_md5(file.etag) and known.etag != file.etag:
        raise RefusedError(f"the source has the ETag {file.etag}, expected {known.etag}")
    if file.sha256 and file.sha256 != known.sha256:
        raise RefusedError(f"the source lists the SHA-256 {file.sha256}, expected {known.sha256}")


def judge(hashes: Hashes, file: RemoteFile, known: Checksum | None) -> Checksum:
    """The checksum of a file that has come.

    Raises:
        MismatchError: it is not what it should be; says what was expected and found.
    """
    size, expected = hashes.size(), expected_sha256(file, known)
    if file.size is not None and size != file.size:
        raise MismatchError(f"it has {size} bytes, expected {file.size}", f"{size} bytes")
    sha256, etag = hashes.finish()
    if expected and sha256 != expected:
        raise MismatchError(f"its SHA-256 is {sha256}, expected {expected}", sha256)
    if etag and etag != file.etag:
        raise MismatchError(f"its MD5 is {etag}, expected {file.etag} by the ETag", etag)
    return Checksum(sha256, size, file.etag)


def set_aside(path: Path, final: Path) -> Path:
    """Rename a file that is not the expected one.

    Args:
        path: path of the file.
        final: the name that it was fetched for.

    Returns:
        its new name, beside ``final``: one that no reader takes for a raw file, and that nothing else has.
    """
    shortened = final.name.encode()[: LONGEST_NAME - len(f".999{MISMATCH}")].decode("utf-8", "ignore")
    final.parent.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        aside = final.with_name(f"{shortened}{'' if number == 1 else f'.{number}'}{MISMATCH}")
        if not is_there(aside) or (aside.is_file() and filecmp.cmp(path, aside, shallow=False)):
            break
    path.replace(aside)
    return aside


def is_md5(etag: str) -> bool:
    """Whether an ETag of S3 is the MD5 of the content: of an object that was uploaded in one part."""
    return len(etag) == 32 and not set(etag) - set("0123456789abcdef")


def _fits_in_parts(descriptor: int, etag: str) -> bool:
    """Whether an ETag is that of an upload in parts of whole mebibytes: the MD5 of their MD5s, a dash, their number."""
    digest, _, number = etag.partition("-")
    if not is_md5(digest) or not number.isdecimal() or int(number) < 1:
        return False
    size, count = os.fstat(descriptor).st_size, int(number)
    smallest = -(-size // count)
    largest = (size - 1) // (count - 1) if count > 1 else smallest + MEBIBYTE
    candidates = range(max(-(-smallest // MEBIBYTE), 1), largest // MEBIBYTE + 1)
    return any(_etag_in_parts(descriptor, mebibytes) == etag for mebibytes in candidates[:MOST_CANDIDATES])


def _etag_in_parts(descriptor: int, mebibytes: int) -> str:
    whole, part, count = hashlib.md5(usedforsecurity=False), hashlib.md5(usedforsecurity=False), 0
    while block := os.pread(descriptor, MEBIBYTE, count * MEBIBYTE):
        part.update(block)
        count += 1
        if count % mebibytes == 0:
            whole.update(part.digest())
            part = hashlib.md5(usedforsecurity=False)
    if count % mebibytes:
        whole.update(part.digest())
    return f"{whole.hexdigest()}-{-(-count // mebibytes)}"
