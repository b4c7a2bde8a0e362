"""Files of a prepared folder are compared with its manifest before they are read.

Records in shards carry checksums of their own, which are compared record by record. Everything beside them that decides
what is read or scored (member lists, tables, facts, layouts, offsets) is compared as a whole with the size and SHA-256
in ``manifest.json``, once a process as long as the file does not change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from sciml_datasets.benchmarks import dataset_names
from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.documents import Kinds, is_count, is_file_name, is_sha256, object_of, parse_json, read_object
from sciml_datasets.files.hashing import sha256_of
from sciml_datasets.files.regular_files import is_there, regular_file

NAME = "manifest.json"
OFFSETS_SUFFIX = ".offsets"
"""Ending of the name of the file beside a TFRecord shard that holds the positions at which its records begin."""
VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
"""Name of a prepared folder."""
AGAIN = "remove the folder and prepare the data set again"
_KINDS: Kinds = dict.fromkeys(("dataset", "version", "file_format", "plan_digest"), str) | {
    "shards": list,
    "files": list,
}
_FILE: Kinds = {"name": str, "bytes": int, "sha256": str}
_SHARD: Kinds = {"records": int, "offsets_sha256": str}
_EXPECTED = "a manifest of prepared data"

State = tuple[int, int, int]
"""Size, time of change and inode of a file; where they differ the content is taken to differ."""


def is_manifest(content: bytes) -> bool:
    """Whether a file's content is that of a manifest: a server may answer anything to a name that it does not know."""
    try:
        object_of(parse_json(content, NAME, AGAIN), NAME, _EXPECTED, AGAIN, _KINDS)
    except InputError:
        return False
    return True


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a prepared folder.

    Raises:
        InputError: there is none, or it is no manifest.
    """
    path = folder / NAME
    try:
        manifest = read_object(path, _EXPECTED, AGAIN, _KINDS)
    except (FileNotFoundError, NotADirectoryError) as error:
        check_version(folder)
        other = "" if not is_there(folder) else "; if something else is in that folder, move it elsewhere"
        raise InputError(
            f"{path} is missing: prepare the data set with `sciml prepare`, or name the --data-dir that it is in{other}"
        ) from error
    _files(manifest, str(path))
    return manifest


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest of a prepared folder, which is read once a process as long as the file does not change.

    Raises:
        InputError: as `read_manifest`, or the file is no regular one.
        OSError: it cannot be read.
    """
    path = folder / NAME
    if not is_there(path):
        return read_manifest(folder)
    regular_file(path)
    return _manifest(path, state_of(path))


def choices_of(folder: Path) -> dict[str, str] | None:
    """The values of the benchmark's choices that a folder was prepared with, by name; None where it has no manifest.

    Raises:
        InputError: as `manifest_of`, or its choices are none.
    """
    path = folder / NAME
    if not is_there(path):
        return None
    choices = manifest_of(folder).get("choices", {})
    if not isinstance(choices, dict) or not all(isinstance(value, str) for value in choices.values()):
        raise InputError(f"{path}: its choices are {str(choices)[:80]!r}, expected a text of each: {AGAIN}")
    return choices


def check_version(folder: Path) -> None:
    """Refuse a data set that is prepared in another version only.

    Args:
        folder: ``<data_dir>/sciml/<name>/<version>``.

    Raises:
        InputError: the folder does not exist, but a folder of another version does.
    """
    if folder.exists():
        return
    others = sorted(path.parent.name for path in folder.parent.glob(f"*/{NAME}") if VERSION.fullmatch(path.parent.name))
    if others:
        raise InputError(
            f"{folder.parent} holds version {' and '.join(others)}, whose data differ; this release reads "
            f"{folder.name}: prepare the data set again with `sciml prepare`"
        )


def listed_files(manifest: Mapping[str, Any]) -> dict[str, tuple[int, str]]:
    """Size and SHA-256, by name, of every file that a manifest lists, as `read_manifest` has checked them."""
    return _files(manifest, NAME)


def shard_files(name: str, size: int, sha256: str, records: int, offsets_sha256: str) -> list[tuple[str, int, str]]:
    """Name, size and SHA-256 of a shard's files: of the shard, and of its offsets where it has some."""
    shard = (name, size, sha256)
    return [shard, (name + OFFSETS_SUFFIX, 8 * (records + 1), offsets_sha256)] if offsets_sha256 else [shard]


