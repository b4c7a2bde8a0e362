"""Files in a raw folder that are none of its raw files: they are left out, and named once."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from sciml_datasets.files.checksums import NAME
from sciml_datasets.files.regular_files import is_companion
from sciml_datasets.messages import inform
from sciml_datasets.raw_format import RawFile


def report_other_files(folder: Path, files: Iterable[RawFile], accompanying: Collection[str]) -> None:
    """Log one line that counts the files that are left out, and names the first.

    Args:
        folder: the raw folder of a data set.
        files: its raw files.
        accompanying: glob patterns of names of files that belong to them, see `RawFormat.accompanying`.
    """
    raw = {file.name for file in files}
    others = sorted(name for name in _names(folder) if name not in raw and not _belongs(name, accompanying))
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        inform(f"{folder}: left out, as they are no raw files: {others[0]}{more}")


def _names(folder: Path) -> Iterator[str]:
    """Names of the files below a folder; what cannot be read is no raw file either, or is refused elsewhere."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_companion(name)]
        yield from (Path(parent, name).relative_to(folder).as_posix() for name in names)


def _belongs(name: str, accompanying: Collection[str]) -> bool:
    last = name.rpartition("/")[2]
    return is_companion(last) or any(fnmatchcase(last, pattern) for pattern in (NAME, *accompanying))
