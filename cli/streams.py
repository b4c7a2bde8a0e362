"""Standard streams that may be closed, full, or cut off by a reader that has seen enough."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO


class Patient(io.TextIOWrapper):
    """Standard error: what nobody can hear is dropped, so that a full disk under a log ends no command."""

    def write(self, text: str) -> int:
        """See `io.TextIOWrapper.write`."""
        try:
            return super().write(text)
        except OSError:
            silence(self)
            return len(text)

    def flush(self) -> None:
        """See `io.TextIOWrapper.flush`."""
        try:
            super().flush()
        except OSError:
            silence(self)


def make_usable() -> None:
    """Give a closed standard stream the null device, and let standard error fail without a word.

    Else the next file that is opened would take its number, and get what libraries write there; and Python prints to
    standard output what is meant for a standard error that is closed.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(number)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.dup(descriptor), "w", encoding="utf-8"))
    if isinstance(sys.stderr, io.TextIOWrapper):
        encoding = sys.stderr.encoding
        sys.stderr = Patient(sys.stderr.detach(), encoding, "backslashreplace", line_buffering=True)


def say(text: str) -> None:
    """Print a result. Where a reader has gone, as ``head`` has, the rest is dropped and the command goes on.

    Raises:
        OSError: standard output cannot be written for another reason; it is silent from now on.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        silence(sys.stdout)
    except OSError as error:
        silence(sys.stdout)
        error.filename = "standard output"
        raise


def finish() -> None:
    """Write what is left of standard output; what nobody takes is dropped, or Python complains of it at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        silence(sys.stdout)


def silence(stream: TextIO) -> None:
    """Lead a stream to the null device."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
