"""Speed and memory of reading for training, beside each reference's own way on the same samples in one run.

Every way runs in a process of its own and reads the training split for a while; the first batch is not timed.

    python perf/read.py cloudmask                                   (needs the extra perf, and PyTorch for one way)
    python perf/read.py candle_uno --samples 20000 --seconds 6      (needs the extra perf)
    python perf/read.py stemdl --samples 256 --torch-python PYTHON  (an interpreter that has PyTorch)
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import read_candle_uno
import read_cloudmask
import read_stemdl
from read_records import Ways

SECONDS = 20.0
"""Seconds for which each way reads, again and again."""


def main() -> None:
    """Print a benchmark's table, or read one way in this process (``--way``)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=WAYS)
    parser.add_argument("--samples", type=int, default=16, help="simulated raw samples (default: 16)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of each way (default: {SECONDS:g})")
    parser.add_argument("--dir", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument(
        "--torch-python", metavar="PYTHON", default=sys.executable, help="for ways of PyTorch (default: this one)"
    )
    parser.add_argument("--way", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way == "copies":
        COPIES[args.name](args.dir)
        return
    if args.way:
        print(json.dumps(measured(WAYS[args.name][args.way](args.dir), args.seconds)))
        return
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        table(args.name, Path(folder), args.samples, args.seconds, args.torch_python)


def table(name: str, folder: Path, samples: int, seconds: float, torch_python: str) -> None:
    """Simulate, prepare, read every way, print."""
    from sciml_datasets import prepare, simulate

    simulate(name, folder / "raw", samples, jobs=os.cpu_count() or 1, **OPTIONS.get(name, {}))
    prepare(name, folder / "raw", folder / "data")
    if name in COPIES:
        subprocess.run([sys.executable, __file__, name, "--way", "copies", "--dir", str(folder)], check=True)
    machine = f"{os.cpu_count()} cores, warm page cache, Python {platform.python_version()}"
    print(f"{samples} raw samples of {name}, {machine}\n")
    print("| way | training samples/s | times the reference | ms of processor a sample | peak memory, MB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    first: dict[str, float] = {}
    for way in WAYS[name]:
        for path in folder.rglob("*"):  # reading brings the files into the page cache
            if path.is_file():
                path.read_bytes()
        python = torch_python if "PyTorch" in way else sys.executable
        command = [python, __file__, name, "--way", way, "--dir", str(folder), "--seconds", str(seconds)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        reference = first.setdefault(way.partition(", ")[2], found["speed"])
        speeds = f"{found['speed']:.1f} | {found['speed'] / reference:.1f}"
        print(f"| {way} | {speeds} | {1e3 * found['cpu']:.2f} | {found['memory'] / 1e6:.0f} |", flush=True)


def measured(batches: Callable[[], Iterator[Any]], wanted: float) -> dict[str, float]:
    """The number of training samples per second, seconds of the processor for each, and the peak memory. The last two
    are of this process alone: what worker processes take is left out."""
    source = batches()
    next(source)
    count, started, worked = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - started < wanted:
        for batch in source:
            inputs = batch[0]
            while isinstance(inputs, tuple):
                inputs = inputs[0]
            count += len(inputs)
            if time.perf_counter() - started > wanted:
                break
        source = batches()
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    # ru_maxrss is not used, since a process inherits it from the one that started it.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak, "Linux reports the peak memory of a process in /proc/self/status"
    return {"speed": count / seconds, "cpu": worked / count, "memory": int(peak[1]) * 1024}


WAYS: Mapping[str, Ways] = {
    "stemdl": read_stemdl.WAYS,
    "cloudmask": read_cloudmask.WAYS,
    "candle_uno": read_candle_uno.WAYS,
}
"""Ways of each benchmark, by its name, the reference first; those with the same text after a comma are compared."""
OPTIONS: dict[str, dict[str, Any]] = {
    "candle_uno": {"cells": 1600, "drugs": 1800},
    "stemdl": {"engine": "kinematic"},
}
"""Options of the simulation of each benchmark, by name."""
COPIES = {"candle_uno": read_candle_uno.write_copies, "stemdl": read_stemdl.write_npz}
"""Function that writes the data of a benchmark in the formats of other ways, by name."""


if __name__ == "__main__":
    main()
