"""Processes that share work."""

from __future__ import annotations

import sys

from processes import run

FORKS = """
import os
from sciml_datasets.parallel.executors import Forked
forks = []
os.register_at_fork(after_in_parent=lambda: forks.append(1))
print(Forked(300).map(lambda item, tick: item, [1, 2, 3], lambda done: None), len(forks))
"""


def test_no_more_processes_are_started_than_there_is_work() -> None:
    assert run([sys.executable, "-c", FORKS]).stdout == "[1, 2, 3] 3\n"
