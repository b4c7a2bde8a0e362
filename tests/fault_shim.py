"""System calls that fail once, on purpose: ``fault_shim.c`` built and told what to fail.

The library is loaded into a process by LD_PRELOAD. It counts the calls of one kind on paths below a folder and fails
the n-th of them, wherever in the command or in one of its workers that is.
"""

from __future__ import annotations

import errno
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")
COMPILER = shutil.which("gcc") or shutil.which("cc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="gcc, which builds fault_shim.c, is not installed")
ERRORS = (
    errno.ENOSPC,
    errno.EIO,
    errno.EDQUOT,
    errno.EACCES,
    errno.EINTR,
    errno.ESTALE,
    errno.ENOSYS,
    errno.EINVAL,
)
"""Numbers of the errors that are drawn."""
KILL = 0
"""Instead of the number of an error: the process is killed where it makes the call."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One failing system call.

    Attributes:
        call: its kind: open, read, write, fsync, rename, link, unlink, mkdir, rmdir, list, stat, truncate or close.
        number: place of it among the calls of this kind, from 1.
        error: number of the error, or KILL.
    """

    call: str
    number: int
    error: int

    def __str__(self) -> str:
        return f"{self.call} {self.number} {errno.errorcode.get(self.error, 'kill')}"


def build(folder: Path) -> Path:
    """Compile the library into a folder; its path."""
    assert COMPILER is not None
    library = folder / "fault_shim.so"
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([COMPILER, *flags, "-o", library, SOURCE, "-ldl"], check=True)
    return library


def settings(folder: Path, notes: Path, fault: Fault | None) -> dict[str, str]:
    """The environment by which the library fails a call, or without one notes all calls.

    Args:
        folder: calls on paths below it count.
        notes: folder, elsewhere, of the shared count and of the list of calls.
        fault: the call to fail.
    """
    (notes / "count").write_bytes(bytes(8))
    (notes / "calls").write_bytes(b"")
    found = {"FAULT_FOLDER": str(folder), "FAULT_STATE": str(notes / "count"), "FAULT_LOG": str(notes / "calls")}
    if fault:
        found |= {"FAULT_CALL": fault.call, "FAULT_NUMBER": str(fault.number), "FAULT_ERROR": str(fault.error)}
    return found


def noted(notes: Path) -> list[tuple[str, str]]:
    """Kind and path of the calls that were noted: of all, or of the one that failed."""
    lines = (notes / "calls").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    return [(call, path) for call, _, path in (line.partition("\t") for line in lines)]


def drawn(calls: list[tuple[str, str]], draw: random.Random, errors: Sequence[int] = ERRORS) -> Fault:
    """A fault of a command that makes these calls: each kind is as likely, and within a kind each call."""
    counts = Counter(call for call, _ in calls)
    call = draw.choice(sorted(counts))
    return Fault(call, draw.randint(1, counts[call]), draw.choice(errors))
