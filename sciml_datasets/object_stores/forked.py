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
import threading
from functools import cache
from multiprocessing.managers import BaseManager
from typing import Any

METHODS = ("head", "get", "get_range")
"""Methods of a store that read."""
PROGRAM = "import sys; from sciml_datasets.object_stores.forked import serve; serve(*sys.argv[1:])"


@cache
def _first_process() -> int:
    """The process that used a store first; a forked process inherits the answer of its parent."""
    return os.getpid()


def is_forked() -> bool:
    """Whether this process was forked from one that had used a store."""
    return _first_process() != os.getpid()


class _Stores(BaseManager):
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
    _Stores.register("store", exposed=METHODS)
    manager: Any = _Stores(address, bytes.fromhex(key))
    manager.connect()
    store = manager.store()
    store.process = process  # whose input stays open as long as the store is used
    return store


def serve(name: str, url: str, place: str, in_flight: str) -> None:
    """Answer requests for a store until the process that started this one has ended."""
    from sciml_datasets.object_stores.store import Store

    class Sent(Store):
        """A store whose answers can be sent to another process."""

        def get_range(self, name: str, start: int, end: int, etag: str = "") -> Any:
            return bytes(super().get_range(name, start, end, etag))

    key = bytes.fromhex(sys.stdin.readline())
    store = Sent(url, place, int(in_flight))
    _Stores.register("store", lambda: store, exposed=METHODS)
    server = _Stores(f"\0{name}", key).get_server()

    def end_with_parent() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=end_with_parent, daemon=True).start()
    print(flush=True)
    server.serve_forever()
