"""Fault drill: kill preparations at random moments, run them again, and compare the result to the byte.

Each round prepares a small data set with two MPI ranks and kills it once or several times: one rank, all ranks, or
the node (ranks and launcher). A last run is left alone and must end with the bytes of a serial run that nobody killed,
with no work folder left. Reading is slowed down so that kills fall into every phase. With ``--bucket`` raw files and
prepared data are in a bucket of an S3 server on this machine, and nothing may be left there, no part of an upload, nor
in the folder for temporary files.

    python perf/kills.py --kills 51 --seed 0
    python perf/kills.py --kills 20 --seed 0 --bucket
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
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "tests"))
KINDS = ("one rank", "all ranks", "node")
RANKS = 2
SLOWNESS = 0.02
"""Seconds added to the reading of a sample: a round writes for about 0.6 s."""
LAST_MOMENT, LAST_IN_BUCKET = 2.6, 6.0
"""Seconds after the launch of the latest possible kill: imports take about one, and requests their time."""
VERSION = "sciml/stemdl_demo/3.0.0"


def main() -> int:
    """Run the drill, or prepare in this process (``--worker``)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=51, help="how many kills (default: 51)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and kinds (default: 0)")
    parser.add_argument("--bucket", action="store_true", help="raw files and prepared data in a bucket")
    parser.add_argument("--worker", nargs=2, metavar=("RAW", "DATA"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        worker(*args.worker)
        return 0
    with tempfile.TemporaryDirectory() as folder, at_a_bucket() if args.bucket else nullcontext() as bucket:
        return drill(Path(folder), args.kills, random.Random(args.seed), bucket)


@contextmanager
def at_a_bucket(name: str = "kills") -> Iterator[Any]:
    """A bucket of a server in a process of its own, which this process and its children find."""
    from buckets import environment, new_bucket

    serve = "from fetch_servers import s3_server\nwith s3_server() as url:\n    print(url, flush=True)\n    input()"
    with subprocess.Popen(
        [sys.executable, "-c", serve],
        cwd=Path(__file__).parents[1] / "tests",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        endpoint = server.stdout.readline().strip()
        os.environ.update(environment(endpoint))
        with new_bucket(endpoint, name) as bucket:
            yield bucket
        server.kill()


def drill(folder: Path, kills: int, rng: random.Random, bucket: Any) -> int:
    """Run rounds of kills until there were enough, and return the exit code."""
    from sciml_datasets import prepare, simulate

    raw = folder / "raw"
    simulate("stemdl_demo", raw, num_samples=60)
    expected = digest(files_of(Path(prepare("stemdl_demo", raw, folder / "reference", num_shards=5))))
    scratch, last = folder / "scratch", LAST_IN_BUCKET if bucket else LAST_MOMENT
    scratch.mkdir()
    os.environ["TMPDIR"] = str(scratch)
    if bucket:
        bucket.upload(raw, "raw")
    killed: Counter[str] = Counter()
    rounds, slowest = 0, 0.0
    while killed.total() < kills:
        data = f"{bucket.url if bucket else folder}/round-{rounds}"
        for _ in range(rng.randint(1, 4)):
            kind = KINDS[killed.total() % len(KINDS)]
            ended = run_and_kill(f"{bucket.url}/raw" if bucket else str(raw), data, kind, rng.uniform(0.3, last), rng)
            if ended is not None:
                killed[kind] += 1
                slowest = max(slowest, ended)
        raw_dir = f"{bucket.url}/raw" if bucket else str(raw)
        final = subprocess.run(command(raw_dir, data), capture_output=True, text=True, check=False)
        if final.returncode:
            print(f"round {rounds}: the last run failed\n{final.stderr}")
            return 1
        if bucket:
            found = bucket.content(f"round-{rounds}/{VERSION}")
            left = [name for name in bucket.names(f"round-{rounds}/") if f"/{VERSION}/" not in name]
            left += [str(upload) for upload in bucket.unfinished_uploads()]
            left += [path.name for path in scratch.iterdir() if path.name.startswith("sciml-")]
        else:
            prepared = Path(data) / VERSION
            found = files_of(prepared)
            left = [path.name for path in prepared.parent.iterdir() if path != prepared]
            shutil.rmtree(data)
        if digest(found) != expected or left:
            print(f"round {rounds}: the bytes differ, or {left} was left")
            return 1
        rounds += 1
    kinds = ", ".join(f"{killed[kind]} x {kind}" for kind in KINDS)
    print(f"{killed.total()} kills ({kinds}) in {rounds} rounds: every round ended with the same bytes")
    print(f"longest time from the kill to the end of the job: {slowest:.1f} s")
    return 0


def run_and_kill(raw: str, data: str, kind: str, delay: float, rng: random.Random) -> float | None:
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


def command(raw: str, data: str) -> list[str]:
    """The command that prepares with two ranks."""
    launcher = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if launcher is None:
        raise SystemExit("mpiexec is not installed: pip install mpich")
    return [launcher, "-n", str(RANKS), sys.executable, __file__, "--worker", raw, data]


def rank_processes(data: str) -> Iterator[int]:
    """The process numbers of the ranks that work on ``data``."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[-2:-1] == [data.encode()] and not words[0].endswith(b"mpiexec") and b"--worker" in words[:4]:
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


def files_of(folder: Path) -> dict[str, bytes]:
    """The files of a folder by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def digest(files: dict[str, bytes]) -> str:
    """The SHA-256 of the names and bytes of files."""
    sha256 = hashlib.sha256()
    for name, content in sorted(files.items()):
        sha256.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return sha256.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
