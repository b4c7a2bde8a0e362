"""Soak and scale: one process for long, many readers of one folder, many ranks on few cores.

    python perf/soak.py rounds --gigabytes 200     prepare, read and remove a small data set again and again
    python perf/soak.py readers --processes 200 --threads 200   all read one folder at once
    python perf/soak.py early --preparations 20    read while the data set is prepared, again and again
    python perf/soak.py ranks --ranks 64           prepare with more MPI ranks than cores

``rounds`` counts the bytes that are read and written, in memory (``/dev/shm``) where the system has that, and shows the
memory of the process, its threads and its open files. After the first rounds they must not grow. Readers must see the
right bytes, or nothing while there is nothing. Ranks must write the bytes that one process writes. Exit code 1 where
something else is seen.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

NAME = "cloudmask_demo"
ROUNDS_BEFORE = 3
"""Number of rounds after which memory counts: libraries fill their pools in the first."""
GROWTH_BYTES = 32 << 20
"""Number of bytes that memory may vary by from then on."""
PAGE = os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """Run one of the four."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    rounds = kinds.add_parser("rounds")
    rounds.add_argument("--gigabytes", type=float, default=200.0)
    rounds.add_argument("--minutes", type=float, default=float("inf"), help="end after so many")
    rounds.add_argument("--samples", type=int, default=40)
    rounds.add_argument("--reads", type=int, default=4, help="times that each record is read in a round (default: 4)")
    readers = kinds.add_parser("readers")
    readers.add_argument("--processes", type=int, default=200)
    readers.add_argument("--threads", type=int, default=200)
    early = kinds.add_parser("early")
    early.add_argument("--preparations", type=int, default=20)
    early.add_argument("--processes", type=int, default=4)
    ranks = kinds.add_parser("ranks")
    ranks.add_argument("--ranks", type=int, default=64)
    args = parser.parse_args()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        root = Path(folder)
        if args.kind == "rounds":
            return soak(root, args.gigabytes * 1e9, args.minutes * 60, args.samples, args.reads)
        if args.kind == "readers":
            return read_together(root, args.processes, args.threads)
        if args.kind == "early":
            return read_early(root, args.preparations, args.processes)
        return prepare_together(root, args.ranks)


