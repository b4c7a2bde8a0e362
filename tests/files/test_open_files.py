"""Files that are kept open: as many as the system allows, and not one more."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scan_files import write_raw as write_scans

from sciml_datasets.files.lmdb_files import opened
from sciml_datasets.files.open_files import RESERVED, OpenFiles, open_limit
from sciml_datasets.stemdl_reconstruction.raw import Scans


@contextmanager
def most_open(number: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(("limit", "expected"), [(RESERVED + 5, 5), (RESERVED, 1), (10, 1), (1000, 64)])
def test_the_number_of_open_files_follows_the_limit(limit: int, expected: int) -> None:
    with most_open(limit):
        assert open_limit(64) == expected


@given(st.integers(1, 5), st.lists(st.integers(0, 8), max_size=40))
def test_what_was_asked_for_last_is_open_and_no_more_than_allowed(most: int, keys: list[int]) -> None:
    now: list[int] = []

    def open_one(key: int) -> int:
        now.append(key)
        return key

    files = OpenFiles(open_one, now.remove, most)
    for place, key in enumerate(keys, 1):
        assert files[key] == key
        recent = list(dict.fromkeys(reversed(keys[:place])))[:most]
        assert sorted(now) == sorted(recent)
    files.close()
    assert now == []


def test_where_the_system_opens_no_more_all_are_closed_and_it_is_tried_again(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(40)]
    for path in paths:
        path.touch()
    files = OpenFiles(lambda path: os.open(path, os.O_RDONLY), os.close, 64)
    with most_open(len(list(Path("/proc/self/fd").iterdir())) + 10):
        for path in paths:
            os.fstat(files[path])
    files.close()


def test_where_nothing_can_be_closed_the_error_is_the_systems(tmp_path: Path) -> None:
    files = OpenFiles(lambda path: os.open(path, os.O_RDONLY), os.close, 64)
    with most_open(3), pytest.raises(OSError, match="Too many open files") as raised:
        files[tmp_path]
    assert raised.value.errno == errno.EMFILE


def test_environments_are_read_with_one_open_file(tmp_path: Path) -> None:
    write_scans(tmp_path)
    folder = tmp_path / "stemdl_reconstruction"
    scans = Scans(density=False)
    samples = [sample for file in scans.files(folder) for sample in scans.index(folder, file)]
    with scans.reader(folder) as read:
        expected = [float(read(sample)["cbed"].sum()) for sample in samples]
    code = (
        "import pathlib, resource\n"
        "from sciml_datasets.stemdl_reconstruction.raw import Scans\n"
        f"folder, scans = pathlib.Path({str(folder)!r}), Scans(density=False)\n"
        "samples = [sample for file in scans.files(folder) for sample in scans.index(folder, file)]\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({RESERVED}, {RESERVED}))\n"
        "with scans.reader(folder) as read: print([float(read(sample)['cbed'].sum()) for sample in samples])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == str(expected), run.stderr


def test_an_environment_that_the_system_does_not_open_is_not_called_damaged(tmp_path: Path) -> None:
    write_scans(tmp_path)
    folder = tmp_path / "stemdl_reconstruction"
    path = folder / Scans(density=False).files(folder)[0].name
    with most_open(3), pytest.raises(OSError, match="Too many open files") as raised, opened(path):
        pass
    assert (raised.value.errno, raised.value.filename) == (errno.EMFILE, str(path))


@pytest.mark.parametrize("spare", [3, 6, 9, 12])
def test_processes_that_cannot_all_be_started_end_together(spare: int) -> None:
    """Else those that have started would wait for work for ever, and the command for them."""
    code = (
        "import os, resource\n"
        "from sciml_datasets.parallel.executors import Forked\n"
        "import concurrent.futures, multiprocessing.popen_fork, multiprocessing.synchronize\n"
        f"most = len(os.listdir('/proc/self/fd')) + {spare}\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))\n"
        "try: print(Forked(8).map(lambda item, tick: item, [1, 2, 3, 4, 5, 6, 7, 8], lambda done: None))\n"
        "except OSError as error: print(error.errno)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout.strip() in (str(errno.EMFILE), "[1, 2, 3, 4, 5, 6, 7, 8]"), done.stderr
