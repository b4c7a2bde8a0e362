"""Lists of checksums that mirrors carry, and the files of a data set among those that a source lists."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import replace

from sciml_datasets.benchmark import Source
from sciml_datasets.fetch.sources.bounds import LIST_BYTES, whole_body
from sciml_datasets.fetch.sources.remote import Remote, RemoteFile, TransientError, belongs, nothing_listed
from sciml_datasets.files.checksums import LINE, NAME, of_dataset, parse_lines

OF_LINE = f"{NAME}, line "
"""Beginning of what is told instead of a name where a line has none."""


async def listed(
    remote: Remote, source: Source, name: str, found: Iterable[RemoteFile], timeout: float
) -> list[RemoteFile]:
    """The files of a data set among all that a source lists, with the checksums that the source carries.

    Raises:
        RefusedError: there are none.
        TransientError: its list of checksums does not come.
    """
    every = {file.name: file for file in found}
    chosen = {
        file.name: file
        for file in every.values()
        if belongs(source, file.name) or (file.may_be_folder and _in_folders(source))
    }
    if not chosen:
        raise nothing_listed(source, name)
    for line in await carried_list(remote, source, name, timeout) if NAME in every else ():
        if line.name in chosen:
            file = chosen[line.name]
            chosen[line.name] = replace(file, sha256=line.sha256, refused=line.refused or file.refused)
        elif is_of_line(line):
            chosen[line.name] = line
    return [chosen[name] for name in sorted(chosen)]


def _in_folders(source: Source) -> bool:
    """Whether files of the data set may lie in folders."""
    return any(set(pattern) & set("*?[/") for pattern in source.files)


async def carried_list(remote: Remote, source: Source, name: str, timeout: float) -> list[RemoteFile]:
    """The files of a data set that a mirror names in its ``checksums.tsv``, sorted, with their SHA-256 and size.

    A file whose line is damaged is refused: it would be trusted else. One that names no file has its number.

    Args:
        remote: the mirror.
        source: its declaration.
        name: name of the data set.
        timeout: seconds, as in `bounds.fast_enough`.

    Raises:
        ExceededError: it is longer than LIST_BYTES.
        RefusedError: it has none, or gives something else.
        TransientError: it may give it later, or half of the lines of what came are damaged.
    """
    stream = remote.read(RemoteFile(NAME, None), 0, None)
    async with aclosing(stream):
        text = await whole_body(stream, LIST_BYTES, f"its {NAME}", timeout)
    right, damaged = parse_lines(text.decode("utf-8", "replace"))
    if len(damaged) > len(right):
        raise TransientError(f"it sends no list of checksums ({NAME}, line {min(damaged)}: expected {LINE})")
    files = {file: RemoteFile(file, known.size, sha256=known.sha256) for file, known in of_dataset(name, right).items()}
    for number, begin in damaged.items():
        for file in of_dataset(name, {begin: None}):  # none where it is of another data set
            file = file if belongs(source, file) else f"{OF_LINE}{number}"
            files[file] = RemoteFile(file, None, refused=f"expected {LINE} in line {number} of the source's {NAME}")
    return [files[name] for name in sorted(files)]


def is_of_line(file: RemoteFile) -> bool:
    """Whether it stands for a line of a list that names no file."""
    return file.refused != "" and file.name.startswith(OF_LINE)
