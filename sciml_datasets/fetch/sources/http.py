"""Sources on HTTP and HTTPS, through aiohttp."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from sciml_datasets.benchmark import Source
from sciml_datasets.fetch.sources.bounds import (
    DEEPEST,
    FIELD_BYTES,
    PAGE_BYTES,
    REDIRECTS,
    RESPONSE_TIMEOUTS,
    Listing,
    fast_enough,
    whole_body,
)
from sciml_datasets.fetch.sources.checksum_lists import carried_list, is_of_line
from sciml_datasets.fetch.sources.folder_pages import linked
from sciml_datasets.fetch.sources.redirects import https_stays
from sciml_datasets.fetch.sources.remote import (
    ChangedError,
    ConnectionSettings,
    ExceededError,
    RefusedError,
    RemoteFile,
    SourceError,
    TransientError,
    belongs,
    exact_names,
    nothing_listed,
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
SIZE = re.compile(r"[0-9]{1,18}")


class Http:
    """See `sciml_datasets.fetch.sources.remote.Remote`."""

    def __init__(self, source: Source, settings: ConnectionSettings) -> None:
        import yarl

        self.url = source.url.rstrip("/")
        self._source, self._settings = source, settings
        base = yarl.URL(self.url)
        self._base = str(base.with_user(None)) if base.user or base.password else self.url

    @cached_property
    def _session(self) -> Any:
        """The connections; made within the event loop."""
        import aiohttp

        timeout = self._settings.timeout
        return aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeout, sock_read=timeout),
            trace_configs=[https_stays()],
            read_bufsize=1 << 20,
            auto_decompress=False,
            trust_env=True,
            max_line_size=FIELD_BYTES,
            max_field_size=FIELD_BYTES,
        )

    async def files(self, name: str) -> list[RemoteFile]:
        """The files that are declared by name, else those of a ``checksums.tsv``, else of the page of the folder."""
        names = exact_names(self._source.files)
        if names:
            return [RemoteFile(file, None) for file in sorted(names)]
        try:
            found = await carried_list(self, self._source, name, self._settings.timeout)
        except ExceededError:
            raise
        except RefusedError as error:
            found = await self._linked()
            if any(file.name == NAME for file in found):  # without it, what comes damaged would be trusted
                raise TransientError(f"the source has a {NAME} and does not give it: {error}") from error
        chosen = [file for file in found if file.may_be_folder or belongs(self._source, file.name) or is_of_line(file)]
        if all(file.may_be_folder for file in chosen):
            raise await self._nothing(name)
        return chosen

    async def _linked(self) -> list[RemoteFile]:
        """All files that the page of the folder, and the pages of the folders below, link to, sorted by name."""
        listing = Listing()
        found: dict[str, RemoteFile] = {}
        pages = {""}
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            listing.turn()
            for link in linked(await self._page(folder), f"{self._base}/{_quoted(folder)}", f"{self._base}/"):
                if link in found or link in pages:
                    continue
                listing.add(link)
                if not link.endswith("/"):
                    found[link] = RemoteFile(link, None)
                elif link.count("/") > DEEPEST:
                    found[link] = RemoteFile(link, None, refused=f"it is a folder that lies in {DEEPEST} others")
                elif {"", ".", ".."} & {*link.split("/")[:-1]}:
                    found[link] = RemoteFile(link, None, refused="a part of its name is empty, . or ..")
                else:
                    pages.add(link)
                    waiting.append(link)
        return [found[name] for name in sorted(found)]

    async def _page(self, folder: str) -> bytes:
        """The page of a folder; none where what a link of another page leads to is no page, or is not there."""
        async with aclosing(self._respond(folder, IDENTITY)) as responses:
            response = await anext(responses)
            if response.status == HTTPStatus.NOT_FOUND and folder:
                return b""
            _check(response)
            if not is_page(response.headers.get("Content-Type", "text/html")):
                return b""
            body = _chunks(response)
            async with aclosing(body):
                return await whole_body(body, PAGE_BYTES, f"its page {folder or '/'}", self._settings.timeout)

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
            chunks = _chunks(response)
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk

    async def _get(self, name: str, headers: dict[str, str], method: str = "GET") -> AsyncGenerator[Any, None]:
        """The response to a request, once; a page in place of a file is an error, a failed HEAD is not."""
        async with aclosing(self._respond(name, headers, method)) as responses:
            response = await anext(responses)
            if method == "GET":
                _check(response)
                if is_page(response.headers.get("Content-Type", "")):
                    raise PageError(title_of(await self._start(response)))
            yield response

    async def _respond(self, name: str, headers: dict[str, str], method: str = "GET") -> AsyncGenerator[Any, None]:
        """The response to a request, once, whatever it is."""
        import aiohttp

        try:
            async with asyncio.timeout(RESPONSE_TIMEOUTS * self._settings.timeout):
                url = f"{self.url}/{_quoted(name)}"
                response = await self._session.request(method, url, headers=headers, max_redirects=REDIRECTS)
        except aiohttp.TooManyRedirects as error:
            raise RefusedError(f"the source redirects more than {REDIRECTS} times") from error
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise RefusedError("the source redirects to what is no address of HTTP") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise broken(error) from error
        try:
            encoding = response.headers.get("Content-Encoding", "identity")
            if encoding not in ("identity", "") and response.status < 400:
                raise RefusedError(f"the source sends the file packed ({encoding}), which was not asked for")
            yield response
        finally:
            response.close()

    async def _start(self, response: Any) -> bytes:
        """The first bytes of the body of a response."""
        start = b""
        chunks = _chunks(response)
        async with aclosing(chunks):
            async for chunk in fast_enough(chunks, self._settings.timeout):
                start += chunk
                if len(start) >= SNIFFED:
                    break
        return start

    async def close(self) -> None:
        """Close the connections."""
        if "_session" in self.__dict__:
            await self._session.close()
            await asyncio.sleep(0)


def _quoted(name: str) -> str:
    return quote(name, errors="surrogateescape")


def _check(response: Any) -> None:
    """Make sure that a response is a success; else the error that its status code means."""
    if response.status >= 400:
        raise status_error(response.status, response.headers.get("Retry-After", ""))


async def _chunks(response: Any) -> AsyncGenerator[bytes, None]:
    """The body of a response as it comes."""
    import aiohttp

    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise broken(error) from error


def _described(name: str, headers: Any) -> RemoteFile:
    length = headers.get("Content-Length", "")
    content_range = headers.get("Content-Range", "").rpartition("/")[2]
    size = content_range if content_range else length
    tag = next((f"{kind} {headers[kind]}" for kind in ("ETag", "Last-Modified") if headers.get(kind)), "")
    return RemoteFile(name, int(size) if SIZE.fullmatch(size) else None, tag)
