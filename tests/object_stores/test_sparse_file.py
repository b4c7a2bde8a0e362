"""A sparse file of an object: what is read of it is got, headers in advance, and most of it is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from object_servers import Answer, answering, numbers, serving

from sciml_datasets.object_stores.failures import MissingObjectError
from sciml_datasets.object_stores.sparse_file import AHEAD, BLOCK, FIRST, SparseFile
from sciml_datasets.object_stores.store import Store
from sciml_datasets.object_stores.stored_object import StoredObject

CONTENT = numbers(100 * BLOCK)
STEP = 3 * BLOCK + 40
"""Distance of the headers of a file, as of arrays of one size between them."""


@pytest.fixture
def blocks() -> list[int]:
    """Numbers of the blocks that the server was asked for."""
    return []


@pytest.fixture
def sparse(tmp_path: Path, blocks: list[int]) -> Iterator[SparseFile]:
    """A sparse file of an object with the content."""
    plain = serving(CONTENT)

    def answer(method: str, path: str, headers: dict[str, str]) -> Answer:
        if "range" in headers:
            first, last = map(int, headers["range"].removeprefix("bytes=").split("-"))
            blocks.extend(range(first // BLOCK, last // BLOCK + 1))
        return plain(method, path, headers)

    with answering(answer) as url, ThreadPoolExecutor(AHEAD) as pool:
        store = Store(url)
        yield SparseFile(store, store.head("a.h5"), tmp_path / "a.h5", pool)


def read(sparse: SparseFile, start: int, end: int) -> bytes:
    sparse.need(start, end)
    return sparse.path.read_bytes()[start:end]


def room(sparse: SparseFile) -> int:
    return sparse.path.stat().st_blocks * 512


def test_what_is_needed_is_got_once(sparse: SparseFile, blocks: list[int]) -> None:
    assert (sparse.path.stat().st_size, room(sparse)) == (len(CONTENT), 0)
    start, end = BLOCK // 2, 2 * BLOCK + 1
    assert [read(sparse, start, end) for _ in range(2)] == [CONTENT[start:end]] * 2
    assert blocks == [0, 1, 2]
    assert 0 < room(sparse) <= 3 * BLOCK


def test_headers_in_equal_steps_are_asked_for_in_advance(sparse: SparseFile, blocks: list[int]) -> None:
    for number in range(1, 4):
        assert read(sparse, number * STEP, number * STEP + 100) == CONTENT[number * STEP : number * STEP + 100]
    for number in reversed(range(4, 4 + AHEAD)):  # not in equal steps forward: those that were asked for have come
        sparse.need(number * STEP, number * STEP + 1)
    assert sorted(blocks) == [number * STEP // BLOCK for number in range(1, 4 + AHEAD)]


def test_first_headers_stay_and_all_else_is_forgotten(sparse: SparseFile, blocks: list[int]) -> None:
    sparse.ask(50 * BLOCK, 60 * BLOCK)
    for block in (0, 40, 55):
        sparse.need(block * BLOCK, block * BLOCK + 1)
    sparse.forget()
    assert sparse.is_empty
    assert room(sparse) == 2 * BLOCK
    blocks.clear()
    for block in (0, 40, 55):
        assert read(sparse, block * BLOCK, block * BLOCK + 8) == CONTENT[block * BLOCK : block * BLOCK + 8]
    assert blocks == [55]


def test_what_could_not_be_got_is_got_later(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        store = Store(tmp_path.as_uri())
        sparse = SparseFile(store, StoredObject("a.h5", len(CONTENT), ""), tmp_path / "copy", pool)
        with pytest.raises(MissingObjectError):
            sparse.need(0, 1)
        sparse.forget()
        sparse.forget()
        (tmp_path / "a.h5").write_bytes(CONTENT)
        assert read(sparse, 0, 8) == CONTENT[:8]


def test_the_headers_that_stay_are_bounded(sparse: SparseFile) -> None:
    for block in (at for pair in zip(range(FIRST), range(99, 0, -1), strict=False) for at in pair):
        sparse.need(block * BLOCK, block * BLOCK + 1)
    sparse.forget()
    assert room(sparse) == FIRST * BLOCK
