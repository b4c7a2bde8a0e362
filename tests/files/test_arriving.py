"""Files of which parts are got as they are read."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from traceback import walk_tb

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets.errors import InputError
from sciml_datasets.files.arriving import ArrivingFile, add_source, forget_sources
from sciml_datasets.files.hdf5 import opened
from sciml_datasets.object_stores.failures import MissingObjectError
from sciml_datasets.object_stores.sparse_file import BLOCK, SparseFile
from sciml_datasets.object_stores.store import Store

SIZE = 5 * BLOCK + 17
CONTENT = np.random.default_rng(0).bytes(SIZE)


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


@pytest.fixture(scope="module")
def sparse(tmp_path_factory: pytest.TempPathFactory, pool: ThreadPoolExecutor) -> SparseFile:
    """A sparse file of an object with CONTENT."""
    folder = tmp_path_factory.mktemp("arriving")
    (folder / "object").write_bytes(CONTENT)
    store = Store(folder.as_uri())
    return SparseFile(store, store.head("object"), folder / "copy", pool)


@given(st.lists(st.tuples(st.integers(0, SIZE + 5), st.integers(0, 2 * BLOCK)), min_size=1, max_size=5), st.booleans())
def test_whatever_is_read_is_as_in_the_object(sparse: SparseFile, reads: list[tuple[int, int]], forgets: bool) -> None:
    with ArrivingFile(sparse.path, sparse) as file:
        for start, count in reads:
            file.seek(start)
            assert file.read(count) == CONTENT[start : start + count]
            if forgets:
                sparse.forget()


def test_hdf5_is_read_through_it(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    values = np.random.default_rng(1).random((3, 200, 200))
    with h5py.File(tmp_path / "object", "w") as file:
        file.create_group("a")["plain"] = values
        file.create_dataset("chunked", data=values, chunks=(1, 50, 50), compression="gzip")
        file["a"].attrs["name"] = "quartz"
    store = Store(tmp_path.as_uri())
    sparse = SparseFile(store, store.head("object"), tmp_path / "copy", pool)
    add_source(sparse.path, sparse)
    with opened(sparse.path) as file:
        plain = file.group("a").array("plain")
        assert file.group("a").text("name") == "quartz"
        into = np.empty_like(values)
        file.read_at(plain.offset or 0, into, "plain")
        assert (into == values).all()
        assert (file.array("chunked").whole() == values).all()
    forget_sources(tmp_path)


def test_what_keeps_bytes_from_coming_is_told_and_no_damage_of_the_file(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    (tmp_path / "object").write_bytes(CONTENT)
    store = Store(tmp_path.as_uri())
    sparse = SparseFile(store, store.head("object"), tmp_path / "copy", pool)
    (tmp_path / "object").unlink()
    add_source(sparse.path, sparse)
    with pytest.raises(MissingObjectError, match="there is no such object"), opened(sparse.path):
        pass
    forget_sources(tmp_path)
    with pytest.raises(InputError, match="not a complete HDF5 file"), opened(sparse.path):
        pass


def test_an_error_that_is_kept_until_python_has_ended_keeps_nothing_of_h5py(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    (tmp_path / "object").write_bytes(b"no HDF5")
    store = Store(tmp_path.as_uri())
    sparse = SparseFile(store, store.head("object"), tmp_path / "copy", pool)
    add_source(sparse.path, sparse)
    with pytest.raises(InputError, match="not a complete HDF5 file") as caught, opened(sparse.path):
        pass
    forget_sources(tmp_path)
    assert caught.value.__cause__
    frames = [frame for frame, _ in walk_tb(caught.value.__cause__.__traceback__) if "h5py" in frame.f_code.co_filename]
    assert [frame.f_locals for frame in frames if frame.f_locals] == []
    assert frames
