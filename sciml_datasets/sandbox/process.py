"""Work on a stranger's files in a process of its own, which may crash, hang, run out of memory or be taken over."""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from sciml_datasets.errors import MACHINE_TROUBLE
from sciml_datasets.sandbox import landlock, seccomp
from sciml_datasets.sandbox.protection import protection

MEMORY_BYTES = 3 << 30
"""Number of bytes beyond those that the process has when it begins."""
SECONDS = 900.0
RESULT_BYTES = 64 << 20
SET_DEATH_SIGNAL = 1  # linux/prctl.h
SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")


class StoppedError(Exception):
    """The process ended without a result; the message says how it ended."""


class TimeLimitError(StoppedError):
    """The process took too long."""


def in_sandbox(
    work: Callable[[], Any],
    *,
    reads: Iterable[Path] = (),
    memory: int = MEMORY_BYTES,
    seconds: float = SECONDS,
) -> Any:
    """The result of ``work``, called in a forked process that can compute, read the given files and answer.

    It can do nothing else as far as the kernel allows it, see `sciml_datasets.sandbox.protection.protection`: it opens
    no other file but those of Python and of libraries, writes and removes none, has no network, starts no program and
    no process, and signals none. It has none of the open files of this process. Limits on memory and time, and that
    nothing is printed, hold on every system.

    The result comes back as JSON, never as a pickle: a stranger who took the process over could send anything, so the
    caller checks its form.

    Args:
        work: returns what JSON can hold.
        reads: files, and folders with all that is in them, which ``work`` reads.
        memory: bytes beyond those that this process has mapped.
        seconds: seconds of processor and of wall time.

    Raises:
        TimeLimitError: it took too long.
        StoppedError: it died, took too much memory, or its result is too large or no JSON.
        OSError: the machine is in trouble (MACHINE_TROUBLE), which says nothing of what was to be read.
    """
    # A forked process pays for each page of memory that it touches, so this is listed here.
    readable: list[str | Path] = [*reads, *library_folders(len(sys.modules))]
    reading, writing = os.pipe()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # as where it is closed
            stream.flush()
    parent = os.getpid()
    child = os.fork()
    if not child:
        status = 1
        try:
            enclose = partial(_enclose, writing, parent, readable, memory, seconds)
            status = _send_result(enclose, work, writing)
        finally:
            os._exit(status)
    os.close(writing)
    try:
        content, in_time = _listen(reading, time.monotonic() + seconds)
    finally:
        os.close(reading)
        status = _end(child)
    outcome = _parsed(content)
    if outcome is None and (not in_time or status == -signal.SIGXCPU):
        raise TimeLimitError("it took too long")
    if outcome is None:
        raise StoppedError(_reason(status))
    match outcome:
        case {"trouble": [int(number), str(name)]} if number in MACHINE_TROUBLE:
            raise OSError(number, os.strerror(number), name)
        case {"result": result}:
            return result
    raise StoppedError(str(outcome.get("error")))


def _end(child: int) -> int:
    """Kill a process that has answered or will not, with the whole group that it leads; its exit status."""
    try:
        os.kill(child, signal.SIGKILL)  # it may not lead its group yet
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it never led one
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _parsed(content: bytes) -> dict[str, Any] | None:
    """The outcome that a process has sent; None where it is of another form, or none."""
    try:
        outcome = json.loads(content)
    except (ValueError, RecursionError):
        return None
    known = {"result", "error", "trouble"}
    return outcome if isinstance(outcome, dict) and len(outcome.keys() & known) == 1 else None


def _reason(status: int) -> str:
    if status in (0, 1, -signal.SIGKILL):  # killed by `_end`, or by the system
        return "reading it ended without a result"
    names = {-one.value: one.name for one in signal.Signals}  # real-time signals have none
    ended = names.get(status, f"signal {-status}") if status < 0 else f"the exit code {status}"
    return f"reading it ended with {ended}"


def _enclose(writing: int, parent: int, readable: Iterable[str | Path], memory: int, seconds: float) -> None:
    """Leave this process one way out, the pipe, and no more memory and time than granted."""
    os.setpgid(0, 0)
    faulthandler.disable()
    _limit(memory, seconds)
    _close_inherited(writing)
    has = protection()
    if sys.platform == "linux":
        seccomp.prctl(SET_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # it has ended before it could be watched
    if has.landlock or has.seccomp:
        seccomp.grow_no_rights()
    if has.landlock:
        landlock.read_only(readable)
    if has.seccomp:
        seccomp.allow_reading()


def _limit(memory: int, seconds: float) -> None:
    limits = [(resource.RLIMIT_CPU, int(seconds) + 1), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)]
    if mapped := _mapped():
        limits.append((resource.RLIMIT_AS, mapped + memory))
    for kind, value in limits:
        hard = resource.getrlimit(kind)[1]
        wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (wanted, wanted))


def _mapped() -> int:
    """Bytes that this process has mapped; 0 where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


def _close_inherited(writing: int) -> None:
    """Put the null device in the place of every open file but the pipe.

    The numbers stay taken: an inherited object that is deleted later closes its number, which must not be a new file's.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in [int(path.name) for path in Path("/dev/fd").iterdir()]:
        if number not in (writing, nothing):
            os.dup2(nothing, number, inheritable=False)
    sys.stdout = sys.stderr = os.fdopen(nothing, "w")


@lru_cache(maxsize=1)
def library_folders(num_modules: int) -> set[str]:
    """Folders that Python and its packages import from; neither home nor the current folder is one of them.

    Args:
        num_modules: number of modules that are imported; the folders are listed again when it has changed.
    """
    python = {f"{prefix}/{name}" for prefix in (sys.prefix, sys.base_prefix) for name in ("lib", "lib64")}
    sites = {entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")}
    known = {*SYSTEM_LIBRARIES, *python, *sites}
    inside = tuple(f"{folder}/" for folder in known)
    paths = (getattr(module, "__dict__", {}).get("__path__") for module in [*sys.modules.values()])
    packages = {folder for path in paths if path for folder in path if not folder.startswith(inside)}
    return known | {os.path.realpath(folder) for folder in packages}


def _send_result(enclose: Callable[[], None], work: Callable[[], Any], writing: int) -> int:
    """Write the result of ``work``, or why there is none; the exit status. Nothing is read where a protection fails."""
    try:
        enclose()
        content = json.dumps({"result": work()}).encode()
    except MemoryError:
        content = b'{"error": "it took too much memory"}'
    except RecursionError:
        content = b'{"error": "it is nested too deep"}'
    except Exception as error:  # the parent reports it as a finding: one submission must not stop the others
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"in {Path(place.filename).name}, line {place.lineno}"
        if isinstance(error, OSError) and error.filename:
            where = f"on {os.fsdecode(error.filename)}: {error.strerror}"
        content = json.dumps({"error": f"the checker failed with {type(error).__name__} {where}"}).encode()
        if isinstance(error, OSError) and error.errno in MACHINE_TROUBLE:
            content = json.dumps({"trouble": [error.errno, os.fsdecode(error.filename or "a file")]}).encode()
    with os.fdopen(writing, "wb") as file:
        file.write(content)
    return 0


def _listen(reading: int, deadline: float) -> tuple[bytes, bool]:
    """All that is written until the other end closes or it is too much, and whether this was before the deadline."""
    parts: list[bytes] = []
    size = 0
    while size <= RESULT_BYTES:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            return b"", False
        part = os.read(reading, 1 << 20)
        if not part:
            return b"".join(parts), True
        parts.append(part)
        size += len(part)
    return b"", True
