"""Work in a child process that may crash or never end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sciml_datasets.errors import InputError
from sciml_datasets.parallel.apart import ChildEndedError, apart


def test_arrays_arrive_as_they_were_made() -> None:
    texts = np.array([b"a", b"", b"long" * 50_000], object)
    made = [(np.arange(6, dtype=">f4").reshape(2, 3), texts), (np.empty((0, 4)), np.empty(0, object))]
    for found, expected in zip(apart(lambda: iter(made), 3), made, strict=True):
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


def ends(how: int) -> Iterator[tuple[Any, ...]]:
    yield (np.ones(3),)
    if how:
        signal.raise_signal(how)
    while True:
        pass


@pytest.mark.parametrize(
    ("how", "told"), [(signal.SIGSEGV, "SIGSEGV"), (0, "did not end within 1 s of processor time")]
)
def test_a_crash_and_an_endless_loop_are_told(how: int, told: str) -> None:
    found = apart(lambda: ends(how), 1)
    np.testing.assert_array_equal(next(found)[0], np.ones(3))
    with pytest.raises(ChildEndedError, match=told):
        next(found)


def test_what_the_work_raises_is_raised() -> None:
    def refused() -> Iterator[tuple[Any, ...]]:
        yield (np.ones(1),)
        raise InputError("a.h5 is empty: make it again")

    with pytest.raises(InputError, match=r"a\.h5 is empty"):
        list(apart(refused, 1))


def test_the_child_ends_with_whoever_reads_from_it() -> None:
    found = apart(lambda: iter([(np.array([os.getpid()]),)] * 3), 1)
    child = int(next(found)[0][0])
    assert child != os.getpid()
    found.close()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
