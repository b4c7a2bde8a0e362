"""Items are requested before they are read, whatever their kind and wherever they end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets.preparation.prefetch import AHEAD, AHEAD_BYTES, SMALL, Extent, asked_for, chunks
from sciml_datasets.raw_format import RawFile


@given(st.lists(st.sampled_from([1, SMALL, SMALL + 1]), max_size=5 * AHEAD))
def test_chunks_keep_all_files_in_order_and_large_ones_by_themselves(sizes: list[int]) -> None:
    files = [RawFile("train", f"{i}.npz", size, 0) for i, size in enumerate(sizes)]
    found = chunks(files)
    assert [file for chunk in found for file in chunk] == files
    assert all(len(chunk) == 1 or max(file.size for file in chunk) <= SMALL for chunk in found)
    assert all(0 < len(chunk) <= 2 * AHEAD for chunk in found)


def test_ten_thousand_small_files_are_few_chunks() -> None:
    assert len(chunks([RawFile("train", str(i), 200_000, 0) for i in range(10_000)])) == 157


def test_items_come_in_order_and_a_missing_file_is_left_to_its_reader(tmp_path: Path) -> None:
    for i in range(0, 3 * AHEAD, 2):
        (tmp_path / str(i)).write_bytes(b"x" * 10)
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for i in range(3 * AHEAD):
            taken.append(i)
            yield i

    for number, found in enumerate(asked_for(numbers(), lambda i: Extent(tmp_path / str(i), 0, 10) if i % 3 else None)):
        assert found == number
        assert len(taken) <= number + AHEAD + 1
    assert len(taken) == 3 * AHEAD


def test_large_samples_are_asked_for_by_their_place_one_ahead_at_least_and_few_bytes_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for size, ahead in ((AHEAD_BYTES // 4, 4), (2 * AHEAD_BYTES, 1)):
        taken: list[int] = []

        def numbers(taken: list[int] = taken) -> Iterator[int]:
            for i in range(20):
                taken.append(i)
                yield i

        def place(i: int, size: int = size) -> Extent:
            return Extent(tmp_path / "file", i * size, size)

        for number, found in enumerate(asked_for(numbers(), place)):
            assert found == number
            assert len(taken) == min(20, number + ahead + 1)


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    assert list(asked_for(["a"], lambda name: Extent(tmp_path / name, 0, 10))) == ["a"]
