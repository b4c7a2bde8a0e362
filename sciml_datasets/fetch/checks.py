"""Is a file what it should be? SHA-256 where it is known, else what S3's ETag tells of the content."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

MEBIBYTE = 1 << 20
READ_BYTES = 1 << 20
MOST_CANDIDATES = 8
"""Part sizes that are tried for an ETag of an upload in parts."""


def hashes_of(path: Path, etag: str = "") -> tuple[str, str]:
    """The SHA-256 of a file, and the ETag that S3 would give it, hexadecimal.

    Args:
        path: of the file; what the system keeps of it in memory is given back.
        etag: what S3 says; "" to compute none.

    Returns:
        The SHA-256; ``etag`` if it fits the content, "" if it says nothing of it, else the one that would fit.
    """
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    plain = is_md5(etag)
    block = bytearray(READ_BYTES)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            view = memoryview(block)[:count]
            sha256.update(view)
            if plain:
                md5.update(view)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if plain:
        return sha256.hexdigest(), md5.hexdigest()
    return sha256.hexdigest(), etag if _fits_in_parts(path, etag) else ""


def is_md5(etag: str) -> bool:
    """Whether an ETag of S3 is the MD5 of the content: of an object that was uploaded in one part."""
    return len(etag) == 32 and not set(etag) - set("0123456789abcdef")


def _fits_in_parts(path: Path, etag: str) -> bool:
    """Whether an ETag is that of an upload in parts of whole mebibytes: the MD5 of their MD5s, a dash, their number."""
    digest, _, number = etag.partition("-")
    if not is_md5(digest) or not number.isdecimal() or int(number) < 1:
        return False
    size, count = path.stat().st_size, int(number)
    smallest = -(-size // count)
    largest = (size - 1) // (count - 1) if count > 1 else smallest + MEBIBYTE
    candidates = range(max(-(-smallest // MEBIBYTE), 1), largest // MEBIBYTE + 1)
    return any(_etag_in_parts(path, mebibytes) == etag for mebibytes in candidates[:MOST_CANDIDATES])


def _etag_in_parts(path: Path, mebibytes: int) -> str:
    whole, part, count = hashlib.md5(usedforsecurity=False), hashlib.md5(usedforsecurity=False), 0
    with path.open("rb") as file:
        while block := file.read(MEBIBYTE):
            part.update(block)
            count += 1
            if count % mebibytes == 0:
                whole.update(part.digest())
                part = hashlib.md5(usedforsecurity=False)
    if count % mebibytes:
        whole.update(part.digest())
    return f"{whole.hexdigest()}-{-(-count // mebibytes)}"
