"""Limits of the system that tests set for a while."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def short_files(most: int = 1000) -> Iterator[None]:
    """Files may have so many bytes, as under ``ulimit -f``: a write beyond fails as on a full disk, without a name.

    It is no fixture: what the test runner itself writes after a test, to a log perhaps, would fail as well.
    """
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
