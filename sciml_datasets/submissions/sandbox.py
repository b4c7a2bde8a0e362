"""Work on a stranger's files in a process of its own, which may crash, hang or run out of memory."""

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
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sciml_datasets.errors import MACHINE_TROUBLE

MEMORY_BYTES = 3 << 30
"""Number of bytes beyond those that the process has when it begins."""
SECONDS = 900.0
RESULT_BYTES = 64 << 20


class StoppedError(Exception):
    """The process ended without a result; the message says how it ended."""


def in_sandbox(work: Callable[[], Any], *, memory: int = MEMORY_BYTES, seconds: float = SECONDS) -> Any:
    """The result of ``work``, called in a forked process with limits on memory and time, which can write no file.

    The result comes back as JSON, never as a pickle: a stranger who took the process over could send anything.

    Args:
        work: returns what JSON can hold.
        memory: bytes beyond those that this process has mapped.
        seconds: seconds of processor and of wall time.

    Raises:
        StoppedError: it died, took too long or too much memory, or its result is too large.
        OSError: the machine is in trouble (MACHINE_TROUBLE), which says nothing of what was to be read.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.close(reading)
            _limit(memory, seconds)
            status = _send_result(work, writing)
        finally:
            os._exit(status)
    os.close(writing)
    try:
        content = _listen(reading, time.monotonic() + seconds)
    finally:
        os.close(reading)
        try:
            os.kill(child, signal.SIGKILL)  # its result is here, or will not come
        finally:
            _, status = os.waitpid(child, 0)
    try:
        outcome = json.loads(content)
    except ValueError as error:
        code = os.waitstatus_to_exitcode(status)
        raise StoppedError(_reason(code)) from error
    if "trouble" in outcome:
        number, name = outcome["trouble"]
        raise OSError(number, os.strerror(number), name or None)
    if "error" in outcome:
        raise StoppedError(outcome["error"])
    return outcome["result"]


def _reason(code: int) -> str:
    if code == -signal.SIGKILL:
        return "it took too long"
    if code < 0:
        return f"reading it ended with {signal.Signals(-code).name}"
    return "reading it ended without a result"


def _limit(memory: int, seconds: float) -> None:
    """No more memory and time than granted, no files written, no core dumped, nothing printed."""
    faulthandler.disable()
    limits = [(resource.RLIMIT_CPU, int(seconds) + 1), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)]
    if mapped := _mapped():
        limits.append((resource.RLIMIT_AS, mapped + memory))
    for kind, value in limits:
        hard = resource.getrlimit(kind)[1]
        wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (wanted, wanted))
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    sys.stdout = sys.stderr = os.fdopen(nothing, "w")


def _mapped() -> int:
    """Bytes that this process has mapped; 0 where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


def _send_result(work: Callable[[], Any], writing: int) -> int:
    """Write the result of ``work``, or why there is none; the exit status."""
    try:
        content = json.dumps({"result": work()}).encode()
    except MemoryError:
        content = b'{"error": "it took too much memory"}'
    except RecursionError:
        content = b'{"error": "it is nested too deep"}'
    except Exception as error:  # the parent reports it as a finding: one submission must not stop the others
        place = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"
        content = json.dumps({"error": f"the checker failed with {what}"}).encode()
        if isinstance(error, OSError) and error.errno in MACHINE_TROUBLE:
            content = json.dumps({"trouble": (error.errno, os.fsdecode(error.filename or ""))}).encode()
    with os.fdopen(writing, "wb") as file:
        file.write(content)
    return 0


def _listen(reading: int, deadline: float) -> bytes:
    """All that is written until the other end closes, the deadline passes or it is too much."""
    parts, size = [], 0
    while size <= RESULT_BYTES:
        ready, _, _ = select.select([reading], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(reading, 1 << 20) if ready else b""
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts) if size <= RESULT_BYTES else b""
