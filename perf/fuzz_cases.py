"""One case of `fuzz.py`: a copy of a sound input with one mutation, read in a process with limits.

The outcome is one of OUTCOMES. A worker process reads case after case and writes the outcome of each to a pipe; the
parent ends it when a case takes longer than SECONDS, and starts another after a crash, a hang, or CASES_A_WORKER.
"""

from __future__ import annotations

import faulthandler
import hashlib
import json
import os
import random
import resource
import select
import shutil
import signal
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

Mutation = Callable[[Path, random.Random], None]
"""Function that changes a file in place, as the random numbers say."""
OUTCOMES = ("same", "other", "refused", "undetected", "traceback", "memory", "hang", "crash")
"""The read content is that of the sound input; it is other content; one sentence refuses it. And what must not be:
other content in spite of checksums, an exception of any other type, memory beyond BYTES, no end within SECONDS, a
signal."""
ALLOWED = OUTCOMES[:3]
SECONDS, BYTES = 10.0, 2 << 30
"""Limits of a case: wall time, and memory beyond what is in use before it."""
RESERVED = 3 * BYTES
"""Address space that a case may take beyond what is mapped before it: libraries reserve some that they never touch."""
CASES_A_WORKER = 250
LONGEST = 2000
"""Largest number of characters of a sentence; a longer message is counted as a traceback."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parser of bytes from outside.

    Attributes:
        name: name on the command line.
        make: writes a small sound input into an empty folder.
        read: reads that folder by the project's own function, and yields all content that was read.
        files: glob patterns of the files that are mutated.
        mutations: mutations, of which each case makes one; one that is named twice is made twice as often.
        checked: whether checksums cover all content, so that a case that reads other content is a fault.
        refusals: exceptions that refuse an input, beside InputError and DamagedRecordError.
    """

    name: str
    make: Callable[[Path], object]
    read: Callable[[Path], Iterable[object]]
    files: tuple[str, ...]
    mutations: tuple[Mutation, ...]
    checked: bool = False
    refusals: tuple[type[Exception], ...] = field(default=())


class Case(NamedTuple):
    """The outcome of a case: its number, one of OUTCOMES, and a line that says more."""

    number: int
    outcome: str
    detail: str


def mutate(target: Target, folder: Path, seed: int, number: int) -> str:
    """Make the mutation of a case in a copy of the sound input; return what was made in words."""
    rng = random.Random(f"{target.name} {seed} {number}")
    paths = sorted({path for pattern in target.files for path in folder.glob(pattern)})
    path, mutation = rng.choice(paths), rng.choice(target.mutations)
    mutation(path, rng)
    return f"{mutation.__name__} {path.relative_to(folder)}"


def read(target: Target, folder: Path, sound: str, *, raises: bool = False) -> tuple[str, str]:
    """Read a folder; return the outcome and a line on it. ``raises`` lets what must not be raised through."""
    from sciml_datasets.errors import DamagedRecordError, InputError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            found = digest(target.read(folder))
    except (InputError, DamagedRecordError, *target.refusals) as error:
        message = str(error)
        if "\n" in message or not 0 < len(message) <= LONGEST:
            return "traceback", f"no sentence: {message[:LONGEST]!r}"
        return "refused", message
    except Exception as error:
        if raises:
            raise
        last = traceback.extract_tb(error.__traceback__)
        ours = next((frame for frame in reversed(last) if "sciml_datasets" in frame.filename), last[-1])
        line = f"{type(error).__name__}: {' '.join(str(error).split())} ({Path(ours.filename).name}:{ours.lineno})"
        return "memory" if isinstance(error, MemoryError) else "traceback", line[:LONGEST]
    if found == sound:
        return "same", ""
    return "undetected" if target.checked else "other", ""


