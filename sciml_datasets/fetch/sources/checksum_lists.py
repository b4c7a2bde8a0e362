"""Lists of checksums that mirrors carry, and the files of a data set among those that a source lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace

from sciml_datasets.benchmark import Source
from sciml_datasets.errors import InputError
from sciml_datasets.fetch.sources.bounds import LIST_BYTES, whole_body
from sciml_datasets.fetch.sources.remote import Remote, RemoteFile, TransientError, belongs, nothing_listed
from sciml_datasets.files.checksums import NAME, Checksum, of_dataset, parse_list


async def listed(
    remote: Remote, source: Source, name: str, found: Iterable[RemoteFile], timeout: float
) -> list[RemoteFile]:
    """The files of a data set among all that a source lists, with the checksums that the source carries.

    Raises:
        RefusedError: there are none.
        TransientError: its list of checksums does not come.
    """
    every = {file.name: file for file in found}
    chosen = [
        file for file in every.values() if belongs(source, file.name) or (file.may_be_folder and _in_folders(source))
    ]
    if not chosen:
        raise nothing_listed(source, name)
    return with_checksums(chosen, await carried_checksums(remote, name, timeout) if NAME in every else {})


def _in_folders(source: Source) -> bool:
    """Whether files of the data set may lie in folders."""
    return any(set(pattern) & set("*?[/") for pattern in source.files)


async def carried_checksums(remote: Remote, name: str, timeout: float) -> dict[str, Checksum]:
    """The checksums of a data set that a mirror carries in a ``checksums.tsv``.

    Args:
        remote: the mirror.
        name: name of the data set.
        timeout: seconds, as in `bounds.fast_enough`.

    Raises:
        ExceededError: it is longer than LIST_BYTES.
        RefusedError: it has none, or gives something else.
        TransientError: it may give it later, or what came is damaged.
    """
    stream = remote.read(RemoteFile(NAME, None), 0, None)
    async with aclosing(stream):
        text = await whole_body(stream, LIST_BYTES, f"its {NAME}", timeout)
    try:
        return of_dataset(name, parse_list(text.decode("utf-8", "replace"), NAME))
    except InputError as error:
        raise TransientError(f"it sends no list of checksums ({error})") from error


def with_checksums(files: Iterable[RemoteFile], checksums: Mapping[str, Checksum]) -> list[RemoteFile]:
    """Files sorted by name, with the SHA-256 that is listed."""
    return [
        replace(file, sha256=checksums[file.name].sha256) if file.name in checksums else file
        for file in sorted(files, key=lambda file: file.name)
    ]
