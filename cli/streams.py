"""Standard streams that may be closed or on a full disk, or whose reader may have ended."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from sciml_datasets.messages import LOGGER
from sciml_datasets.printable import notice, printable


class Patient(io.TextIOWrapper):
    """Standard error that drops text which cannot be written, so that a full disk under a log ends no command."""

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
    """Open the null device in place of a closed standard stream, let standard error fail silently, and standard output
    show characters that its encoding does not have as their numbers.

    Otherwise the next file that is opened would get its number, and the text that libraries write there; and Python
    prints text for a closed standard error to standard output.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(number)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.dup(descriptor), "w", encoding="utf-8"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # of what its encoding does not have
    if isinstance(sys.stderr, io.TextIOWrapper):
        encoding = sys.stderr.encoding
        sys.stderr = Patient(sys.stderr.detach(), encoding, "backslashreplace", line_buffering=True)


class MessageHandler(logging.Handler):
    """Handler that prints each message to standard error, as a line of its own."""

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler.emit`."""
        notice(record.getMessage())


@contextmanager
def messages_printed() -> Iterator[None]:
    """Context in which all messages of this package are printed, by one handler, whoever else has set some."""
    handlers, level, propagate = LOGGER.handlers, LOGGER.level, LOGGER.propagate
    LOGGER.handlers, LOGGER.propagate = [MessageHandler()], False
    LOGGER.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOGGER.handlers, LOGGER.propagate = handlers, propagate
        LOGGER.setLevel(level)


def say(*lines: str) -> None:
    """Print the lines of a result; each of them stays one line, whatever is in it. Where the reader has ended, as
    ``head`` does, the rest is dropped and the command continues.

    Raises:
        OSError: standard output cannot be written for another reason; it is silent from now on.
    """
    try:
        print(*map(printable, lines), sep="\n", flush=True)
    except BrokenPipeError:
        silence(sys.stdout)
    except OSError as error:
        silence(sys.stdout)
        error.filename = "standard output"
        raise


def finish() -> None:
    """Write the rest of standard output; text that cannot be written is dropped, or Python would report it at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        silence(sys.stdout)


def silence(stream: TextIO) -> None:
    """Redirect a stream to the null device."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
