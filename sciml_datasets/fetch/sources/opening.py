"""The source behind a URL, by its protocol.

HTTP and S3 have versions, ranges and status codes and are read without blocking; every other protocol that fsspec knows
is read like a file, by threads.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from sciml_datasets.benchmark import Source
from sciml_datasets.errors import InputError
from sciml_datasets.fetch.sources.fsspec_source import FsspecSource
from sciml_datasets.fetch.sources.http import Http
from sciml_datasets.fetch.sources.remote import ConnectionSettings, Remote
from sciml_datasets.fetch.sources.s3 import S3
from sciml_datasets.fetch.sources.server_text import shown

LOCAL = ("file", "local", "memory")
"""Protocols that need no network."""


def open_remote(source: Source, settings: ConnectionSettings) -> Remote:
    """The source behind a URL; no connection is made yet."""
    protocol = protocol_of(source.url)
    if protocol in ("http", "https"):
        return Http(source, settings)
    return S3(source, settings) if protocol in ("s3", "s3a") else FsspecSource(source, settings)


def check_url(url: str) -> None:
    """Make sure that a URL can be a source, without asking anybody.

    Raises:
        InputError: it names no place, is of a kind that fsspec does not know, or needs a package that is not installed.
    """
    from fsspec import get_filesystem_class

    protocol, rest = protocol_of(url), url.partition("://")[2]
    if not url.strip():
        raise InputError(f"--source {url!r}: expected a URL or a folder")
    if protocol in ("s3", "s3a", "http", "https") and not rest.partition("/")[0]:
        what, example = ("bucket", "BUCKET/FOLDER") if protocol.startswith("s3") else ("host", "HOST/FOLDER")
        raise InputError(f"--source {shown(url)} names no {what}: expected {protocol}://{example}")
    if protocol in ("http", "https") and not _is_address(url):
        raise InputError(
            f"--source {shown(url)} is no address: expected {protocol}://HOST/FOLDER, with %2F, %40 and %3A for / @ : "
            "in a password"
        )
    try:
        get_filesystem_class(protocol)
    except (ImportError, ValueError) as error:
        raise InputError(
            f"--source {shown(url)}: {error}: install that package, or name a source of another kind"
        ) from error


def _is_address(url: str) -> bool:
    """Whether a URL of HTTP has a host and, if any, a port that is a number."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def protocol_of(url: str) -> str:
    """The protocol of a URL; ``file`` of a plain path."""
    protocol, separator, _ = url.partition("://")
    return protocol.lower() if separator else "file"
