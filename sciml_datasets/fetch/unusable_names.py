"""Names that a source gives to files and that no file of the raw folder can have.

A key of S3 is any text of up to 1,024 bytes, and may be the beginning of another one as if it were a folder (Amazon S3
user guide, Naming Amazon S3 objects).
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from sciml_datasets.paths import LONGEST_NAME, LONGEST_PATH

CONTROL = ("Cc", "Zl", "Zp", "Cs")
"""Unicode's categories of characters that a line of a list cannot hold: controls, separators, halves of a pair."""


def unusable_names(names: Iterable[str], folder: Path) -> dict[str, str]:
    """The names that cannot be used, each with why, as a clause that follows the name.

    Args:
        names: names of files, relative to the source's folder, with slashes.
        folder: in which files with these names are to be made; it need not exist.
    """
    ordered = sorted(names)
    parents = {str(parent): name for name in ordered for parent in PurePosixPath(name).parents}
    wrong: dict[str, str] = {}
    taken: dict[str, str] = {}
    ignores_case = _ignores_case(folder)
    for name in ordered:
        why = _why(name, folder)
        if not why and name in parents:
            why = f"{parents[name]} makes it a folder, and a file cannot have the same name"
        if not why and ignores_case and taken.setdefault(name.casefold(), name) != name:
            why = f"it differs from {taken[name.casefold()]} in upper and lower case alone, which {folder} ignores"
        if why:
            wrong[name] = why
    return wrong


def _why(name: str, folder: Path) -> str:
    """A clause on the defect of a name, independent of others; "" where it has none."""
    parts = name.split("/")
    depth = 0
    for part in parts:
        depth += -1 if part == ".." else int(part not in ("", "."))
        if depth < 0:
            return "its name leads out of the folder"
    if {"", ".", ".."} & set(parts):
        return "a part of its name is empty, . or .., which no file here can be called"
    if "\\" in name or any(unicodedata.category(character) in CONTROL for character in name):
        return f"its name {name!r} holds a backslash, a tab, a line break or another control character"
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
