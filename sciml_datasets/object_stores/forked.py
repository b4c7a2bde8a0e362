"""Requests of a process that was forked after a store was used: a new interpreter makes them.

The threads of obstore are not there after a fork, and a request would wait for them for ever. Workers of PyTorch's
DataLoader are such processes. The interpreter is started by the forked process, which may be a daemon and then has no
children of `multiprocessing`, and ends with it.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from functools import cache
from multiprocessing.managers import BaseManager
from typing import Any

METHODS = ("head", "get", "get_range")
"""Methods of a store that read."""
PROGRAM = "import sys; from sciml_datasets.object_stores.serving import serve; serve(*sys.argv[1:])"


@cache
def _first_process() -> int:
    """The process that used a store first; a forked process inherits the answer of its parent."""
    return os.getpid()


def is_forked() -> bool:
    """Whether this process was forked from one that had used a store."""
    return _first_process() != os.getpid()


class Stores(BaseManager):
    """The connection between both processes."""


def served_store(url: str, place: str, in_flight: int) -> Any:
    """A store in an interpreter that is started now; it has the methods `METHODS`, which threads may call at a time.

    Raises:
        OSError: no process can be started.
    """
    address, key = f"\0sciml-{secrets.token_hex(16)}", secrets.token_hex(32)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, address[1:], url, place, str(in_flight)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{key}\n")
    process.stdin.flush()
    process.stdout.readline()  # it listens
    Stores.register("store", exposed=METHODS)
    manager: Any = Stores(address, bytes.fromhex(key))
    manager.connect()
    store = manager.store()
    store.process = process  # whose input stays open as long as the store is used
    return store
