"""The exceptions that a user can cause and correct."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from operator import index
from pathlib import Path
from typing import Any

MACHINE_TROUBLE = frozenset(
    {errno.EIO, errno.ESTALE, errno.EINTR, errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ETIMEDOUT}
)
"""Numbers of errors that say nothing of the file that was to be read: no content and no kind of file causes them."""


class InputError(ValueError):
    """A value, file or folder that the user gave cannot be used.

    The message is one sentence that names the file or value, says what was expected and what to do. The command line
    prints it alone and exits with code 2.

    Example:
        >>> import sciml_datasets
        >>> try:
        ...     sciml_datasets.simulate("candle_uno_demo", "simulated", seed=-1)
        ... except sciml_datasets.InputError as error:
        ...     print(error)
        seed -1: expected 0 or more
    """


class EmptySplitError(InputError):
    """A split of a data set has no sample."""


class MissingPartError(InputError):
    """A benchmark has no module for a part that is asked for."""


class BenchmarkWarning(UserWarning):
    """An installed benchmark cannot be used and is left out; the command line prints the sentence alone."""


class DamagedRecordError(OSError):
    """A record of prepared data is not what was written.

    Args:
        path: path of the shard, or of the prepared folder.
        number: number of the record; None where it is not known.
        why: clause that says what is wrong.
    """

    def __init__(self, path: str | Path, number: int | None, why: str) -> None:
        which = "a record" if number is None else f"record {number}"
        super().__init__(f"{path}, {which}: {why}: run `sciml verify` to see what else is damaged")
        self._given = path, number, why

    def __reduce__(self) -> tuple[Any, ...]:
        """The constructor and its arguments, by which the exception is sent from one process to another."""
        return type(self), self._given


class PeerFailedError(RuntimeError):
    """Another rank or process that shares the work failed and has reported why.

    Attributes:
        bad_input: whether it failed with an InputError.
    """

    def __init__(self, *, bad_input: bool = False) -> None:
        super().__init__("another rank failed")
        self.bad_input = bad_input

    def __reduce__(self) -> tuple[Any, ...]:
        """The constructor and its arguments, by which the exception is sent from one process to another."""
        return type(self), (), {"bad_input": self.bad_input}


def at_its_place(error: BaseException) -> str:
    """``ValueError in model.py, line 3: its message``."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    reason = " ".join(str(error).split())
    return f"{type(error).__name__} in {last.filename}, line {last.lineno}: {reason}"


def whole(number: Any, of: str, least: int = 1) -> int:
    """A number of things that the user gave, as an int.

    Args:
        number: the number that was given.
        of: the things, for example ``jobs``.
        least: least number that is accepted.

    Raises:
        InputError: it is no whole number, or less than ``least``.
    """
    try:
        found = index(number)
    except TypeError as error:
        raise InputError(f"{number!r} {of}: expected a whole number") from error
    if found < least:
        raise InputError(f"{found} {of}: expected at least {least}")
    return found


def rename(error: OSError, path: Path) -> None:
    """Make an error name this file and no other, as where it names a temporary file that the user does not know."""
    error.filename = str(path)
    del error.filename2  # where it is None, the message ends in "-> None"


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Context in which an OSError without a file name, for example of a write to a full disk, gets this file's name."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
