"""Speed and memory of preparation: a plain copy, plain TFDS builders, and ours, on the same raw files in one run.

Every way runs in a process of its own, on raw files that are in the page cache (or, with --cold, are not), and ends
when its output is on disk. Speed is raw bytes over wall time of the work (imports excluded); memory is the peak
resident size of the process.

    python perf/prepare.py                      the table of ways for STEMDL
    python perf/prepare.py cloudmask --samples 16   for CloudMask, without the plain TFDS builders
    python perf/prepare.py stemdl --preprocess  the reference's transform inside preparation, from HDF5
    python perf/prepare.py stemdl_preprocessed --samples 10000 [--cold]   small .npz files, beside np.load
    python perf/prepare.py candle_uno --samples 530000   for CANDLE-UNO; also candle_uno_growth and candle_uno_pairs
    python perf/prepare.py --scale /dev/shm     ours with some MPI ranks (--ranks), all files in that folder
    python perf/prepare.py --plan               the plan for 1,000,000 samples in 10,000 files
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

WAYS = {
    "np.load": "np.load, one file after the other",
    "read": "sciml, index and read alone, all cores",
    "copy": "cp -r",
    "tfds": "plain TFDS builder, default encoding",
    "tfds-bytes": "plain TFDS builder, bytes encoding",
    "sciml": "sciml prepare --jobs 1",
    "sciml-all": "sciml prepare, all cores",
}


NAMES: dict[str, dict[str, Any]] = {
    "stemdl": {"engine": "kinematic"},
    "stemdl_preprocessed": {},
    "cloudmask": {},
    "candle_uno": {"cells": 1600, "drugs": 1800},
    "candle_uno_growth": {"cells": 1600, "drugs": 1800},
    "candle_uno_pairs": {"cells": 200, "drugs": 300},
}
"""Options of the simulation of each data set, by name."""


def main() -> None:
    """Print one table, or run one way in this process (``--way``)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", choices=NAMES, default="stemdl", help="default: stemdl")
    parser.add_argument("--samples", type=int, default=200, help="simulated raw samples (default: 200)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each way, the median counts (default: 3)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, help="the first one is compared with (default: all)")
    parser.add_argument("--preprocess", action="store_true", help="prepare the preprocessed form of stemdl")
    parser.add_argument("--cold", action="store_true", help="drop raw files from the page cache before each way")
    parser.add_argument("--dir", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--scale", type=Path, metavar="DIR", help="measure MPI ranks in this folder instead")
    parser.add_argument("--ranks", nargs="+", type=int, default=[1, 2, 3, 4], help="of --scale (default: 1 2 3 4)")
    parser.add_argument("--plan", action="store_true", help="measure planning instead")
    parser.add_argument("--way", choices=[*WAYS, "rank", "plan"], help=argparse.SUPPRESS)
    parser.add_argument("--raw", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way == "rank":
        rank(args.name, args.raw, args.dir)
    elif args.way == "plan":
        plan()
    elif args.way:
        print(json.dumps(run(args.way, args.name, args.raw, args.dir, args.preprocess)))
    elif args.plan:
        subprocess.run([sys.executable, __file__, "--way", "plan"], check=True)
    else:
        with tempfile.TemporaryDirectory(dir=args.scale or args.dir) as folder:
            if args.scale:
                scale(Path(folder), args)
            else:
                table(Path(folder), args)


def scale(folder: Path, args: argparse.Namespace) -> None:
    """Prepare with several ranks, each bound to one core as MPI launchers do, and print speed and peak memory."""
    name, rounds = args.name, args.rounds
    raw, size = simulated(folder, name, args.samples)
    print("warm page cache, ranks bound to cores, median of", rounds, "rounds\n")
    print("| ranks | MB/s | of one rank | peak memory of a rank, MB |")
    print("| ---: | ---: | ---: | ---: |")
    launcher = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") or "mpiexec"
    first = 0.0
    for ranks in args.ranks:
        runs = []
        for _ in range(rounds):
            out = folder / "out"
            command = [sys.executable, __file__, name, "--way", "rank", "--raw", str(raw), "--dir", str(out)]
            launch = [launcher, "-bind-to", "core", "-n", str(ranks), *command]
            done = subprocess.run(launch, capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr)
            runs.append(json.loads(done.stdout.splitlines()[-1]))
            shutil.rmtree(out)
        speed = size / 1e6 / sorted(r["seconds"] for r in runs)[rounds // 2]
        first = first or speed
        memory = max(r["memory"] for r in runs) / 1e6
        print(f"| {ranks} | {speed:.0f} | {speed / first:.2f} | {memory:.0f} |", flush=True)


def rank(name: str, raw: Path, out: Path) -> None:
    """Run one rank of a preparation; rank 0 prints the wall time and the largest memory of a rank."""
    from mpi4py import MPI

    from sciml_datasets.parallel.launcher import world

    prepare = imported_prepare(name)
    comm = world() or MPI.COMM_WORLD  # an error where a launcher of another MPI leaves every rank alone
    comm.Barrier()
    started = time.perf_counter()
    prepare(name, raw, out, comm, num_shards=16)
    comm.Barrier()
    seconds = time.perf_counter() - started
    memory = comm.allreduce(peak_memory(), MPI.MAX)
    if comm.Get_rank() == 0:
        print(json.dumps({"seconds": seconds, "memory": memory}))


def imported_prepare(benchmark: str) -> Callable[..., Path]:
    """The function `prepare`, after all imports that it would make when it is called."""
    import tensorflow_datasets

    from sciml_datasets.preparation.prepare import prepare

    for name in ("google_crc32c", "h5py"):
        importlib.import_module(name)
    tensorflow_datasets.builder(f"sciml/{benchmark}")
    return prepare


def plan() -> None:
    """Plan 1,000,000 samples in 10,000 files in this process and print time and peak memory."""
    from sciml_datasets.preparation.index_checks import check_disjoint
    from sciml_datasets.preparation.plan import make_plan
    from sciml_datasets.raw_format import Sample

    splits = ["train"] * 8 + ["validation", "test"]
    samples = [
        Sample(
            split, f"{split}/batch_{f}.h5/sample_{i}_0", file, f"sample_{i}_0", 3 << 20, f"mp-{f * 100 + i}", ("225",)
        )
        for f in range(10_000)
        for split in (splits[f % 10],)
        for file in (f"{split}/batch_{f}.h5",)
        for i in range(100)
    ]
    started = time.perf_counter()
    check_disjoint(samples, "material")
    made = make_plan(samples, {})
    seconds = time.perf_counter() - started
    memory = peak_memory() / 1e6
    print(f"{len(samples):,} samples in 10,000 files: {len(made.shards):,} shards, {seconds:.1f} s, {memory:.0f} MB")


def simulated(folder: Path, name: str, samples: int) -> tuple[Path, int]:
    """Simulate raw files in the real format and return their folder and size; the machine is described on stdout."""
    from sciml_datasets import simulate

    raw = folder / "raw"
    if name == "stemdl_preprocessed":
        write_npz(raw / name, samples)
    else:
        simulate(name, raw, samples, jobs=os.cpu_count() or 1, **NAMES[name])
    size = sum(path.stat().st_size for path in raw.rglob("*") if path.is_file())
    print(
        f"{samples} samples of {name}, {size / 1e6:.0f} MB raw, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {platform.machine()}"
    )
    return raw, size


def write_npz(folder: Path, samples: int) -> None:
    """Write STEMDL's raw form B: a file per sample, with random numbers."""
    import numpy as np

    numbers = (255 * np.random.default_rng(0).random((3, 128, 128))).astype(np.float32)
    for name, share in {"training": 0.8, "validation": 0.1, "testing": 0.05, "inference": 0.05}.items():
        (folder / name).mkdir(parents=True)
        for i in range(max(1, round(share * samples))):
            np.savez(folder / name / f"{i}.npz", data=np.roll(numbers, i), label=np.array([i % 230 + 1]))


def load_npz(folder: Path) -> None:
    """Read every file as the reference does."""
    import numpy as np

    for path in sorted(folder.rglob("*.npz")):
        with np.load(path) as file:
            _ = file["data"], file["label"]


def read_alone(name: str, folder: Path) -> None:
    """Index and read every raw file as preparation does, on all cores, and write nothing."""
    import tensorflow_datasets

    from sciml_datasets.parallel.executors import Forked
    from sciml_datasets.preparation.prefetch import Extent, asked_for, chunks

    raw_format = tensorflow_datasets.builder(f"sciml/{name}").raw_format()

    def read_all(files: list[Any], tick: Callable[[int], None]) -> int:
        with raw_format.reader(folder) as read:
            for file in asked_for(files, lambda file: Extent(folder / file.name, 0, file.size)):
                for sample in raw_format.index(folder, file):
                    read(sample)
        return len(files)

    Forked(os.cpu_count() or 1).map(read_all, chunks(raw_format.files(folder)), lambda _: None)


def into_page_cache(raw: Path, *, cold: bool) -> None:
    """Read all files, or drop them from the page cache."""
    os.sync()
    for path in raw.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                if cold:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                else:
                    file.read()


def ways_of(name: str, *, preprocess: bool) -> dict[str, str]:
    """The ways that are compared, by name; the others are compared with the first one."""
    if name == "stemdl_preprocessed":
        left_out = {"copy", "tfds", "tfds-bytes"}
    elif name == "stemdl" and not preprocess:
        left_out = {"np.load", "read"}
    else:
        left_out = {"np.load", "read", "tfds", "tfds-bytes"}
    return {way: title for way, title in WAYS.items() if way not in left_out}


def table(folder: Path, args: argparse.Namespace) -> None:
    """Simulate raw files, run every way in turn, print the table."""
    name, rounds = args.name, args.rounds
    raw, size = simulated(folder, name, args.samples)
    cache = "raw files not in the page cache" if args.cold else "warm page cache"
    print(f"{cache}, output synced to disk, median of {rounds} rounds\n")
    ways = {way: WAYS[way] for way in args.ways} if args.ways else ways_of(name, preprocess=args.preprocess)
    results: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            into_page_cache(raw, cold=args.cold)
            os.sync()
            out = folder / way
            command = [sys.executable, __file__, name, "--way", way, "--raw", str(raw), "--dir", str(out)]
            command += ["--preprocess"] if args.preprocess else []
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            results[way].append(json.loads(done.stdout.splitlines()[-1]))
            shutil.rmtree(out, ignore_errors=True)
    taken = {way: sorted(r["seconds"] for r in runs)[rounds // 2] for way, runs in results.items()}
    first = next(iter(ways))
    print(f"| way | seconds | MB/s | samples/s | of {ways[first]} | peak memory, MB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for way, title in ways.items():
        memory, seconds = max(r["memory"] for r in results[way]) / 1e6, taken[way]
        speeds = f"{seconds:.1f} | {size / 1e6 / seconds:.0f} | {args.samples / seconds:.0f}"
        print(f"| {title} | {speeds} | {taken[first] / seconds:.2f} | {memory:.0f} |")


def run(way: str, name: str, raw: Path, out: Path, preprocess: bool) -> dict[str, float]:
    """Prepare in one way and return wall seconds and peak resident bytes, those of the largest of several processes."""
    if way == "copy":
        started = time.perf_counter()
        subprocess.run(["cp", "-r", raw / name, out], check=True)
        own = False
    elif way == "np.load":
        importlib.import_module("numpy")
        started = time.perf_counter()
        load_npz(raw / name)
        own = True
    elif way == "read":
        imported_prepare(name)
        started = time.perf_counter()
        read_alone(name, raw / name)
        own = True
    elif way.startswith("sciml"):
        prepare = imported_prepare(name)
        started = time.perf_counter()
        prepare(name, raw, out, jobs=1 if way == "sciml" else os.cpu_count() or 1, preprocess=preprocess)
        own = True
    else:
        builder = plain_builder(raw, out, "bytes" if way == "tfds-bytes" else None)
        started = time.perf_counter()
        builder.download_and_prepare()
        own = True
    for path in out.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    seconds = time.perf_counter() - started
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return {"seconds": seconds, "memory": max(children, peak_memory() if own else 0)}


def peak_memory() -> int:
    """The peak resident bytes of this process; not ru_maxrss, which a process inherits from the one that started it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found, "Linux reports the peak memory of a process in /proc/self/status"
    return int(found[1]) * 1024


def plain_builder(raw: Path, out: Path, encoding: str | None) -> Any:
    """The builder that one would write with TFDS alone."""
    import h5py
    import numpy as np
    import tensorflow_datasets as tfds

    importlib.import_module("tensorflow")  # TFDS writes with it; its import is not timed

    class Plain(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        """A stack and its space group from each HDF5 group."""

        VERSION = tfds.core.Version("1.0.0")

        def _info(self) -> tfds.core.DatasetInfo:
            stack = tfds.features.Tensor(shape=(3, 512, 512), dtype=np.float32, encoding=encoding or "none")
            features = {"cbed_stack": stack, "space_group": tfds.features.ClassLabel(num_classes=231)}
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
            return {name: self._generate_examples(raw / "stemdl" / name) for name in ("train", "dev", "test")}

        def _generate_examples(self, folder: Path) -> Iterator[tuple[str, Any]]:
            for path in sorted(folder.glob("*.h5")):
                with h5py.File(path) as file:
                    for name, group in file.items():
                        example = {"cbed_stack": group["cbed_stack"][:], "space_group": int(group.attrs["space_group"])}
                        yield f"{path.name}/{name}", example

    return Plain(data_dir=out)


if __name__ == "__main__":
    main()
