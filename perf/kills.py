"""Fault drill: kill preparations at random moments, run them again, and compare the result to the byte.

Each round prepares a small data set with two MPI ranks and kills it once or several times: one rank, all ranks, or
the node (ranks and launcher). A last run is left alone and must end with the bytes of a serial run that nobody killed,
with no work folder left. Reading is slowed down so that kills fall into every phase.

    python perf/kills.py --kills 51 --seed 0
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

KINDS = ("one rank", "all ranks", "node")
RANKS = 2
SLOWNESS = 0.02
"""Seconds added to the reading of a sample: a round writes for about 0.6 s."""
LAST_MOMENT = 2.6
"""Seconds after the launch of the latest possible kill: imports take about one."""


def main() -> int:
    """Run the drill, or prepare in this process (``--worker``)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=51, help="how many kills (default: 51)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and kinds (default: 0)")
    parser.add_argument("--worker", nargs=2, metavar=("RAW", "DATA"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        worker(*args.worker)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return drill(Path(folder), args.kills, random.Random(args.seed))


def drill(folder: Path, kills: int, rng: random.Random) -> int:
    """Run rounds of kills until there were enough, and return the exit code."""
    from sciml_datasets import prepare, simulate

    raw = folder / "raw"
    simulate("stemdl_demo", raw, num_samples=60)
    expected = digest(prepare("stemdl_demo", raw, folder / "reference", num_shards=5))
    killed: Counter[str] = Counter()
    rounds, slowest = 0, 0.0
    while killed.total() < kills:
        data = folder / f"round-{rounds}"
        for _ in range(rng.randint(1, 4)):
            kind = KINDS[killed.total() % len(KINDS)]
            ended = run_and_kill(raw, data, kind, rng.uniform(0.3, LAST_MOMENT), rng)
            if ended is not None:
                killed[kind] += 1
                slowest = max(slowest, ended)
        final = subprocess.run(command(raw, data), capture_output=True, text=True, check=False)
        if final.returncode:
            print(f"round {rounds}: the last run failed\n{final.stderr}")
            return 1
        prepared = data / "sciml/stemdl_demo/3.0.0"
        left = [path.name for path in prepared.parent.iterdir() if path != prepared]
        if digest(prepared) != expected or left:
            print(f"round {rounds}: the bytes differ, or {left} was left")
            return 1
        shutil.rmtree(data)
        rounds += 1
    kinds = ", ".join(f"{killed[kind]} x {kind}" for kind in KINDS)
    print(f"{killed.total()} kills ({kinds}) in {rounds} rounds: every round ended with the same bytes")
    print(f"longest time from the kill to the end of the job: {slowest:.1f} s")
    return 0


def run_and_kill(raw: Path, data: Path, kind: str, delay: float, rng: random.Random) -> float | None:
    """Start a preparation and kill it; return the seconds until all its processes had ended, None if it had finished
    before."""
    with subprocess.Popen(
        command(raw, data), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as job:
        time.sleep(delay)
        ranks = list(rank_processes(data))
        if job.poll() is not None or not ranks:
            job.wait()
            return None
        started = time.perf_counter()
        if kind == "node":
            os.killpg(job.pid, signal.SIGKILL)
        for rank in ranks if kind != "one rank" else [rng.choice(ranks)]:
            try:
                os.kill(rank, signal.SIGKILL)
            except ProcessLookupError:
                continue
        job.wait()
        while list(rank_processes(data)):
            time.sleep(0.05)
        return time.perf_counter() - started


def command(raw: Path, data: Path) -> list[str]:
    """The command that prepares with two ranks."""
    launcher = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if launcher is None:
        raise SystemExit("mpiexec is not installed: pip install mpich")
    return [launcher, "-n", str(RANKS), sys.executable, __file__, "--worker", str(raw), str(data)]


def rank_processes(data: Path) -> Iterator[int]:
    """The process numbers of the ranks that work on ``data``."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[-2:-1] == [str(data).encode()] and not words[0].endswith(b"mpiexec") and b"--worker" in words[:4]:
            yield int(entry.name)


def worker(raw: str, data: str) -> None:
    """Run one rank of a preparation whose reading is slow."""
    from mpi4py import MPI

    from sciml_datasets import prepare
    from sciml_datasets.stemdl.raw import Hdf5Stacks

    plain_reader = Hdf5Stacks.reader

    @contextmanager
    def slow_reader(self: Any, folder: Path, *note: Any) -> Iterator[Any]:
        with plain_reader(self, folder, *note) as read:
            yield lambda sample: (time.sleep(SLOWNESS), read(sample))[1]

    Hdf5Stacks.reader = slow_reader
    prepare("stemdl_demo", raw, data, MPI.COMM_WORLD, num_shards=5)


def digest(folder: Path) -> str:
    """The SHA-256 of the names and bytes of all files of a folder."""
    sha256 = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        sha256.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return sha256.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
