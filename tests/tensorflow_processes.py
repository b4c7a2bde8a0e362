"""Processes of their own that use TensorFlow, forked from a server that has imported it, which takes seconds."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NoReturn

THREADS = {"TF_NUM_INTRAOP_THREADS": "2"}
"""Environment of each: sums that several threads share are where two runs could differ."""

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["keras"])  # imported, and never used: nothing of TensorFlow runs before a process forks


@dataclass
class Forked:
    """A process beside this one, and the file of what it writes on standard error."""

    process: Any
    errors: Path

    @classmethod
    def start(
        cls, work: Callable[..., object], arguments: tuple[Any, ...], errors: Path, environment: Mapping[str, str]
    ) -> Forked:
        """Begin a function of a module, which exits with what it returns."""
        process = FORKS.Process(target=_run, args=(work, arguments, errors, dict(environment)))
        process.start()
        return cls(process, errors)

    def reported(self, seconds: float = 200) -> str:
        """Wait for its end, so many seconds at most; what it wrote on standard error."""
        self.process.join(seconds)
        self.process.kill()
        self.process.join()
        return self.errors.read_text()


def _run(
    work: Callable[..., object], arguments: tuple[Any, ...], errors: Path, environment: dict[str, str]
) -> NoReturn:
    os.environ.update(THREADS | environment)
    for file, stream in ((Path(os.devnull), 1), (errors, 2)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), stream)
    sys.exit(work(*arguments))
