"""A bucket on this machine, and what is in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fetch_servers import s3_client

ACCESS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


class Bucket:
    """A bucket of an S3 server.

    Attributes:
        name: its name.
        url: its URL.
    """

    def __init__(self, endpoint: str, name: str) -> None:
        self.name, self.url = name, f"s3://{name}"
        self.client: Any = s3_client(endpoint)

    def names(self, prefix: str = "") -> list[str]:
        """Names of the objects below a prefix, sorted."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def content(self, prefix: str) -> dict[str, bytes]:
        """The objects of a folder, by their names in it."""
        return {
            name.removeprefix(f"{prefix}/"): self.client.get_object(Bucket=self.name, Key=name)["Body"].read()
            for name in self.names(f"{prefix}/")
        }

    def put(self, name: str, content: bytes) -> None:
        """Write an object."""
        self.client.put_object(Bucket=self.name, Key=name, Body=content)

    def upload(self, folder: Path, prefix: str) -> None:
        """Write the files below a folder."""
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def unfinished_uploads(self) -> list[Any]:
        """Uploads in parts that nobody has ended."""
        return list(self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", []))


@contextmanager
def new_bucket(endpoint: str, name: str) -> Iterator[Bucket]:
    """A new bucket, which is removed with all that is in it."""
    bucket = Bucket(endpoint, name)
    bucket.client.create_bucket(Bucket=name)
    try:
        yield bucket
    finally:
        for key in bucket.names():
            bucket.client.delete_object(Bucket=name, Key=key)
        bucket.client.delete_bucket(Bucket=name)


def put(endpoint: str, name: str, folder: Path, prefix: str = "data") -> str:
    """Put the files of a folder into a new bucket, which stays; the URL."""
    bucket = Bucket(endpoint, name)
    bucket.client.create_bucket(Bucket=name)
    bucket.upload(folder, prefix)
    return f"{bucket.url}/{prefix}"


def environment(endpoint: str, cache: Path | None = None) -> dict[str, str]:
    """Variables by which libraries find the server and its credentials, and the cache of what is read."""
    where = {"SCIML_CACHE_DIR": str(cache)} if cache else {}
    return {**ACCESS, "AWS_ENDPOINT_URL": endpoint} | where


def command_environment(endpoint: str) -> dict[str, str]:
    """The environment of a command that uses the server."""
    return os.environ | environment(endpoint)
