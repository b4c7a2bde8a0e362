"""The tree of an LMDB file is walked before the library maps it: what would end the process is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import lmdb
import pytest

from sciml_datasets.files.lmdb_pages import BRANCH, LEAF, PAGE, walk_pages

PAGE_SIZE = 4096
LOWER = 12
"""Place of the lower bound in the head of a page: the number of entries is its distance from the head over 2."""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A file with a branch above several leaves."""
    path = tmp_path / "data.mdb"
    with lmdb.open(str(path), subdir=False, lock=False) as environment, environment.begin(write=True) as transaction:
        for number in range(200):
            transaction.put(f"{number:04}".encode(), bytes(100))
    return path


def pages(path: Path, flag: int) -> list[int]:
    """Places of the pages of a kind, the two meta pages left out."""
    content = path.read_bytes()
    places = range(2 * PAGE_SIZE, len(content), PAGE_SIZE)
    return [place for place in places if PAGE.unpack_from(content, place)[2] == flag]


def walk(path: Path) -> None:
    with path.open("rb") as file:
        walk_pages(file.fileno(), path.stat().st_size)


def test_a_sound_tree_is_walked(database: Path) -> None:
    assert len(pages(database, BRANCH)) == 1
    assert len(pages(database, LEAF)) > 2
    walk(database)


@pytest.mark.parametrize(("flag", "count"), [(BRANCH, 0), (BRANCH, 1), (LEAF, 0)])
def test_a_page_with_fewer_entries_than_the_library_takes_is_refused(database: Path, flag: int, count: int) -> None:
    with database.open("r+b") as file:
        file.seek(pages(database, flag)[-1] + LOWER)
        file.write(struct.pack("<H", PAGE.size + 2 * count))
    with pytest.raises(ValueError, match=f"too few entries: {count}$"):
        walk(database)
