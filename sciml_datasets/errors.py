"""The exceptions that a user can cause and mend, and what they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one sentence that names the file or value, says what was expected and what to do. The command line
    prints it alone and exits with code 2.
    """


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """An OSError that names no file, as of a write to a full disk, names this one."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
