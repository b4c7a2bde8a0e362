"""The contract of sources: their files, how these are listed and read, and the errors that a source may raise."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

from sciml_datasets.benchmark import Source
from sciml_datasets.fetch.sources.server_text import shown
from sciml_datasets.files.checksums import NAME

BLOCK = 1 << 20
"""Number of bytes that are read at once where the library asks for one."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a source.

    Attributes:
        name: relative to the source's folder, with slashes.
        size: bytes; None where the source does not give it.
        tag: value that changes with the content: ETag, else time of change; "" where the source gives neither.
        etag: an ETag that S3 computes from the content, without quotes, else "".
        sha256: SHA-256 that the source itself states, else "".
        refused: why the source cannot give it although it lists it, else ""; a name with a slash at its end is that of
            what may be a folder.
    """

    name: str
    size: int | None
    tag: str = ""
    etag: str = ""
    sha256: str = ""
    refused: str = ""

    @property
    def may_be_folder(self) -> bool:
        """Whether files may lie below it that nobody can list."""
        return self.refused != "" and self.name.endswith("/")


class SourceError(Exception):
    """A source does not give what it should; the message is a clause that follows the file's name.

    It is made fit to be shown, see `server_text.shown`: it may hold what a server has sent.

    Attributes:
        remedy: action of the user about it; "" if that is nothing in particular.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(shown(message))
        self.remedy = remedy


class TransientError(SourceError):
    """It may give it later.

    Attributes:
        wait: seconds that the source asks to wait.
    """

    def __init__(self, message: str, wait: float = 0, *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.wait = wait


class UnreachableError(TransientError):
    """There is no connection to it: its name is unknown, or nobody answers."""


class RefusedError(SourceError):
    """It will not give it, or gives something else."""


class ExceededError(RefusedError):
    """It sends more than a source may, see `bounds`."""

    def __init__(self, message: str, *, remedy: str = "name another source") -> None:
        super().__init__(message, remedy=remedy)


class ChangedError(SourceError):
    """It gives another version than before."""


class NoRangesError(SourceError):
    """It gives whole files only."""


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """The number of connections to a source, and the limits of waiting for it.

    Attributes:
        retries: number of attempts in a row that bring nothing new, after the first one.
        wait: seconds before the first retry; doubled each time up to ``longest_wait``, and varied.
        longest_wait: seconds between two attempts at most.
        timeout: seconds in which a connection must bring something, and at least `bounds.SLOWEST` bytes a second.
        connections: number of connections of this process at a time.
    """

    retries: int = 8
    wait: float = 0.5
    longest_wait: float = 30.0
    timeout: float = 60.0
    connections: int = 8


class Remote(Protocol):
    """One source; made, used and closed within one event loop."""

    url: str

    async def files(self, name: str) -> list[RemoteFile]:
        """All files below the source's folder that belong to the data set ``name``; TransientError and RefusedError."""

    async def look(self, name: str) -> RemoteFile:
        """One file; TransientError and RefusedError."""

    def read(self, file: RemoteFile, start: int, end: int | None) -> AsyncGenerator[bytes, None]:
        """The bytes from ``start`` up to ``end``, or of the whole file where ``end`` is None; any SourceError.

        The generator is closed by who uses it.
        """

    async def close(self) -> None:
        """Close the connections."""


def belongs(source: Source, name: str) -> bool:
    """Whether a file of the source's folder belongs to the data set."""
    hidden = any(part.startswith(".") and part not in (".", "..") for part in name.split("/"))
    ours = name.endswith(".mismatch") or name in (NAME, "TERMS.txt")
    return not hidden and not ours and any(fnmatchcase(name, pattern) for pattern in source.files)


def exact_names(files: Sequence[str]) -> list[str]:
    """The names of a declaration that names files one by one; none of one by patterns."""
    return [] if any(set(pattern) & set("*?[") for pattern in files) else list(files)


def nothing_listed(source: Source, name: str, why: str = "") -> RefusedError:
    """The error that says so, where a source lists no file of a data set."""
    patterns = " or ".join(source.files)
    return RefusedError(
        f"the source lists no files {patterns}{why}", remedy=f"name the folder that is laid out like RAW/{name}"
    )
