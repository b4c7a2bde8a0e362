"""Checksums of raw files: published ones where there are any, else those of the first sight.

A list has a line per file: name, SHA-256, and, where they are known, size in bytes and the ETag that an S3 server gives
it, separated by tabs. ``checksums.tsv`` in a raw folder records what was seen; the one of a benchmark in this package
is published, and its names start with the data set. Wherever a list stands, both kinds of names are understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sciml_datasets.benchmarks import dataset_names, find
from sciml_datasets.errors import InputError
from sciml_datasets.files import atomic
from sciml_datasets.files.documents import is_path_below, is_sha256, read_text

NAME = "checksums.tsv"
Known = TypeVar("Known")
SIZE = re.compile(r"[0-9]{0,18}")
LINE = "a file name, a tab and a SHA-256"


class ChecksumError(InputError):
    """A raw file is not the one that its checksum belongs to."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """The known facts of the content of a file.

    Attributes:
        sha256: hexadecimal.
        size: bytes, None where it is not listed.
        etag: ETag of S3, without quotes; "" where it is not listed.
    """

    sha256: str
    size: int | None = None
    etag: str = ""


def published_checksums(name: str) -> dict[str, Checksum]:
    """The published checksums of the raw files of a data set in this package, by file name.

    Raises:
        InputError: no data set has this name, or the list cannot be read.
    """
    return of_dataset(name, read_list(published_list(name)))


def of_dataset(name: str, listed: Mapping[str, Known]) -> dict[str, Known]:
    """What is known of the files of one data set, by name, of a list whose names may start with those of data sets."""
    others = set(dataset_names()) - {name}
    own, plain = {}, {}
    for file, checksum in listed.items():
        first, separator, rest = file.partition("/")
        if separator and first == name:
            own[rest] = checksum
        elif not separator or first not in others:
            plain[file] = checksum
    return own | plain


def published_list(name: str) -> Path:
    """The path of the list in which this package publishes checksums of the raw files of a data set.

    Raises:
        InputError: no data set has this name.
    """
    return find(name)[0].folder / NAME


def known_checksums(name: str, folder: Path) -> dict[str, str]:
    """SHA-256 by file name: published with this package, else recorded in the raw folder when it was first hashed.

    Args:
        name: name of the data set.
        folder: its raw folder.

    Raises:
        InputError: no data set has this name, or a list of checksums cannot be read.
    """
    known = of_dataset(name, read_list(folder / NAME)) | published_checksums(name)
    return {file: checksum.sha256 for file, checksum in known.items()}


def read_checksums(path: Path) -> dict[str, str]:
    """SHA-256 by file name of a list; none where it does not exist.

    Raises:
        InputError: as `read_list`.
    """
    return {name: checksum.sha256 for name, checksum in read_list(path).items()}


def read_list(path: Path) -> dict[str, Checksum]:
    """The checksums of a list; none where it does not exist.

    Raises:
        InputError: a line is not a name and a SHA-256, separated by a tab, with size and ETag after them or without.
    """
    return parse_list(read_text(path, "correct or remove the file"), str(path)) if path.exists() else {}


def parse_list(text: str, where: str) -> dict[str, Checksum]:
    """The checksums of a list's text; ``where`` it stands is for the message.

    Raises:
        InputError: as `read_list`.
    """
    checksums, damaged = parse_lines(text)
    if damaged:
        raise InputError(f"{where}, line {min(damaged)}: expected {LINE}: correct or remove the file")
    return checksums


def parse_lines(text: str) -> tuple[dict[str, Checksum], dict[int, str]]:
    """The checksums of the lines that are right, and the number of each other line with what stands for the name."""
    checksums, damaged = {}, {}
    for number, line in enumerate(text.splitlines(), 1):
        name, value, size, etag, *more = [*line.split("\t"), "", "", ""]
        if not is_path_below(name) or not is_sha256(value) or not SIZE.fullmatch(size) or any(more):
            damaged[number] = name
        else:
            checksums[name] = Checksum(value, int(size) if size else None, etag)
    return checksums, damaged


def write_list(path: Path, checksums: Mapping[str, Checksum]) -> None:
    """Write a list, sorted by name; it appears whole."""
    lines = (
        "\t".join((name, known.sha256, "" if known.size is None else str(known.size), known.etag)).rstrip("\t") + "\n"
        for name, known in sorted(checksums.items())
    )
    atomic.write_text(path, "".join(lines))


def check_present(folder: Path, known: Mapping[str, str]) -> None:
    """Make sure that all raw files with a known checksum are there.

    Raises:
        ChecksumError: one is missing; it is named.
    """
    for name in sorted(known):
        if not (folder / name).exists():
            raise ChecksumError(f"{folder / name} is missing: fetch it, or remove its line from {folder / NAME}")


def record_checksums(folder: Path, known: Mapping[str, str], found: Mapping[str, str]) -> str:
    """Compare the checksums of all raw files with the known ones; record new ones in the raw folder.

    Returns:
        Why the new ones could not be recorded, in a sentence, as where the folder is read-only; "" where they were.

    Raises:
        ChecksumError: a file is missing or differs from its known checksum; it is named, nothing is recorded.
    """
    check_present(folder, known)
    for name, value in found.items():
        if known.get(name, value) != value:
            raise ChecksumError(
                f"{folder / name}: the SHA-256 is {value}, expected {known[name]}: fetch the file again, or "
                f"remove its line from {folder / NAME} if it was replaced on purpose"
            )
    new = {name: Checksum(value) for name, value in found.items() if name not in known}
    if not new:
        return ""
    listed = read_list(folder / NAME) | new
    try:
        write_list(folder / NAME, listed)
    except OSError as error:
        return (
            f"the checksums of {len(new)} raw files seen for the first time were not recorded: {folder} cannot be "
            f"written ({error.strerror or error})"
        )
    return ""
