"""Places from which the raw files of a data set are fetched."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """A place from which `sciml_datasets.fetch` gets the raw files of a data set.

    Attributes:
        url: URL of the folder that holds them in the layout of the raw folder, as fsspec takes it.
        num_files: number of files.
        num_bytes: approximate number of bytes of all files; 0 where the publisher does not state it.
        files: names, or glob patterns in which ``*`` spans folders, of the files that belong to the data set.
        endpoint: URL of the S3 service, where it is not Amazon's.

    Example:
        >>> from sciml_datasets.benchmark import Source
        >>> source = Source("s3://spectra/raw", num_files=12, files=("*.h5",), endpoint="https://s3.example.org")
        >>> source.num_bytes  # not known
        0
    """

    url: str
    num_files: int
    num_bytes: int = 0
    files: tuple[str, ...] = ("*",)
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class GlobusSource:
    """A place that only Globus reaches: the steps are printed, see `sciml_datasets.fetch.globus`.

    Attributes:
        page: page of the data set, from which its folder in the collection opens.
        collection: name of the Globus collection.
        folder: end of the name of the folder in it.
        num_files: number of files.
        num_bytes: approximate number of bytes of all files.

    Example:
        >>> from sciml_datasets.benchmark import GlobusSource
        >>> page = "https://example.org/datasets/spectra"
        >>> GlobusSource(page, "Spectra of minerals", "measured", num_files=12, num_bytes=40_000_000).collection
        'Spectra of minerals'
    """

    page: str
    collection: str
    folder: str
    num_files: int
    num_bytes: int
