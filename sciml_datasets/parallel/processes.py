"""Lifetimes of processes: workers end with their parent, and names of files show whether their process still runs."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import signal
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
    """A suffix for names of files and folders that this process makes: it is unique and identifies the process."""
    return f"{_realm()}-{os.getpid()}-{secrets.token_hex(4)}"


def is_own(name: str) -> bool:
    """Whether a name ends in a signature of this process."""
    return re.search(rf"-{_realm()}-{os.getpid()}-[0-9a-f]{{8}}$", name) is not None


def owner_lives(name: str) -> bool | None:
    """Whether the process whose signature ends a name still runs; None where this process cannot look it up."""
    owner = re.search(r"-([0-9a-f]{12})-([0-9]+)-[0-9a-f]{8}$", name)
    if owner is None or owner[1] != _realm():
        return None
    try:
        os.kill(int(owner[2]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def abandoned(work: Path) -> bool:
    """Whether a folder whose name ends in a signature is no longer in use: its process has ended or, where it ran on
    another machine or before a reboot, has not written to the folder for LEASE_SECONDS."""
    lives = owner_lives(work.name)
    if lives is not None:
        return not lives
    try:
        return time.time() - max(path.stat().st_mtime for path in (work, *work.rglob("*"))) > LEASE_SECONDS
    except FileNotFoundError:  # it is being removed, or has just been finished
        return False


@cache
def _realm() -> str:
    """The name of the set of processes that can be looked up: those of this boot of this machine, in this container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        boot, space = os.uname().nodename, ""
    return hashlib.sha256(f"{boot} {space}".encode()).hexdigest()[:12]
