"""Speed of STEMDL's simulation: stacks a second of each engine, crystals and files included, on one core or on several.

    python perf/simulate.py                     every engine at 128 and 512 pixels
    python perf/simulate.py --engines zolz      of some engines
    python perf/simulate.py --engines zolz --jobs 1 2 4 --samples 192   by several processes, their start included
    python perf/simulate.py --crystals          instead: a crystal of each of the 230 groups, as spglib finds it

Each process has one thread of linear algebra; one process has its libraries imported before. Files go to a temporary
folder. Several crystals are simulated, since the time of one depends on its cell, each at three energies, as in
``sciml simulate``. Processes share files of 48 stacks: give them several each.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from itertools import product
from pathlib import Path

import numpy as np

SAMPLES = {
    ("zolz", 128): 150,
    ("zolz", 512): 45,
    ("kinematic", 128): 150,
    ("kinematic", 512): 45,
    ("box", 128): 9,
    ("box", 512): 3,
}
"""Number of stacks of one round by engine and pixels: some seconds of work."""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", default=["zolz", "kinematic", "box"])
    parser.add_argument("--pixels", nargs="+", type=int, choices=(128, 512), default=[128, 512])
    parser.add_argument("--jobs", nargs="+", type=int, default=[1], help="processes (default: 1)")
    parser.add_argument(
        "--samples", type=int, help="stacks of a round for each process (default: by engine and pixels)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="other crystals in each; all are printed (default: 3)")
    parser.add_argument("--crystals", action="store_true", help="measure crystals instead, and check their groups")
    args = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores\n")
    if args.crystals:
        crystals()
        return
    print(
        "| engine | pixels | processes | stacks/s, median of rounds | each round |\n| --- | ---: | ---: | ---: | --- |"
    )
    for engine, pixels, jobs in product(args.engines, args.pixels, args.jobs):
        samples = (args.samples or SAMPLES[engine, pixels]) * jobs
        speeds = [speed(engine, pixels, seed, samples, jobs) for seed in range(args.rounds)]
        each = " ".join(f"{value:.2f}" for value in speeds)
        print(f"| {engine} | {pixels} | {jobs} | {np.median(speeds):.2f} | {each} |", flush=True)


def speed(engine: str, pixels: int, seed: int, samples: int, jobs: int) -> float:
    """The number of stacks per second of wall time."""
    from sciml_datasets import simulate

    with tempfile.TemporaryDirectory() as folder:
        simulate("stemdl_demo", Path(folder) / "warm", 3, seed, pixels=16)  # imports and tables of symmetry
        started = time.perf_counter()
        simulate("stemdl_demo", folder, samples, seed, jobs, pixels=pixels, engine=engine)
        return samples / (time.perf_counter() - started)


def crystals() -> None:
    """Draw one crystal of each group and print the time and the number of groups that spglib finds again."""
    from sciml_datasets.stemdl.crystals import detected_space_group, random_crystal

    random_crystal(1, np.random.default_rng(0))
    started = time.perf_counter()
    made = [random_crystal(group, np.random.default_rng(group)) for group in range(1, 231)]
    seconds = time.perf_counter() - started
    found = sum(detected_space_group(crystal) == group for group, crystal in enumerate(made, 1))
    atoms = [len(crystal.symbols) for crystal in made]
    print(f"{found} of 230 groups found again by spglib, in {seconds:.1f} s")
    print(f"atoms in a cell: median {np.median(atoms):.0f}, most {max(atoms)}")


if __name__ == "__main__":
    main()
