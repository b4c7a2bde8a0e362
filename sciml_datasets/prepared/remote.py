"""Prepared data at a URL: the folder in the cache that stands for it, and what is fetched when.

Everything else in this package reads local files. Where a data set is opened, its URL becomes a folder in the cache
(`local_root`); where shards are read, they are fetched (`mirror_of`). No library of object stores is loaded without a
URL.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from sciml_datasets.benchmarks import data_root, dataset_names, find
from sciml_datasets.errors import InputError
from sciml_datasets.object_stores.failures import MissingObjectError
from sciml_datasets.object_stores.mirror import Listed, Mirror, root_of, store_at
from sciml_datasets.object_stores.opening import opened
from sciml_datasets.object_stores.urls import BUCKETS, checked_url, is_url, local_path
from sciml_datasets.prepared.integrity import (
    NAME,
    OFFSETS_SUFFIX,
    State,
    is_manifest,
    listed_files,
    manifest_of,
    state_of,
)


def local_root(name: str, version: str, data_dir: str | Path | None = None) -> Path:
    """The folder of prepared data sets on this machine; for a URL, the one in the cache that stands for it.

    Args:
        name: name of the data set.
        version: its version.
        data_dir: folder or URL; None for TFDS_DATA_DIR, else TFDS's default.

    Raises:
        InputError: it can be neither, or the data set cannot be opened there.
        OSError: the cache cannot be written.
    """
    url = place_to_read(data_dir)
    if isinstance(url, Path):
        return url
    try:
        return opened(url, f"sciml/{name}/{version}", NAME, _listed)
    except MissingObjectError as error:
        how = f"`sciml prepare {name} --data-dir {url}`"
        if url.partition(":")[0] not in BUCKETS:
            how = "`sciml prepare` in a folder and copy it there"
        raise InputError(
            f"{url} holds no {name} {version} (there is no sciml/{name}/{version}/{NAME}): prepare it with {how}, or "
            "correct the URL"
        ) from error


def place_to_read(data_dir: str | Path | None = None) -> Path | str:
    """The folder of prepared data sets on this machine, or the URL of one; nothing is asked of a store.

    Args:
        data_dir: as for `local_root`.

    Raises:
        InputError: it can be neither.
    """
    given, place = (
        (data_dir, "data_dir") if data_dir is not None else (os.environ.get("TFDS_DATA_DIR"), "TFDS_DATA_DIR")
    )
    if not given or not is_url(given):
        return data_root(data_dir)
    url = checked_url(given, place)
    return local_path(url, place) or url


def prepared_at(url: str) -> dict[str, bool]:
    """Whether each data set is prepared at a URL, by name: its manifest, which is written last, is there and is one.

    Raises:
        InputError: the store cannot be asked.
    """

    def there(name: str) -> bool:
        try:
            found = store.get(f"sciml/{name}/{find(name)[1].version}/{NAME}")
        except MissingObjectError:
            return False
        return found is not None and is_manifest(found[0])

    store, names = store_at(url), dataset_names()
    return dict(zip(names, store.each(there, names), strict=True))


def mirror_of(folder: Path) -> Mirror | None:
    """The copy in the cache that a folder is; None of any other folder.

    Raises:
        InputError: the copy is not complete.
    """
    if root_of(folder) is None:
        return None
    return _mirror(folder.absolute(), state_of(folder / NAME), os.getpid())


@lru_cache(maxsize=16)
def _mirror(folder: Path, state: State, process: int) -> Mirror:
    return Mirror(folder, _listed(folder))


def _listed(folder: Path) -> Listed:
    """What a manifest lists."""
    manifest = manifest_of(folder)
    files = listed_files(manifest)
    shards = frozenset(entry["name"] for entry in manifest["shards"])
    beside = {name: name + OFFSETS_SUFFIX for name in shards if name + OFFSETS_SUFFIX in files}
    return Listed(files, shards, beside)


def place_of(folder: Path) -> str:
    """The folder, or the URL that it is the copy of, for messages."""
    mirror = mirror_of(folder)
    return str(folder) if mirror is None else mirror.url


def have_whole(paths: Iterable[str | Path]) -> None:
    """Fetch shards of one folder that is in the cache, where they are not whole; do nothing in other folders.

    Args:
        paths: paths of the shards.

    Raises:
        InputError: one cannot be got, is damaged, or the cache is too small for them together.
        OSError: the cache cannot be written.
    """
    found = [Path(path) for path in paths]
    mirror = mirror_of(found[0].parent) if found else None
    if mirror is not None:
        mirror.fetch(path.name for path in found if path.name in mirror.listed.files)
