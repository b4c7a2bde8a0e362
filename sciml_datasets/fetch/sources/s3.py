"""Sources on S3, through s3fs.

Buckets of one's own may need a region or credentials: these come from the usual variables and files of AWS. Access is
anonymous where neither AWS_ACCESS_KEY_ID nor AWS_PROFILE is set, so that nothing asks the network for credentials.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from sciml_datasets.benchmark import Source
from sciml_datasets.fetch.sources.bounds import Listing
from sciml_datasets.fetch.sources.checksum_lists import listed
from sciml_datasets.fetch.sources.remote import (
    BLOCK,
    ChangedError,
    ConnectionSettings,
    RefusedError,
    RemoteFile,
    SourceError,
)
from sciml_datasets.fetch.sources.responses import (
    PageError,
    broken,
    causes_of,
    check_range,
    is_page,
    page_error,
    status_error,
    take_more_at_once,
)
from sciml_datasets.fetch.sources.s3_session import bounded_session

NOT_MD5 = ("aws:kms", "aws:kms:dsse")
"""Encryptions under which an ETag is no MD5 of the content (Amazon S3 API reference, Object)."""

UNUSABLE = ("NoCredentialsError", "ProfileNotFound", "ParamValidationError", "NoRegionError")
"""Exceptions of botocore about what it was given."""
KEYS = "correct the address, or name your credentials in AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


class S3:
    """See `sciml_datasets.fetch.sources.remote.Remote`."""

    def __init__(self, source: Source, settings: ConnectionSettings) -> None:
        from s3fs import S3FileSystem

        self.url = source.url.rstrip("/")
        self._source, self._timeout = source, settings.timeout
        self._fs = S3FileSystem(
            anon=not (os.environ.get("AWS_ACCESS_KEY_ID") or os.environ.get("AWS_PROFILE")),
            endpoint_url=source.endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"),
            asynchronous=True,
            skip_instance_cache=True,
            config_kwargs={
                "connect_timeout": settings.timeout,
                "read_timeout": settings.timeout,
                "max_pool_connections": settings.connections + 2,
                "retries": {"total_max_attempts": 1},
                "response_checksum_validation": "when_required",
                "http_session_cls": bounded_session(settings.timeout),
            },
        )
        self._fs.retries = 1  # retries are ours: they go on where a transfer broke
        self._bucket, self._prefix, _ = self._fs.split_path(self.url)

    async def files(self, name: str) -> list[RemoteFile]:
        """All objects below the prefix that belong to the data set."""
        try:
            found = [file async for file in self._objects()]
        except Exception as error:
            raise _meaning(error) from error
        return await listed(self, self._source, name, found, self._timeout)

    async def _objects(self) -> AsyncIterator[RemoteFile]:
        """The objects below the prefix, page by page; not the empty ones that stand for folders."""
        listing, prefix, more = Listing(), self._key(""), dict[str, str]()
        while True:
            listing.turn()
            page = await self._fs._call_s3("list_objects_v2", Bucket=self._bucket, Prefix=prefix, **more)
            if is_page(page["ResponseMetadata"]["HTTPHeaders"].get("content-type", "")):
                raise PageError("")  # botocore takes it for an empty list
            for entry in page.get("Contents", []):
                key, size = entry.get("Key", ""), entry.get("Size", -1)
                if key.startswith(prefix) and key != prefix and not (key.endswith("/") and size == 0):
                    listing.add(key)
                    yield _described(key.removeprefix(prefix), size, entry.get("ETag", ""))
            token = page.get("NextContinuationToken", "")
            if not page.get("IsTruncated") or not token:
                return
            if more == (more := {"ContinuationToken": token}):
                raise RefusedError("the source gives the same page of its listing again")

    async def look(self, name: str) -> RemoteFile:
        """The file as the headers of the object describe it."""
        try:
            head = await self._fs._call_s3("head_object", Bucket=self._bucket, Key=self._key(name))
        except Exception as error:
            raise _meaning(error) from error
        return _described(name, head.get("ContentLength", -1), head.get("ETag", ""))

    async def read(self, file: RemoteFile, start: int, end: int | None) -> AsyncGenerator[bytes, None]:
        """By one request."""
        whole = end is None or (start, end) == (0, file.size)
        wanted = {} if whole else {"Range": f"bytes={start}-{(end or 0) - 1}"}
        try:
            response = await self._fs._call_s3("get_object", Bucket=self._bucket, Key=self._key(file.name), **wanted)
        except Exception as error:
            raise _meaning(error) from error
        body = response["Body"]
        try:
            etag = response.get("ETag", file.tag)
            if file.tag and etag != file.tag:
                raise ChangedError(f"the file has changed there: its ETag was {file.tag}, now it is {etag}")
            if not whole:
                status = response["ResponseMetadata"]["HTTPStatusCode"]
                check_range(status, response.get("ContentRange", ""), start, end or 0, file.size)
            take_more_at_once(body.raw_stream)
            try:
                while chunk := await body.read(BLOCK):
                    yield chunk
            except Exception as error:
                raise _meaning(error) from error
        finally:
            body.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._fs._s3 is not None:
            await self._fs._s3creator.__aexit__(None, None, None)

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}".lstrip("/")


def _described(name: str, size: int, etag: str) -> RemoteFile:
    refused = "" if size >= 0 else "the source tells no size that a file can have"
    return RemoteFile(name, max(size, 0), etag, etag.strip('"'), refused=refused)


def _meaning(error: Exception) -> SourceError:
    """The error that an exception of s3fs or botocore means; the status code decides where there is one."""
    causes = list(causes_of(error))
    if ours := next((cause for cause in causes if isinstance(cause, SourceError)), None):
        return ours
    for cause in causes:
        response: Any = getattr(cause, "response", None)
        if isinstance(response, dict) and "ResponseMetadata" in response:
            metadata, code = response["ResponseMetadata"], str(response.get("Error", {}).get("Code", ""))
            retry_after = metadata.get("HTTPHeaders", {}).get("retry-after", "")
            return _status(int(metadata.get("HTTPStatusCode", 500)), retry_after, code)
    if page := page_error(str(error).partition("invalid XML received:\nb'")[2].encode()):
        return page
    if isinstance(error, FileNotFoundError):
        return _status(404)
    if isinstance(error, PermissionError):
        return _status(403)
    if isinstance(error, ValueError) or type(error).__name__ in UNUSABLE:
        said = " ".join(str(error).split())
        return RefusedError(f"it cannot be asked ({said})", remedy="correct the address or the variables of AWS")
    return broken(error)


def _status(status: int, retry_after: str = "", code: str = "") -> SourceError:
    if code == "NoSuchBucket":
        return RefusedError("there is no such bucket", remedy="correct its name, or its endpoint in AWS_ENDPOINT_URL")
    error = status_error(status, retry_after)
    if status in (401, 403):
        more = f" ({code})" if code and not code.isdecimal() else ""
        return RefusedError(f"{error}{more}", remedy=KEYS)
    return error
