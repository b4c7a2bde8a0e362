"""Programs that may crash, hang or print what they like: they run in a process of their own, for a limited time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

LONGEST = 200
"""Largest number of characters of a failure."""
GRACE_SECONDS = 5.0
"""Seconds to wait for the output of processes that were killed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program answered.

    Attributes:
        text: its standard output.
        failure: how it failed, as a clause; empty where it ended with exit code 0.
    """

    text: str
    failure: str

    @property
    def value(self) -> Any:
        """The value in its last line, which is JSON."""
        return json.loads(self.text.splitlines()[-1])


def python(code: str) -> list[str]:
    """The command that runs code as the commands of this package are run: no module of the current folder is found."""
    return [sys.executable, "-P", "-c", code]


def python_telling(code: str) -> list[str]:
    """The command that runs code and writes what the code has called ``found``, as JSON, to a line of its own.

    Example:
        >>> from sciml_datasets.doctor.child import answer, python_telling
        >>> answer(python_telling("found = [1, 2]"), 60).value
        [1, 2]
    """
    return python(f"{code}\nimport json, os\nos.write(1, b'\\n' + json.dumps(found).encode() + b'\\n')")


def answer(command: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None) -> Answer:
    """The answer of a program; it and all that it has started are killed when the time is over.

    Args:
        command: the program and its arguments.
        seconds: time limit.
        environment: variables to set beside those of this process.

    Example:
        >>> from sciml_datasets.doctor.child import answer, python
        >>> answer(python("print(1)"), 60)
        Answer(text='1\\n', failure='')
        >>> answer(python("import os; os.abort()"), 60).failure
        'it was ended by SIGABRT'
    """
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    except OSError as error:
        return Answer("", f"it cannot be started: {error.strerror}")
    try:
        text, errors = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return Answer("", f"it did not end in {seconds:g} s")
    finally:
        _kill(child)
    return Answer(text, _failure(child.returncode, errors))


def _kill(child: subprocess.Popen[str]) -> None:
    """End a program that still runs, with the processes of its session."""
    if child.poll() is not None:
        return
    with suppress(ProcessLookupError):  # it has just ended
        os.killpg(child.pid, signal.SIGKILL)
    try:
        child.communicate(timeout=GRACE_SECONDS)
    except subprocess.TimeoutExpired:  # a process that has left the session holds the pipe
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()


def _failure(code: int, errors: str) -> str:
    if code == 0:
        return ""
    if code < 0:
        return f"it was ended by {signal.Signals(-code).name}"
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return (lines[-1] if lines else f"it ended with the exit code {code}")[:LONGEST]
