"""Speed of STEMDL's simulation on one core: stacks a second of each engine, crystals and files included.

    python perf/simulate.py                     every engine at 128 and 512 pixels
    python perf/simulate.py --engines zolz      of some engines
    python perf/simulate.py --crystals          instead: a crystal of each of the 230 groups, as spglib finds it

One process with one thread of linear algebra, libraries imported before; files go to a temporary folder. Several
crystals are simulated, since the time of one depends on its cell, each at three energies, as in ``sciml simulate``.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
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
"""Engine and pixels to stacks of one round: some seconds of work."""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", default=["zolz", "kinematic", "box"])
    parser.add_argument("--pixels", nargs="+", type=int, choices=(128, 512), default=[128, 512])
    parser.add_argument("--rounds", type=int, default=3, help="other crystals in each; all are told (default: 3)")
    parser.add_argument("--crystals", action="store_true", help="measure crystals instead, and check their groups")
    args = parser.parse_args()
    print(f"{platform.machine()}, one core\n")
    if args.crystals:
        crystals()
        return
    print("| engine | pixels | stacks/s, median of rounds | each round |\n| --- | ---: | ---: | --- |")
    for engine in args.engines:
        for pixels in args.pixels:
            speeds = [speed(engine, pixels, seed) for seed in range(args.rounds)]
            each = " ".join(f"{value:.2f}" for value in speeds)
            print(f"| {engine} | {pixels} | {np.median(speeds):.2f} | {each} |", flush=True)


def speed(engine: str, pixels: int, seed: int) -> float:
    """Stacks a second of wall time."""
    from sciml_datasets import simulate

    with tempfile.TemporaryDirectory() as folder:
        simulate("stemdl_demo", Path(folder) / "warm", 3, seed, pixels=16)  # imports and tables of symmetry
        started = time.perf_counter()
        simulate("stemdl_demo", folder, SAMPLES[engine, pixels], seed, pixels=pixels, engine=engine)
        return SAMPLES[engine, pixels] / (time.perf_counter() - started)


def crystals() -> None:
    """Draw one crystal of each group and say how long it took and whether spglib finds that group."""
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
