"""Sources of every other kind that fsspec knows: a folder, gs, ssh and so on, read like files by threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import cached_property, partial
from typing import Any, TypeVar

from sciml_datasets.benchmark import Source
from sciml_datasets.errors import InputError
from sciml_datasets.fetch.sources.bounds import Listing
from sciml_datasets.fetch.sources.checksum_lists import listed
from sciml_datasets.fetch.sources.remote import (
    BLOCK,
    ChangedError,
    ConnectionSettings,
    RefusedError,
    RemoteFile,
    TransientError,
    belongs,
)
from sciml_datasets.fetch.sources.responses import broken

Result = TypeVar("Result")
TAGS = ("ETag", "etag", "generation", "md5Hash", "mtime", "LastModified", "updated", "created")
"""Keys of the entries of fsspec under which a file system gives what changes with the content."""


class FsspecSource:
    """See `sciml_datasets.fetch.sources.remote.Remote`. Time limits are those of the library that fsspec uses."""

    def __init__(self, source: Source, settings: ConnectionSettings) -> None:
        self.url = source.url
        self._source, self._timeout = source, settings.timeout

    @cached_property
    def _place(self) -> tuple[Any, str]:
        """The file system and the folder in it; some connect at once, hence in a thread."""
        import fsspec

        fs, root = fsspec.url_to_fs(self.url)
        return fs, root

    async def files(self, name: str) -> list[RemoteFile]:
        """All files below the folder that belong to the data set."""

        def find() -> list[RemoteFile]:
            from sciml_datasets.fetch.sources.listing import entries

            fs, root = self._place
            if not fs.isdir(root):
                raise RefusedError("there is no such folder", remedy="correct its name")
            listing, found = Listing(), []
            for file, entry in entries(fs, root):
                listing.add(file)
                found.append(_described(self._called(file), entry))
            return found

        return await listed(self, self._source, name, await self._try(find), self._timeout)

    async def look(self, name: str) -> RemoteFile:
        """The file as its file system describes it."""

        def describe() -> RemoteFile:
            from sciml_datasets.fetch.sources.listing import entry_of

            return _described(name, entry_of(self._place[0], self._path(name)))

        return await self._try(describe)

    async def read(self, file: RemoteFile, start: int, end: int | None) -> AsyncGenerator[bytes, None]:
        """By one open file."""
        if file.tag and (now := (await self.look(file.name)).tag) != file.tag:
            raise ChangedError(f"the file has changed there: it was {file.tag}, now it is {now}")
        stream = await self._try(lambda: self._place[0].open(self._path(file.name), "rb", cache_type="readahead"))
        try:
            await self._try(lambda: stream.seek(start))
            at = start
            while end is None or at < end:
                wanted = BLOCK if end is None else min(BLOCK, end - at)
                chunk = await self._try(partial(stream.read, wanted))
                if not chunk:
                    return
                at += len(chunk)
                yield chunk
        finally:
            await asyncio.to_thread(stream.close)

    async def close(self) -> None:
        """Nothing to do: fsspec keeps its connections."""

    def _called(self, name: str) -> str:
        """The name of what may be a folder, without the slash if a file of the data set is called so."""
        return name.rstrip("/") if belongs(self._source, name.rstrip("/")) else name

    def _path(self, name: str) -> str:
        return f"{self._place[1].rstrip('/')}/{name}"

    async def _try(self, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.to_thread(work)
        except (RefusedError, ChangedError):
            raise
        except FileNotFoundError as error:
            raise RefusedError("the source does not have it") from error
        except (InputError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
            raise RefusedError(
                f"the source does not give it ({error})", remedy="correct that at the source, or name another one"
            ) from error
        except OSError as error:
            if error.filename is None:
                raise broken(error) from error
            raise TransientError(f"the source cannot be read ({error})") from error
        except Exception as error:  # each library has its own
            raise broken(error) from error


def _described(name: str, entry: dict[str, Any] | str) -> RemoteFile:
    if isinstance(entry, str):
        return RemoteFile(name, None, refused=f"the source does not give it ({entry})")
    tag = next((str(entry[key]) for key in TAGS if entry.get(key)), "")
    size = entry.get("size")
    return RemoteFile(name, size, f"{tag}-{size}" if tag else "")
