"""Names that a source gives to files and that no file of the raw folder can have.

A key of S3 is any text of up to 1,024 bytes, and may be the beginning of another one as if it were a folder (Amazon S3
user guide, Naming Amazon S3 objects).
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from sciml_datasets.benchmarks import dataset_names
from sciml_datasets.fetch import terms
from sciml_datasets.fetch.sources.bounds import DEEPEST
from sciml_datasets.fetch.sources.server_text import is_writable
from sciml_datasets.files.checksums import NAME
from sciml_datasets.paths import LONGEST_NAME, LONGEST_PATH

RESERVED = (NAME.casefold(), terms.NAME.casefold())
"""Names, in lower case, of files that `sciml fetch` itself writes at the top of a raw folder."""


def unusable_names(names: Iterable[str], folder: Path) -> dict[str, str]:
    """The names that cannot be used, each with why, as a clause that follows the name.

    Args:
        names: names of files, relative to the source's folder, with slashes.
        folder: in which files with these names are to be made; it need not exist.
    """
    ordered, datasets = sorted(names), frozenset(dataset_names())
    wrong = {name: why for name in ordered if (why := _why(name, folder, datasets))}
    right = [name for name in ordered if name not in wrong]
    parents = {parent: name for name in right for parent in _folders(name)}
    taken: dict[str, str] = {}
    ignores_case = _ignores_case(folder)
    for name in right:
        normal = unicodedata.normalize("NFC", name)
        first = taken.setdefault(normal.casefold() if ignores_case else normal, name)
        if name in parents:
            wrong[name] = f"{parents[name]} makes it a folder, and a file cannot have the same name"
        elif first != name and normal == unicodedata.normalize("NFC", first):
            wrong[name] = f"it differs from {first} in its Unicode normal form alone, which many file systems ignore"
        elif first != name:
            wrong[name] = f"it differs from {first} in upper and lower case alone, which {folder} ignores"
    return wrong


def _folders(name: str) -> Iterator[str]:
    """The folders that a file lies in, below that of the source."""
    parts = name.split("/")
    return ("/".join(parts[:number]) for number in range(1, len(parts)))


def _why(name: str, folder: Path, datasets: frozenset[str]) -> str:
    """A clause on the defect of a name, independent of others; "" where it has none."""
    parts = name.split("/")
    depth = 0
    for part in parts:
        depth += -1 if part == ".." else int(part not in ("", "."))
        if depth < 0:
            return "its name leads out of the folder"
    if {"", ".", ".."} & set(parts):
        return "a part of its name is empty, . or .., which no file here can be called"
    if "\\" in name or not is_writable(name):
        return f"its name {name!r} holds a backslash, a tab, a line break or another control character"
    if len(parts) - 1 > DEEPEST:
        return f"it lies in {len(parts) - 1} folders, and a file may in {DEEPEST} at most"
    if parts[0].casefold() in RESERVED:
        return f"{parts[0]} is the name of a file of the raw folder itself"
    if len(parts) > 1 and parts[0] in datasets:
        return f"lists of checksums take {parts[0]} at its start for the data set: name that folder of the source"
    longest = max(len(os.fsencode(part)) for part in parts)
    if longest > LONGEST_NAME:
        return f"its name has {longest} bytes, and a file name at most {LONGEST_NAME}"
    if len(os.fsencode(folder.absolute() / name)) > LONGEST_PATH:
        return f"its path is longer than {LONGEST_PATH} bytes"
    return ""


def _ignores_case(folder: Path) -> bool:
    """Whether the file system takes upper and lower case for the same."""
    folder = folder.absolute()
    there = next(path for path in (folder, *folder.parents) if path.is_dir())
    other = there.with_name(there.name.swapcase())
    return other != there and other.exists() and other.samefile(there)
