"""Commands in processes of their own, alone or as the ranks of an MPI launcher."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "sciml_datasets.cli.main"]
MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
NOBODY = ["unshare", "--user", "--map-user=12345"]
"""Runs a command under an id without an account, as containers do."""
needs_mpi = pytest.mark.skipif(MPIEXEC is None, reason="mpiexec is not installed: pip install mpich")

needs_namespaces = pytest.mark.skipif(
    subprocess.run([*NOBODY, "true"], capture_output=True, check=False).returncode != 0,
    reason="this system makes no user namespaces",
)

Run = subprocess.CompletedProcess[str]


def ranks(count: int, command: list[str]) -> list[str]:
    """A command as so many ranks."""
    assert MPIEXEC is not None
    return [MPIEXEC, "-n", str(count), *command]


def run(command: list[str]) -> Run:
    """The finished process of a command."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def signature_of_ended() -> str:
    """A signature of a process of this machine that has ended."""
    return _ended()[:-8] + secrets.token_hex(4)


@cache
def _ended() -> str:
    asked = "from sciml_datasets.parallel.processes import signature; print(signature(), end='')"
    return run([sys.executable, "-c", asked]).stdout
