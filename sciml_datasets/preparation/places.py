"""Places that a user names for raw and for prepared data: folders of this machine, or URLs of object stores."""

from __future__ import annotations

import os
from pathlib import Path

from sciml_datasets.benchmarks import data_root
from sciml_datasets.errors import InputError
from sciml_datasets.object_stores.urls import BUCKETS, checked_url, is_url, local_path
from sciml_datasets.paths import path_of

Place = Path | str
"""A folder of this machine, or the URL of one in an object store."""


def place_of(given: str | os.PathLike[str], where: str) -> Place:
    """The folder or URL that a user has given; a URL of the scheme file is a folder.

    Args:
        given: text or path that the user has given.
        where: place of the value for messages: a flag, a variable of the environment or an argument.

    Raises:
        InputError: it can be neither; or it is a URL of a server that files can only be read from.
    """
    if not isinstance(given, str | os.PathLike) or not is_url(given):
        return path_of(given, where)
    if (path := local_path(os.fspath(given), where)) is not None:
        return path
    url = checked_url(given, where)
    if url.partition(":")[0] not in BUCKETS:
        raise InputError(
            f"{where} {url}: files can only be read from there: name a bucket, or a folder on this machine"
        )
    return url


def data_place(data_dir: str | os.PathLike[str] | None) -> Place:
    """The place of prepared data: ``data_dir``, else TFDS_DATA_DIR, else ~/tensorflow_datasets.

    Raises:
        InputError: as `place_of`.
    """
    if data_dir is not None:
        return place_of(data_dir, "data_dir")
    if os.environ.get("TFDS_DATA_DIR"):
        return place_of(os.environ["TFDS_DATA_DIR"], "TFDS_DATA_DIR")
    return data_root(None)


def raw_place(raw_dir: str | os.PathLike[str] | None) -> Place | None:
    """The place of raw files: ``raw_dir``, else SCIML_RAW_DIR; None where none is chosen.

    Raises:
        InputError: as `place_of`.
    """
    if raw_dir is not None:
        return place_of(raw_dir, "raw_dir")
    variable = os.environ.get("SCIML_RAW_DIR")
    return place_of(variable, "SCIML_RAW_DIR") if variable else None
