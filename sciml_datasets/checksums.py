"""Checksums of raw files: published ones where there are any, else those of the first sight."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from sciml_datasets.errors import InputError

NAME = "checksums.tsv"


class ChecksumError(InputError):
    """A raw file is not the one that its checksum belongs to."""


BLOCK = 1 << 20


def sha256_of(path: Path, tick: Callable[[int], object] | None = None) -> str:
    """Hexadecimal SHA-256 of a file; ``tick`` hears of the bytes read."""
    sha256, block = hashlib.sha256(), bytearray(BLOCK)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            sha256.update(memoryview(block)[:count])
            if tick:
                tick(count)
    return sha256.hexdigest()


def known_checksums(benchmark: str, folder: Path) -> dict[str, str]:
    """SHA-256 by file name: published with this package, else recorded in the raw folder when it was first hashed.

    Raises:
        InputError: a list of checksums is not tab-separated name and SHA-256.
    """
    return read_checksums(folder / NAME) | read_checksums(Path(__file__).parent / benchmark / NAME)


def read_checksums(path: Path) -> dict[str, str]:
    """The checksums of a list; none where it does not exist.

    Raises:
        InputError: a line is not a name and a SHA-256, separated by a tab.
    """
    checksums = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for number, line in enumerate(lines, 1):
        name, _, value = line.partition("\t")
        if len(value) != 64 or set(value) - set("0123456789abcdef"):
            raise InputError(
                f"{path}, line {number}: expected a file name, a tab and a SHA-256: correct or remove the file"
            )
        checksums[name] = value
    return checksums


def record_checksums(folder: Path, known: Mapping[str, str], found: Mapping[str, str]) -> None:
    """Compare the checksums of all raw files with the known ones; record new ones in the raw folder.

    Raises:
        ChecksumError: a file is missing or differs from its known checksum; it is named, nothing is recorded.
    """
    for name in sorted(known.keys() - found.keys()):
        raise ChecksumError(f"{folder / name} is missing: fetch it, or remove its line from {folder / NAME}")
    for name, value in found.items():
        if known.get(name, value) != value:
            raise ChecksumError(
                f"{folder / name}: the SHA-256 is {value}, expected {known[name]}: fetch the file again, or "
                f"remove its line from {folder / NAME} if it was replaced on purpose"
            )
    recorded = read_checksums(folder / NAME)
    new = {name: value for name, value in found.items() if name not in known}
    if new:
        temporary = folder / (NAME + ".incomplete")
        lines = (f"{name}\t{value}\n" for name, value in sorted((recorded | new).items()))
        temporary.write_text("".join(lines), encoding="utf-8")
        temporary.replace(folder / NAME)
