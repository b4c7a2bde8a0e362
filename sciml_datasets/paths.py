"""Paths on this machine from what a user typed; URLs and names that no file can have are refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sciml_datasets.errors import InputError

LONGEST_NAME, LONGEST_PATH = 255, 4095
"""Number of bytes of a name, and of a whole path, that Linux takes at most (limits.h)."""
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*::)*([a-z][a-z0-9+.-]*):/", re.IGNORECASE)
"""Start of a URL, also of a chained URL of fsspec, and of one whose double slash became a single one in a path."""

_NEARLY = re.compile(
    r"(s3|s3a|gs|gcs|az|abfss?|adl|wasbs?|hdfs|webhdfs|hf|https?|s?ftp|ssh|smb|file):[^/\0]*", re.IGNORECASE
)
"""Start of a URL of a well-known protocol without its slashes; a file or a folder may also have such a name."""


class NoHomeError(InputError):
    """The home folder of the user, or of the user that a path names, is not known."""


def home_folder() -> Path | None:
    """The home folder of the user; None where neither HOME nor an account says which it is."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def path_of(given: str | os.PathLike[str], place: str) -> Path:
    """The path that a user has given, with a leading ``~`` replaced by the home folder.

    Args:
        given: text or path that the user has given.
        place: place of the value for messages: a flag, a variable of the environment or an argument.

    Raises:
        InputError: it is empty, a URL or too long, or holds a null character; no file or folder was touched.
        NoHomeError: the home folder that ``~`` stands for is not known.
    """
    try:
        text = os.fsdecode(given)
    except TypeError as error:
        raise InputError(f"{place} is {given!r}: expected the path of a file or folder") from error
    if not text:
        raise InputError(f"{place} is empty: expected the path of a file or folder")
    url, nearly = _URL.match(text), _NEARLY.match(text)
    if url is None and nearly is not None and not os.path.lexists(nearly[0]):
        url = nearly
    if url is not None:
        raise InputError(f"{place} {text} is a URL, {_instead_of(url[1].lower())}")
    if "\0" in text:
        raise InputError(f"{place} {text!r} holds a null character, which no path can: correct it")
    if len(os.fsencode(text)) > LONGEST_PATH:
        raise InputError(
            f"{place} {text[:40]}... has {len(os.fsencode(text))} bytes, expected at most {LONGEST_PATH}: "
            "choose a shorter path"
        )
    long = next((part for part in text.split("/") if len(os.fsencode(part)) > LONGEST_NAME), None)
    if long is not None:
        raise InputError(
            f"{place}: the name {long[:40]}... has {len(os.fsencode(long))} bytes, expected at most {LONGEST_NAME}: "
            "choose a shorter one"
        )
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        whose = text.partition("/")[0]
        raise NoHomeError(f"{place} {text}: the home folder {whose} is not known: give the whole path") from error


def _instead_of(protocol: str) -> str:
    if protocol == "file":
        return "expected a path: leave file:// out"
    return (
        "expected a path on this machine: copy or mount what is there and name that folder "
        "(`sciml fetch --source` gets raw files from a URL)"
    )