def digest(pieces: Iterable[object]) -> str:
    """The SHA-256 of content, piece by piece: arrays, numbers, texts, and mappings and sequences of them."""
    sha256 = hashlib.sha256()

    def add(piece: object) -> None:
        sha256.update(type(piece).__name__.encode())
        if isinstance(piece, np.ndarray):
            sha256.update(f"{piece.shape} {piece.dtype}".encode())
            sha256.update(piece.tobytes() if not piece.dtype.hasobject else repr(piece.tolist()).encode())
        elif isinstance(piece, Mapping):
            for key in piece:
                add(key)
                add(piece[key])
        elif isinstance(piece, list | tuple):
            for part in piece:
                add(part)
        else:
            sha256.update(piece if isinstance(piece, bytes) else repr(piece).encode())

    for piece in pieces:
        add(piece)
    return sha256.hexdigest()


def cases(target: Target, work: Path, seed: int, numbers: Iterator[int]) -> Iterator[Case]:
    """The outcomes of the cases of these numbers, each read in a process with limits.

    Args:
        target: parser.
        work: empty folder.
        seed: seed of all mutations.
        numbers: numbers of the cases.
    """
    target.make(work / "sound")
    sound = digest(target.read(work / "sound"))
    if digest(target.read(work / "sound")) != sound:
        raise ValueError(f"{target.name}: the sound input is read in two ways")
    waiting = list(_first(numbers, CASES_A_WORKER))
    while waiting:
        for case in _of_worker(target, work, seed, waiting, sound):
            waiting.remove(case.number)
            yield case
        waiting += _first(numbers, CASES_A_WORKER - len(waiting))


def _first(numbers: Iterator[int], count: int) -> Iterator[int]:
    for _, number in zip(range(count), numbers, strict=False):
        yield number


def _of_worker(target: Target, work: Path, seed: int, numbers: list[int], sound: str) -> Iterator[Case]:
    """The outcomes of one worker, until it has read all cases, or dies of one."""
    out, into = os.pipe()
    worker = os.fork()
    if not worker:
        os.close(out)
        os.setsid()
        _work(target, work, seed, list(numbers), sound, into)
        os._exit(0)
    os.close(into)
    number, made, buffered = numbers[0], False, b""
    try:
        while True:
            ready, _, _ = select.select([out], [], [], SECONDS)
            if not ready:
                os.killpg(worker, signal.SIGKILL)
                yield Case(
                    number, *(("hang", f"no end within {SECONDS:g} s") if made else ("same", "not made: a hang"))
                )
                break
            block = os.read(out, 1 << 16)
            if not block:
                break
            *lines, buffered = (buffered + block).split(b"\n")
            for line in lines:
                found = json.loads(line)
                number = found[0]
                made = len(found) == 2
                if len(found) == 3:
                    yield Case(*found)
                    number = -1
    finally:
        os.close(out)
        _, status = os.waitpid(worker, 0)
    if number < 0 or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
        return
    how = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit code {os.WEXITSTATUS(status)}"
    yield Case(number, "crash", how) if made else Case(number, "same", f"not made: {how}")


def _work(target: Target, work: Path, seed: int, numbers: list[int], sound: str, into: int) -> None:
    """Read case after case; `_tell` of each."""
    faulthandler.disable()
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + RESERVED,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    folder = work / "case"
    for number in numbers:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(work / "sound", folder, symlinks=True)
        _tell(into, number)
        try:
            made = mutate(target, folder, seed, number)
        except Exception as error:  # a mutation that the library refuses to write is no case
            _tell(into, number, "same", f"not made: {error}")
            continue
        _tell(into, number, made)
        Path("/proc/self/clear_refs").write_text("5")  # what making the mutation took does not count, see proc(5)
        before = most_resident()
        outcome, detail = read(target, folder, sound)
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
        taken = max(most_resident(), children) - before
        if taken > BYTES:
            _tell(into, number, "memory", f"{made}: {taken:,} bytes")
            return  # the mark of children stays in this worker
        _tell(into, number, outcome, f"{made}: {detail}")


def most_resident() -> int:
    """Most bytes that this process has had in memory at a time since the kernel's mark was taken back."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


def _tell(into: int, *line: object) -> None:
    """Write a line of JSON: a number as its case begins, its mutation once that is made, outcome and detail after."""
    os.write(into, json.dumps(line).encode() + b"\n")
