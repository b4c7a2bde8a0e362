"""Places of raw files: a folder of this machine, or an object store, of which each process has a folder of copies.

Raw formats read folders. Of a store, that folder has all raw files by their names and sizes. Files of HDF5 are sparse
there: the parts that are read are got before, by requests for ranges, and given back when a shard is written. Other
files are copied whole, since their readers do not ask.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from multiprocessing.util import Finalize
from pathlib import Path, PurePosixPath
from typing import Protocol

from sciml_datasets.benchmarks import find
from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.arriving import add_source, forget_sources
from sciml_datasets.files.documents import is_path_below
from sciml_datasets.object_stores.sparse_file import SparseFile
from sciml_datasets.object_stores.store import Store, pieces
from sciml_datasets.object_stores.stored_object import StoredObject
from sciml_datasets.object_stores.trouble import trouble
from sciml_datasets.parallel.processes import signature
from sciml_datasets.preparation.options import PrepareOptions
from sciml_datasets.preparation.places import raw_place
from sciml_datasets.preparation.scratch import RAW, new_scratch
from sciml_datasets.preparation.traffic import Traffic
from sciml_datasets.raw_files import raw_folder
from sciml_datasets.raw_format import RawFile

HDF5 = (".h5", ".hdf5", ".hdf")
"""Endings of names of files that are read by `sciml_datasets.files.hdf5` alone."""


class RawSource(Protocol):
    """The raw files of a data set, for every process that takes part; it can be pickled."""

    @property
    def folder(self) -> Path:
        """The folder in which this process reads them."""

    def named(self) -> AbstractContextManager[None]:
        """Context in which errors name the files as the user knows them; afterwards room is given back."""

    def traffic(self) -> Traffic:
        """The traffic of this process so far."""

    def check_unchanged(self, before: list[RawFile], files: Callable[[], list[RawFile]]) -> None:
        """Compare the files as they were when they were indexed with what they are when all shards are written.

        Args:
            before: the files as they were.
            files: function that lists the files of the folder.

        Raises:
            InputError: one has changed, or was added or removed meanwhile; shards may hold data of either state.
        """


@dataclass(frozen=True, slots=True)
class RawFolder:
    """A `RawSource` that is a folder."""

    folder: Path

    def __str__(self) -> str:
        return str(self.folder)

    def named(self) -> AbstractContextManager[None]:
        """See `RawSource`."""
        return nullcontext()

    def traffic(self) -> Traffic:
        """See `RawSource`."""
        return Traffic()

    def check_unchanged(self, before: list[RawFile], files: Callable[[], list[RawFile]]) -> None:
        """See `RawSource`."""
        _check_same(str(self.folder), before, files())


@dataclass(frozen=True, slots=True)
class RawBucket:
    """A `RawSource` in an object store.

    Attributes:
        store: the store, at the folder of the data set.
        objects: the raw files.
        preparation: text that is unique to the preparation.
    """

    store: Store
    objects: tuple[StoredObject, ...]
    preparation: str

    def __str__(self) -> str:
        return self.store.url

    @classmethod
    def at(cls, store: Store) -> RawBucket:
        """The raw files that are in a store now.

        Raises:
            InputError: a name is none that a file can have.
            StoreTroubleError: the store cannot be listed.
        """
        with trouble():
            listed = store.listed()
        folders = {"", *(str(parent) for stored in listed for parent in PurePosixPath(stored.name).parents)}
        found = tuple(stored for stored in listed if stored.name not in folders)  # consoles make objects for folders
        for stored in found:
            if not is_path_below(stored.name):
                raise InputError(f"{store.url}: {stored.name!r} is no name of a raw file: rename or remove the object")
        return cls(store, found, signature())

    @property
    def folder(self) -> Path:
        """See `RawSource`."""
        return self._copies.folder

    @property
    def _copies(self) -> _Copies:
        known = _copies_of_process()
        if self.preparation not in known:
            while known:
                known.popitem()[1].end()
            known[self.preparation] = _Copies(self.store, self.objects)
        return known[self.preparation]

    @contextmanager
    def named(self) -> Iterator[None]:
        """See `RawSource`."""
        copies = self._copies
        try:
            yield
        except InputError as error:
            raise InputError(str(error).replace(str(copies.folder), self.store.url)) from error
        finally:
            copies.forget()

    def traffic(self) -> Traffic:
        """See `RawSource`."""
        copies = _copies_of_process().get(self.preparation)
        return Traffic.of(copies.store if copies else self.store)

    def check_unchanged(self, before: list[RawFile], files: Callable[[], list[RawFile]]) -> None:
        """See `RawSource`."""
        _check_same(self.store.url, self.objects, RawBucket.at(self.store).objects)


def _check_same(where: str, before: Iterable[RawFile | StoredObject], now: Iterable[RawFile | StoredObject]) -> None:
    changed = set(before) ^ set(now)
    if changed:
        name = min(file.name for file in changed)
        raise InputError(
            f"{where}/{name} changed while it was prepared: run it again when no other program writes there"
        )


def raw_source(name: str, options: PrepareOptions, data_dir: str | Path | None) -> RawSource:
    """The place of the raw files of a data set; those of demo data are simulated where none is chosen.

    Args:
        name: name of the data set.
        options: options of the preparation.
        data_dir: folder of prepared data sets; None for TFDS's.

    Raises:
        InputError: there are no raw files.
        StoreTroubleError: the store cannot be listed.
    """
    place = raw_place(options.raw_dir)
    if place is None or isinstance(place, Path):
        return RawFolder(raw_folder(name, place, data_dir, options.raw_name))
    benchmark, dataset = find(name)
    names = (options.raw_name,) if options.raw_name else tuple(filter(None, (name, dataset.preprocessed_from)))
    for candidate in names:
        found = RawBucket.at(Store(f"{place}/{candidate}", "raw_dir"))
        if found.objects:
            return found
    raise InputError(
        f"no raw files of {name}: there is no object below {' or '.join(f'{place}/{one}' for one in names)}: copy the "
        f"files there, or correct --raw-dir; {benchmark.obtain}"
    )


class _Copies:
    """The folder of this process with the raw files of a store; see the module's docstring.

    Attributes:
        folder: the folder.
        store: the store.
    """

    def __init__(self, store: Store, objects: tuple[StoredObject, ...]) -> None:
        self.folder, self.store, self._sparse = new_scratch(RAW), store, dict[Path, SparseFile]()
        work = self.folder.parent
        self._objects = {self.folder / stored.name: stored for stored in objects}
        self._remove = Finalize(None, shutil.rmtree, (work, True), exitpriority=1)  # children of multiprocessing do too
        whole = [path for path in self._objects if not path.name.lower().endswith(HDF5)]
        needed, free = sum(self._objects[path].size for path in whole), shutil.disk_usage(work).free
        if free < needed:
            raise InputError(
                f"{store.url}: {needed / 1e9:.3f} GB of files that are no HDF5 are copied whole by each process, and "
                f"{free / 1e9:.3f} GB are free in {work.parent}: make room, name another folder in TMPDIR, or put the "
                "raw files into a folder"
            )
        pool = ThreadPoolExecutor(store.in_flight, "raw files")
        for folder in {path.parent for path in self._objects}:
            folder.mkdir(parents=True, exist_ok=True)
        for path in self._objects.keys() - whole:
            self._sparse[path] = SparseFile(store, self._objects[path], path, pool)
            add_source(path, self._sparse[path])
            _date(path, self._objects[path])
        with trouble():
            store.each(lambda path: _copy(store, self._objects[path], path), whole)

    def end(self) -> None:
        """Remove the folder."""
        forget_sources(self.folder)
        self._remove()

    def forget(self) -> None:
        """Give back the room of what was read of sparse files."""
        for path, sparse in self._sparse.items():
            if not sparse.is_empty:
                sparse.forget()
                _date(path, self._objects[path])


@cache
def _copies_of_process() -> dict[str, _Copies]:
    """The folder of this process by the preparation that uses it."""
    return {}


def _copy(store: Store, stored: StoredObject, path: Path) -> None:
    with naming(path), path.open("wb") as file:
        for start, end in pieces(0, stored.size):
            file.write(store.get_range(stored.name, start, end, stored.etag))
    _date(path, stored)


def _date(path: Path, stored: StoredObject) -> None:
    """Give a copy a time of change that follows from the tag of the object: where it differs, the content does."""
    seconds = int.from_bytes(sha256(stored.etag.encode()).digest()[:4]) >> 1
    os.utime(path, (seconds, seconds))
