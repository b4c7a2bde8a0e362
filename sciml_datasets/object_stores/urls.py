"""URLs of folders in object stores, as users type them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sciml_datasets.errors import InputError
from sciml_datasets.paths import path_of

BUCKETS = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl")
"""Schemes of stores whose URLs begin with a bucket, or with a container."""
SERVERS = ("https", "http")
"""Schemes of servers that files are read from."""
LOCAL = "file"
SCHEMES = (*BUCKETS, *SERVERS, LOCAL)
_URL = re.compile(r"([a-z][a-z0-9+.-]*):/", re.IGNORECASE)
LONGEST = 1024
"""Number of bytes of a key that S3 takes at most."""


def is_url(given: Any) -> bool:
    """Whether a text is a URL and no path; a path object may be one too, in which a double slash became single.

    Example:
        >>> from sciml_datasets.object_stores.urls import is_url
        >>> is_url("s3://bucket/data"), is_url("data")
        (True, False)
    """
    return isinstance(given, str | os.PathLike) and bool(_URL.match(os.fsdecode(given)))


def checked_url(given: str | os.PathLike[str], place: str) -> str:
    """The URL of a folder, with its scheme in small letters and no slash at its end.

    Args:
        given: text that the user has given.
        place: place of the value for messages: a flag, a variable of the environment or an argument.

    Raises:
        InputError: it is of another scheme than `SCHEMES`, or names no bucket or host; or it holds a password, a query,
            a name ``..`` or a character that is not printable.
    """
    text = os.fspath(given)
    scheme, _, rest = text.partition(":")
    scheme, rest = scheme.lower(), re.sub("^//?", "", rest)
    where = f"{place} {text!r}" if not text.isprintable() else f"{place} {text}"
    if not is_url(given) or scheme not in SCHEMES:
        raise InputError(
            f"{where} is no URL that can be read: expected {', '.join(SCHEMES)}: copy the data to such a place, or to "
            "a folder on this machine"
        )
    try:
        parts = urlsplit(f"{scheme}://{rest}")
    except ValueError as error:  # brackets around a host
        raise InputError(f"{where} is no URL ({error}): correct it") from error
    if scheme == LOCAL:
        return text
    if not parts.netloc:
        what = "bucket" if scheme in BUCKETS else "host"
        raise InputError(f"{where} names no {what}: expected {scheme}://{what.upper()}/FOLDER")
    if "@" in parts.netloc and (scheme in SERVERS or ":" in parts.netloc):
        raise InputError(f"{place} holds a user name or a password, which messages would show: leave them out")
    if "?" in rest or "#" in rest:
        raise InputError(f"{where} holds a ? or #, which the URL of a folder does not: leave out what begins there")
    if not text.isprintable() or len(os.fsencode(text)) > LONGEST:
        raise InputError(f"{where[:80]}... is no URL of at most {LONGEST} printable characters: correct it")
    path = unquote(parts.path.removeprefix("/").rstrip("/"))
    if path and any(name in ("", ".", "..") for name in path.split("/")):
        raise InputError(f"{where} holds an empty name, . or ..: name the folder itself")
    return f"{scheme}://{rest}".rstrip("/")


def local_path(url: str, place: str) -> Path | None:
    """The path that a URL of the scheme file names; None for other URLs.

    Raises:
        InputError: it names another host, or no absolute path.
    """
    scheme, _, rest = url.partition(":")
    if scheme.lower() != LOCAL:
        return None
    parts = urlsplit(f"{LOCAL}:{rest}")
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise InputError(f"{place} {url} names a place on another machine: expected file:///FOLDER")
    return path_of(unquote(parts.path), place)


def endpoint_of(url: str, environ: Mapping[str, str] = os.environ) -> str:
    """The server, or the account, that the environment names for a URL; "" where the URL alone decides."""
    scheme = url.partition(":")[0]
    if scheme in ("s3", "s3a"):
        return environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or environ.get("AWS_ENDPOINT", "")
    return environ.get("AZURE_STORAGE_ACCOUNT_NAME", "") if scheme in BUCKETS and scheme != "gs" else ""
