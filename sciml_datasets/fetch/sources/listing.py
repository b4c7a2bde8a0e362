"""Listing of a folder of any file system of fsspec, with the reasons why some entries cannot be read like a file.

fsspec's own walk leaves out, without a word, folders that cannot be listed, and folders that are symbolic links.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.local import LocalFileSystem

from sciml_datasets.errors import InputError
from sciml_datasets.files.regular_files import regular_file, walked

Entry = dict[str, Any]
"""Description of a file by its file system: size and tags, as `info` of fsspec returns."""
LOST = "lost+found"
"""Folder of a file system's own repair, at the top of a disk."""


def entries(fs: AbstractFileSystem, root: str) -> Iterator[tuple[str, Entry | str]]:
    """The names of all files below a folder, relative to it, each with its entry, or with why it cannot be read.

    A name that ends with a slash is that of what may be a folder. Nothing hidden is looked at on a local disk.

    Raises:
        InputError: a symbolic link leads to a folder that it lies in.
        OSError: a folder cannot be listed.
    """
    if isinstance(fs, LocalFileSystem):
        return _local(Path(root))
    if type(fs).find is AbstractFileSystem.find or getattr(type(fs), "_find", None) is AsyncFileSystem._find:
        found = _below(fs, root)
    else:  # one that lists flat, as object stores do, or that walks in its own way
        found = ((path, entry) for path, entry in fs.find(root, detail=True).items())
    start = root.rstrip("/") + "/"
    return ((path.removeprefix(start), entry) for path, entry in found)


def entry_of(fs: AbstractFileSystem, path: str) -> Entry:
    """Description of one file by its file system.

    Raises:
        InputError: on a local disk, it is nothing that can be read like a file.
        OSError: there is none.
    """
    if not isinstance(fs, LocalFileSystem):
        found: Entry = fs.info(path)
        return found
    status = regular_file(Path(path))
    return {"size": status.st_size, "mtime": status.st_mtime, "created": status.st_ctime}


def _local(root: Path) -> Iterator[tuple[str, Entry | str]]:
    fs = LocalFileSystem()
    for folder, folders, names in walked(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name != LOST]
        for name in names:
            path = folder / name
            relative = path.relative_to(root).as_posix()
            try:
                yield relative, entry_of(fs, str(path))
            except (InputError, OSError) as error:
                may_be_folder = path.is_symlink() and not path.suffix  # on a disk that is not mounted
                yield f"{relative}/" if may_be_folder and not name.startswith(".") else relative, str(error)


def _below(fs: AbstractFileSystem, folder: str) -> Iterator[tuple[str, Entry | str]]:
    for entry in fs.ls(folder, detail=True):
        path = entry["name"].rstrip("/")
        if path == folder.rstrip("/"):
            continue
        if entry["type"] == "link":  # of SSH, whose listing describes the link itself
            try:
                entry = fs.info(path)
            except OSError as error:
                yield path, f"it is a symbolic link that cannot be followed ({error})"
                continue
            if entry["type"] == "directory":
                yield f"{path}/", "it is a symbolic link to a folder, name that folder as another source"
                continue
        if entry["type"] == "directory":
            yield from _below(fs, path)
        elif entry["type"] == "other":
            yield path, "it is no regular file"
        else:
            yield path, entry