def soak(root: Path, enough: float, seconds: float, samples: int, reads: int) -> int:
    """Prepare and read until enough bytes have been moved or the time is over, and print what the process holds."""
    from sciml_datasets import prepare, simulate

    raw = simulate(NAME, root / "raw", num_samples=samples)
    raw_bytes, moved, end = _bytes(raw), 0, time.monotonic() + seconds
    held: list[tuple[float, int, int, int]] = []
    while moved < enough and time.monotonic() < end:
        folder = prepare(NAME, root / "raw", root / "data")
        moved += raw_bytes + _bytes(folder)
        for _ in range(reads):
            read_all(root / "data")
            moved += _bytes(folder)
        shutil.rmtree(root / "data")
        held.append((moved / 1e9, *_held()))
    print(f"{len(held)} rounds, {moved / 1e9:.1f} GB read and written, {reads} reads a round\n")
    print("| after round | GB | memory (MB) | threads | open files |\n| ---: | ---: | ---: | ---: | ---: |")
    first, last = min(ROUNDS_BEFORE, len(held)), len(held)
    for number in sorted({1, first, *(first + (last - first) * part // 4 for part in range(1, 5))}):
        gigabytes, memory, threads, files = held[number - 1]
        print(f"| {number} | {gigabytes:.1f} | {memory / 1e6:.1f} | {threads} | {files} |")
    for part, what in ((held[first - 1 :], f"round {first}"), (held[last // 2 :], f"round {last // 2 + 1}")):
        if len(part) > 1:
            slope = np.polyfit([row[0] for row in part], [row[1] / 1e6 for row in part], 1)[0]
            print(f"memory from {what} on: {slope:+.4f} MB for each GB")
    _, memory, threads, files = (after - before for before, after in zip(held[first - 1], held[last - 1], strict=True))
    return int(memory > GROWTH_BYTES or threads > 0 or files > 0)


def _held() -> tuple[int, int, int]:
    """Bytes of memory that this process holds, its threads and its open files."""
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
    threads, files = (len(list(Path(f"/proc/self/{name}").iterdir())) for name in ("task", "fd"))
    return resident, threads, files - 1  # the listing itself is open


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def read_all(data: Path) -> str:
    """The SHA-256 of the values of all examples of a prepared data set, read one by one."""
    from sciml_datasets import Prepared

    prepared, sha256 = Prepared.open(NAME, data), hashlib.sha256()
    for example in prepared.examples(prepared.members["id"]):
        for key in sorted(example):
            sha256.update(np.asarray(example[key]).tobytes())
    return sha256.hexdigest()


def read_together(root: Path, processes: int, threads: int) -> int:
    """Let many read one folder at once, first processes, then threads of one process."""
    from sciml_datasets import prepare, simulate

    simulate(NAME, root / "raw", num_samples=6)
    prepare(NAME, root / "raw", root / "data")
    expected = read_all(root / "data")
    seen: Any = multiprocessing.get_context("fork").Queue()

    def read(found: Callable[[str], object]) -> None:
        try:
            found(read_all(root / "data"))
        except Exception as error:  # it is counted, and named below
            found(f"{type(error).__name__}: {error}")

    started = time.perf_counter()
    readers = [multiprocessing.get_context("fork").Process(target=read, args=(seen.put,)) for _ in range(processes)]
    for reader in readers:
        reader.start()
    found = Counter(seen.get() for _ in readers)
    for reader in readers:
        reader.join()
    wrong = _report(f"{processes} processes", found, expected, started)
    started, outcomes = time.perf_counter(), list[str]()
    others = [threading.Thread(target=read, args=(outcomes.append,)) for _ in range(threads)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    return int(wrong + _report(f"{threads} threads", Counter(outcomes), expected, started) > 0)


def _report(who: str, found: Counter[str], expected: str, started: float) -> int:
    """Print how many saw the right values, and the number of those that did not."""
    wrong = found.total() - found[expected]
    print(f"{who}: {found[expected]} read the right values, {wrong} did not, {time.perf_counter() - started:.1f} s")
    for other in found.keys() - {expected}:
        print(f"    {other}")
    return wrong


def read_early(root: Path, preparations: int, processes: int) -> int:
    """Let processes look for a data set all the time while it is prepared and removed again."""
    from sciml_datasets import InputError, prepare, simulate

    simulate(NAME, root / "raw", num_samples=6)
    prepare(NAME, root / "raw", root / "whole")
    expected = read_all(root / "whole")
    context = multiprocessing.get_context("fork")
    seen: Any = context.Queue()
    done = context.Event()

    def look() -> None:
        found: Counter[str] = Counter()
        while not done.is_set():
            for data in (root / f"data-{number}" for number in range(preparations)):
                try:
                    found["whole" if read_all(data) == expected else "other values"] += 1
                except InputError as error:
                    missing = "is missing" in str(error) or "not prepared" in str(error)
                    found["nothing" if missing else str(error)] += 1
                except Exception as error:  # it is counted, and named below
                    found[f"{type(error).__name__}: {error}"] += 1
        seen.put(found)

    readers = [context.Process(target=look) for _ in range(processes)]
    for reader in readers:
        reader.start()
    for number in range(preparations):
        prepare(NAME, root / "raw", root / f"data-{number}")
    done.set()
    total = sum((seen.get() for _ in readers), Counter[str]())
    for reader in readers:
        reader.join()
    print(f"{preparations} preparations, {processes} readers meanwhile:")
    for what, count in total.most_common():
        print(f"{count:>7}  {what}")
    return int(set(total) != {"nothing", "whole"})


def prepare_together(root: Path, ranks: int) -> int:
    """Prepare with many ranks, and compare with what one process writes."""
    from sciml_datasets import prepare, simulate

    simulate(NAME, root / "raw", num_samples=6)
    expected = _files(prepare(NAME, root / "raw", root / "alone"))
    launcher = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if launcher is None:
        raise SystemExit("mpiexec is not installed: pip install mpich")
    program = "import sys; from mpi4py import MPI; from sciml_datasets import prepare; "
    program += f"prepare({NAME!r}, sys.argv[1], sys.argv[2], MPI.COMM_WORLD)"
    started = time.perf_counter()
    command = [launcher, "-n", str(ranks), sys.executable, "-c", program, str(root / "raw"), str(root / "data")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (folder,) = (root / "data" / "sciml" / NAME).iterdir() if not done.returncode else (root / "data",)
    same = not done.returncode and _files(folder) == expected
    what = (
        "the bytes of one process, and nothing else" if same else f"other bytes, or it failed:\n{done.stderr[-2000:]}"
    )
    print(f"{ranks} ranks on {os.cpu_count()} cores, {time.perf_counter() - started:.0f} s: {what}")
    return int(not same)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


if __name__ == "__main__":
    sys.exit(main())
