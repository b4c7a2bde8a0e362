"""Lifetimes of processes: workers end with their parent, and names of files show whether their process still runs."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from multiprocessing import active_children
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LOOK_SECONDS = 1.0
LEASE_SECONDS = 600.0
"""Seconds without a write after which a work folder, whose process cannot be looked up, counts as abandoned."""
TICK_DIGITS = 15
"""Number of digits of a clock tick in a signature: 1e15 ticks of 10 ms are 317,000 years."""
UNKNOWN_TICK = "9" * TICK_DIGITS


def stay_with_parent() -> None:
    """Let a worker process, which calls this, end with its parent, and leave Ctrl-C to the parent.

    A parent that is killed cannot notify its workers; each checks whether it has been adopted by another process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def mapped(work: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[Result]:
    """The results of ``work`` on each item, in order, computed by this process or by new interpreters.

    Args:
        work: function of a module, with picklable results.
        items: picklable items.
        jobs: number of processes; for one process, or one item, none is started.
    """
    if jobs == 1 or len(items) == 1:
        yield from map(work, items)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(min(jobs, len(items)), get_context("spawn"), stay_with_parent) as pool:
        with started_together():
            results = pool.map(work, items)
        yield from results


@contextmanager
def started_together() -> Iterator[None]:
    """Context that ends the processes started in its block where the system refuses to start one of them.

    It refuses where it has no more processes or open files. The processes that have started would never end otherwise,
    and this process would wait for them.
    """
    before = set(active_children())
    try:
        yield
    except OSError:
        for process in set(active_children()) - before:
            process.terminate()
        raise


def signature() -> str:
    """A suffix for names of files and folders that this process makes: it is unique and identifies the process.

    It has three parts: the realm of the process, its number with the clock tick of its start, and random digits. The
    number alone would name no process: each container has a first one, and numbers are used again.
    """
    return f"{_realm()}-{_started(os.getpid())}-{secrets.token_hex(4)}"


def is_own(name: str) -> bool:
    """Whether a name ends in a signature of this process."""
    return re.search(rf"(?:^|-){_realm()}-{_started(os.getpid())}-[0-9a-f]{{8}}$", name) is not None


def owner_lives(name: str) -> bool | None:
    """Whether the process whose signature ends a name still runs; None where this process cannot look it up."""
    owner = re.search(r"(?:^|-)([0-9a-f]{12})-([0-9]+)-[0-9a-f]{8}$", name)
    if owner is None or owner[1] != _realm():
        return None
    # Names that earlier versions have given have no tick.
    number, tick = (owner[2][:-TICK_DIGITS], owner[2][-TICK_DIGITS:]) if len(owner[2]) > TICK_DIGITS else (owner[2], "")
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it is another user's
        pass
    found = _started(int(number))
    return bool(found) if not tick or found.endswith(UNKNOWN_TICK) else found == owner[2]


def abandoned(work: Path) -> bool:
    """Whether a folder whose name ends in a signature is no longer in use: its process has ended or, where it ran on
    another machine or before a reboot, has not written to the folder for LEASE_SECONDS."""
    lives = owner_lives(work.name)
    return silent(work) if lives is None else not lives


def silent(work: Path) -> bool:
    """Whether nothing was written to a folder for LEASE_SECONDS, by the clock of its file system: that of this machine
    may differ. What cannot be told counts as written to."""
    try:
        last = max(path.lstat().st_mtime for path in (work, *work.rglob("*")))
        with tempfile.TemporaryFile(dir=work.parent) as now:
            return os.fstat(now.fileno()).st_mtime - last > LEASE_SECONDS
    except OSError:  # it is being removed, or has just been finished; or nothing can be written here
        return False


@cache
def _realm() -> str:
    """The name of the set of processes that can be looked up: those of this boot of this machine, in this container.

    Where the system does not say which they are, the set is this process with those that it forks: it looks up no
    other one, and no other one looks it up.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return secrets.token_hex(6)
    return hashlib.sha256(f"{boot} {space} {os.uname().nodename}".encode()).hexdigest()[:12]


def _started(number: int) -> str:
    """Number of a process, followed by the clock tick since boot at which it started: together they name a process of
    a realm (proc(5), fields 1 and 22 of the file ``stat``). The tick is UNKNOWN_TICK where the system does not say it;
    the text is empty for a process that has ended, but whose parent has not asked yet."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return f"{number}{UNKNOWN_TICK}"
    return "" if fields[0] in "ZX" else f"{number}{int(fields[19]):0{TICK_DIGITS}d}"
