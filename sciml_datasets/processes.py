"""Manners of worker processes."""

from __future__ import annotations

import os
import signal
import threading
import time

LOOK_SECONDS = 1.0


def stay_with_parent() -> None:
    """To be called in a worker process: end with the parent, and leave Ctrl-C to it.

    A parent that is killed cannot tell its workers; each looks whether it has been adopted by another process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