def undamaged(path: Path) -> Path:
    """The path of a file of a prepared folder, returned after the file was compared with the manifest beside it.

    Where the folder has no manifest (`listed_of`), nothing is compared. A file that neither exists nor is listed is
    left to the caller.

    Raises:
        InputError: the file differs from the manifest, is not in it, is missing or no regular file; or the manifest is
            missing or damaged.
        OSError: it cannot be read.
    """
    there = is_there(path)
    if there:
        regular_file(path)
    listed = listed_of(path.parent)
    if listed is None:
        return path
    if not there:
        if path.name in listed:
            raise InputError(f"{path} is missing, {NAME} lists it: {AGAIN}")
        return path
    if path.name not in listed:
        raise InputError(f"{path} is not in {NAME}: remove it if it is yours, else {AGAIN}")
    size, sha256 = listed[path.name]
    if path.stat().st_size != size:
        raise InputError(f"{path} is damaged (its size differs from the one in {NAME}): {AGAIN}")
    if content_sha256(path) != sha256:
        raise InputError(f"{path} is damaged (its SHA-256 differs from the one in {NAME}): {AGAIN}")
    return path


def listed_of(folder: Path) -> Mapping[str, tuple[int, str]] | None:
    """Size and SHA-256, by name, of the files of a prepared folder, as its manifest lists them.

    A folder gets its name, ``sciml/<name>/<version>``, when it is complete. A folder of another name without a manifest
    is still being prepared, or was written by other programs: the result is None, as it is where there is no folder.

    Raises:
        InputError: the manifest is damaged, is no regular file, or is missing in a folder of such a name.
        OSError: it cannot be read.
    """
    manifest = folder / NAME
    if not is_there(manifest):
        if _is_finished(folder) and folder.is_dir() and any(folder.iterdir()):
            read_manifest(folder)
        return None
    regular_file(manifest)
    return _listed(manifest, state_of(manifest))


def _is_finished(folder: Path) -> bool:
    root, name, version = ("", "", "", *folder.absolute().parts)[-3:]
    return root == "sciml" and name in dataset_names() and bool(VERSION.fullmatch(version))


def check_described(folder: Path) -> None:
    """Compare TFDS's own description of a prepared folder, which it reads itself, with the manifest.

    Raises:
        InputError, OSError: as `undamaged`.
    """
    for name in ("dataset_info.json", "features.json", "metadata.json"):
        undamaged(folder / name)


def content_sha256(path: Path) -> str:
    """The SHA-256 of a file; a process reads the file once as long as it does not change.

    Raises:
        OSError: it cannot be read.
    """
    return _sha256(path.absolute(), state_of(path))


def state_of(path: Path) -> State:
    """The state of a file, by which a later change is recognised.

    Raises:
        OSError: the file system does not return it.
    """
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


@lru_cache(maxsize=1 << 16)
def _sha256(path: Path, state: State) -> str:
    with naming(path):
        return sha256_of(path)


@lru_cache(maxsize=16)
def _manifest(path: Path, state: State) -> dict[str, Any]:
    return read_manifest(path.parent)


@lru_cache(maxsize=16)
def _listed(path: Path, state: State) -> dict[str, tuple[int, str]]:
    return listed_files(_manifest(path, state))


def _files(manifest: Mapping[str, Any], where: str) -> dict[str, tuple[int, str]]:
    plain = (file for entry in manifest["files"] for file in _files_of(entry, where, _FILE))
    shards = (file for entry in manifest["shards"] for file in _files_of(entry, where, {**_FILE, **_SHARD}))
    return {name: (size, sha256) for name, size, sha256 in chain(plain, shards)}


def _files_of(entry: Any, where: str, kinds: Kinds) -> Iterator[tuple[str, int, str]]:
    """Name, size and SHA-256 of the files of one entry: two for a shard that has offsets."""
    entry = object_of(entry, f"an entry of {where}", _EXPECTED, AGAIN, kinds)
    for name, size, sha256 in shard_files(*(entry.get(key, "") for key in (*_FILE, *_SHARD))):
        if not (is_file_name(name) and is_count(size) and is_sha256(sha256)):
            raise InputError(
                f"{where} lists {name!r} with {size} bytes and the SHA-256 {sha256[:80]!r}, expected a file name, a "
                f"size and 64 hexadecimal digits: {AGAIN}"
            )
        yield name, size, sha256
