"""Files that are arriving: their pieces, their owners, what another run takes over."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from sciml_datasets.fetch.partial_file import FOLDER, LEASE_SECONDS, is_busy, open_partial_file
from sciml_datasets.fetch.sources.remote import (
    ChangedError,
)

ROOT = Path(__file__).parents[2]


def test_nothing_rests_on_locks_of_the_file_system() -> None:
    """They are on Lustre, GPFS and NFS."""
    modules = [*(ROOT / "sciml_datasets/fetch").glob("*.py"), ROOT / "sciml_datasets/staging.py"]
    assert len(modules) > 10
    assert not [path for path in modules if re.search(r"flock|lockf|fcntl|filelock", path.read_text())]


PIECES = st.lists(st.tuples(st.integers(0, 99), st.integers(1, 30)), max_size=12)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=PIECES, damaged=st.booleans())
def test_what_is_missing_and_what_is_here_make_the_whole(
    pieces: list[tuple[int, int]], damaged: bool, tmp_path: Path
) -> None:
    unit, size = 1 << 16, 100 << 16
    shutil.rmtree(tmp_path / FOLDER, ignore_errors=True)
    partial = open_partial_file(tmp_path, "x", size, "identity")
    for start, count in pieces:
        data = bytes([start]) * unit
        for piece in range(start, min(start + count, 100)):
            partial.write(piece * unit, [data[:100], data[100:]])
    if damaged and pieces:
        with partial.path.open("r+b") as file:
            file.seek(pieces[-1][0] * unit + 5)
            file.write(b"\xff")
    partial.close()
    again = open_partial_file(tmp_path, "x", size, "identity")
    missing = again.missing(7 * unit)
    here = {n for start, end in again.have for n in range(start // unit, end // unit)}
    gone = [n for start, end in missing for n in range(start // unit, end // unit)]
    written = {n for start, count in pieces for n in range(start, min(start + count, 100))}
    assert sorted([*here, *gone]) == list(range(100))
    assert all(end - start <= 7 * unit for start, end in missing)
    assert here <= written
    if not damaged:
        assert here == written
    elif pieces:
        assert pieces[-1][0] not in here
    again.remove()


def test_pieces_of_another_content_are_thrown_away(tmp_path: Path) -> None:
    partial = open_partial_file(tmp_path, "x", 1 << 23, "old")
    partial.write(0, [b"x" * 1000])
    partial.close()
    assert open_partial_file(tmp_path, "x", 1 << 23, "new").have == []
    assert len(list((tmp_path / FOLDER).iterdir())) == 1


def test_a_transfer_of_another_machine_is_left_alone_until_its_lease_is_over(tmp_path: Path) -> None:
    partial = open_partial_file(tmp_path, "x", 1 << 23, "same")
    partial.write(0, [b"x" * 1000])
    partial.close()
    (left,) = (tmp_path / FOLDER).iterdir()
    foreign = left.rename(left.with_name(f"{left.name.rsplit('-', 3)[0]}-{'0' * 12}-1-{'0' * 8}"))
    os.utime(foreign)
    assert is_busy(tmp_path, "x")
    mine = open_partial_file(tmp_path, "x", 1 << 23, "same")
    assert mine.have == []
    mine.remove()
    long_ago = time.time() - LEASE_SECONDS - 1
    os.utime(foreign, (long_ago, long_ago))
    assert not is_busy(tmp_path, "x")
    assert open_partial_file(tmp_path, "x", 1 << 23, "same").have == [(0, 1000)]


def test_who_has_lost_a_transfer_notices_before_writing(tmp_path: Path) -> None:
    partial = open_partial_file(tmp_path, "x", 1 << 23, "same")
    partial.write(0, [b"x" * 1000])
    partial.folder.rename(tmp_path / "taken")
    with pytest.raises(ChangedError, match="another run has taken the transfer over"):
        partial.write(1000, [b"y"])
    with pytest.raises(ChangedError):
        partial.publish(tmp_path / "x")
    assert not (tmp_path / "x").exists()
