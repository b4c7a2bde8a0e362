"""Sources on HTTP and HTTPS, through fsspec's client, which is aiohttp's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from sciml_datasets.benchmark import Source
from sciml_datasets.fetch.sources.remote import (
    ChangedError,
    ConnectionSettings,
    RefusedError,
    RemoteFile,
    SourceError,
    TransientError,
    belongs,
    carried_checksums,
    exact_names,
    nothing_listed,
    with_checksums,
)
from sciml_datasets.fetch.sources.responses import (
    SNIFFED,
    PageError,
    broken,
    check_range,
    is_page,
    status_error,
    take_more_at_once,
    title_of,
)
from sciml_datasets.files.checksums import NAME

HEAD_UNKNOWN = {403, 405, 501}
"""Status codes of servers that know no HEAD."""
IDENTITY = {"Accept-Encoding": "identity"}


class Http:
    """See `sciml_datasets.fetch.sources.remote.Remote`."""

    def __init__(self, source: Source, settings: ConnectionSettings) -> None:
        import aiohttp
        from fsspec.implementations.http import HTTPFileSystem

        self.url = source.url.rstrip("/")
        self._source, self._settings = source, settings
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=settings.timeout, sock_read=settings.timeout)
        self._fs = HTTPFileSystem(
            asynchronous=True,
            skip_instance_cache=True,
            client_kwargs={"timeout": timeout, "read_bufsize": 1 << 20, "auto_decompress": False, "trust_env": True},
        )

    async def files(self, name: str) -> list[RemoteFile]:
        """The files that are declared by name, else those of a ``checksums.tsv``, else of the page of the folder."""
        names = exact_names(self._source.files)
        if names:
            return [RemoteFile(file, None) for file in sorted(names)]
        try:
            checksums = await carried_checksums(self, name)
            names = list(checksums)
        except RefusedError as error:
            checksums, names = {}, await self._linked()
            if NAME in names:  # without it, what comes damaged would be trusted
                raise TransientError(f"the source has a {NAME} and does not give it: {error}") from error
        names = [file for file in names if belongs(self._source, file)]
        if not names:
            raise await self._nothing(name)
        sizes = {file: known.size for file, known in checksums.items()}
        return with_checksums((RemoteFile(file, sizes.get(file)) for file in names), checksums)

    async def _linked(self) -> list[str]:
        """Names of all files that the page of the folder, and the pages of the folders below, link to.

        fsspec's own walk leaves out, without a word, a folder whose page does not come.
        """
        names: set[str] = set()
        pages = [""]
        for folder in pages:
            links = await self._links(folder, missing_ok=folder != "")
            below = {
                link for link in links if not set(link) & set("?#") and not {"", ".", ".."} & {*link.split("/")[:-1]}
            }
            pages += sorted(link for link in below if link.endswith("/") and link not in pages)
            names |= {link for link in below if link and not link.endswith("/")}
        return sorted(names)

    async def _links(self, folder: str, *, missing_ok: bool) -> set[str]:
        """Names, relative to the source, of what the page of a folder links to below the source."""
        import aiohttp

        start = self.url + "/"
        try:
            entries = await self._fs._ls(start + folder, detail=False)
        except FileNotFoundError as error:
            if missing_ok:  # a link that leads nowhere
                return set()
            raise status_error(HTTPStatus.NOT_FOUND) from error
        except aiohttp.ClientResponseError as error:
            raise status_error(error.status) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise broken(error) from error
        return {url.removeprefix(start) for url in entries if url.startswith(start)}

    async def _nothing(self, name: str) -> SourceError:
        """Why the source lists no files: the response to a request for its folder."""
        try:
            async with aclosing(self._get("", IDENTITY)) as responses:
                await anext(responses)
        except PageError as page:
            return nothing_listed(self._source, name, f": it shows a web page{page.title}, and has no {NAME}")
        except SourceError as error:
            return error
        return nothing_listed(self._source, name, f": it has neither a page of the folder nor a {NAME}")

    async def look(self, name: str) -> RemoteFile:
        """The file by the headers of the response to HEAD, else to GET, which has the title of a page."""
        async with aclosing(self._get(name, IDENTITY, "HEAD")) as responses:
            response = await anext(responses)
            if response.status < 400 and not is_page(response.headers.get("Content-Type", "")):
                return _described(name, response.headers)
            if response.status >= 400 and response.status not in HEAD_UNKNOWN:
                raise status_error(response.status, response.headers.get("Retry-After", ""))
        async with aclosing(self._get(name, IDENTITY)) as responses:
            return _described(name, (await anext(responses)).headers)

    async def read(self, file: RemoteFile, start: int, end: int | None) -> AsyncGenerator[bytes, None]:
        """By one request."""
        import aiohttp

        headers = dict(IDENTITY)
        if end is not None and (start, end) != (0, file.size):
            headers["Range"] = f"bytes={start}-{end - 1}"
        async with aclosing(self._get(file.name, headers)) as responses:
            response = await anext(responses)
            said = _described(file.name, response.headers)
            kind, _, value = file.tag.partition(" ")
            if value and (now := response.headers.get(kind, value)) != value:
                raise ChangedError(f"the file has changed there: its {kind} was {value}, now it is {now}")
            if end is not None:
                content_range = response.headers.get("Content-Range", "")
                check_range(response.status, content_range, start, end, file.size)
            elif said.size is None and response.headers.get("Transfer-Encoding", "").lower() != "chunked":
                raise RefusedError("the source tells neither the size of the file nor where it ends")
            if response.status == HTTPStatus.OK and None not in (file.size, said.size) and said.size != file.size:
                raise ChangedError(f"the file has {said.size} bytes now, {file.size} before")
            take_more_at_once(response)
            try:
                async for chunk in response.content.iter_any():
                    yield chunk
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise broken(error) from error

    async def _get(self, name: str, headers: dict[str, str], method: str = "GET") -> AsyncGenerator[Any, None]:
        """The response to a request, once; a page in place of a file is an error, a failed HEAD is not."""
        import aiohttp

        session = await self._fs.set_session()
        url = self._fs.encode_url(f"{self.url}/{quote(name)}")
        try:
            request = session.request(method, url, headers=headers, allow_redirects=True)
            response = await request.__aenter__()
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise RefusedError(f"the address {url} is not a valid URL") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise broken(error) from error
        try:
            if response.status >= 400 and method == "GET":
                raise status_error(response.status, response.headers.get("Retry-After", ""))
            encoding = response.headers.get("Content-Encoding", "identity")
            if encoding not in ("identity", "") and response.status < 400:
                raise RefusedError(f"the source sends the file packed ({encoding}), which was not asked for")
            content_type = response.headers.get("Content-Type", "")
            if method == "GET" and is_page(content_type):
                raise PageError(title_of(await _start(response)))
            yield response
        finally:
            response.close()

    async def close(self) -> None:
        """Close the connections."""
        session = self._fs._session
        if session is not None:
            await session.close()
            await asyncio.sleep(0)


async def _start(response: Any) -> bytes:
    """The first bytes of the body of a response."""
    import aiohttp

    start = b""
    try:
        while len(start) < SNIFFED and (more := await response.content.read(SNIFFED)):
            start += more
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise broken(error) from error
    return start


def _described(name: str, headers: Any) -> RemoteFile:
    length = headers.get("Content-Length", "")
    content_range = headers.get("Content-Range", "").rpartition("/")[2]
    size = content_range if content_range else length
    tag = next((f"{kind} {headers[kind]}" for kind in ("ETag", "Last-Modified") if headers.get(kind)), "")
    return RemoteFile(name, int(size) if size.isdecimal() else None, tag)
