"""An interpreter that makes the requests of a process that was forked; see `sciml_datasets.object_stores.forked`."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

from sciml_datasets.object_stores.forked import METHODS, Stores
from sciml_datasets.object_stores.store import Store


class _Sent(Store):
    """A store whose answers can be sent to another process."""

    def get_range(self, name: str, start: int, end: int, etag: str = "") -> Any:
        return bytes(super().get_range(name, start, end, etag))


def serve(name: str, url: str, place: str, in_flight: str) -> None:
    """Answer requests for a store until the process that started this one has ended."""
    key = bytes.fromhex(sys.stdin.readline())
    store = _Sent(url, place, int(in_flight))
    Stores.register("store", lambda: store, exposed=METHODS)
    server = Stores(f"\0{name}", key).get_server()

    def end_with_parent() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=end_with_parent, daemon=True).start()
    os.write(sys.stdout.fileno(), b"\n")  # which the process that started this one waits for
    server.serve_forever()
