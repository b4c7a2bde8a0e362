"""A process that has imported a command's modules, and forks for each command that it is asked to run.

A command takes as long as its work then, not as its imports. Run as a script, it reads a request a line on standard
input and answers with the exit code.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[1]
LONGEST = 120
"""Seconds after which a command is ended by an alarm."""
NEVER_BEFORE_A_FORK = ("mpi4py", "__")
"""Beginnings of the names of modules that stay out: MPI bears no fork, and ``__`` is the main one or generated code."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended.

    Attributes:
        code: its exit code, negative for a signal.
        out, err: its standard output and standard error.
    """

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Warm:
    """A process that forks for each command."""

    process: subprocess.Popen[str]
    logs: Path

    def run(self, command: list[str], environment: dict[str, str]) -> Ended:
        """Run ``sciml`` with these arguments in a fork, with these variables beside the others."""
        out, err = self.logs / "out", self.logs / "err"
        answer = self._ask({"command": command, "environment": environment, "out": str(out), "err": str(err)})
        return Ended(answer, out.read_text(errors="replace"), err.read_text(errors="replace"))

    def _ask(self, request: dict[str, Any]) -> int:
        asked, answers = self.process.stdin, self.process.stdout
        assert asked is not None
        assert answers is not None
        print(json.dumps(request), file=asked, flush=True)
        return int(answers.readline())


@contextmanager
def warm(logs: Path, library: Path) -> Iterator[Warm]:
    """Start the process, with a library loaded before all others."""
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    environment = os.environ | threads | {"LD_PRELOAD": str(library), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield Warm(process, logs)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer each request with an exit code. A command's modules stay imported for those that follow."""
    for line in requests:
        request = json.loads(line)
        modules, told = os.pipe()
        child = os.fork()
        if not child:
            os.close(modules)
            _run(request, told)
        os.close(told)
        with os.fdopen(modules) as imported:
            names = imported.read().split()
        _, status = os.waitpid(child, 0)
        for name in names:
            if name not in sys.modules and not name.startswith(NEVER_BEFORE_A_FORK):
                importlib.import_module(name)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def _run(request: dict[str, Any], told: int) -> None:
    """Run a command in this process, and end it."""
    for descriptor, path in ((1, request["out"]), (2, request["err"])):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    os.environ.update(request["environment"])
    ctypes.CDLL(None).fault_configure()
    signal.alarm(LONGEST)
    sys.argv = ["sciml", *request["command"]]
    code = 1
    try:
        from sciml_datasets.cli.main import main

        code = main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        ours = [name for name in sys.modules if _is_importable(name)]
        with os.fdopen(told, "w") as pipe:
            pipe.write("\n".join(ours))
        os._exit(code)


def _is_importable(name: str) -> bool:
    module = sys.modules[name]
    return getattr(getattr(module, "__spec__", None), "name", None) == name


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
