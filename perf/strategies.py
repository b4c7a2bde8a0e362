"""Comparison, step by step, of the numbers that the ways to share and to compile training give.

The recipes train with their own settings on their demo's data sets: on one device, on two parts of the CPU, by two
processes, with XLA where the recipe does not use it and without it where it does, and once more on one device from
weights that are moved to the next number up or down at random, which shows how fast rounding alone grows. Each is
compared with one device: the gradient of the first step, the losses of the first steps and of all, the weights after
the last one; as ||difference|| / ||value|| and |difference| / |value|.

    python perf/strategies.py
    python perf/strategies.py cloudmask_demo:precision=float64,batch_size=4 --ways mirrored rounding --steps 40
    python perf/strategies.py --data-dir data --ways xla
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from training_steps import Found, apart, recipe_of, started

SAMPLES = {"stemdl_demo": 60, "stemdl_reconstruction_demo": 24, "cloudmask_demo": 12, "candle_uno_demo": 4000}
"""Number of simulated raw samples of each data set."""
NAMES = (*SAMPLES, *(f"{name}:precision=float64" for name in SAMPLES))
WAYS = ("rounding", "mirrored", "multiworker", "xla")
FIRST = 3
"""Number of first steps, before differences have grown."""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"data sets, with other settings (default: {' '.join(NAMES)})")
    parser.add_argument("--data-dir", type=Path, help="prepared data sets (default: they are simulated)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="default: all")
    parser.add_argument("--steps", type=int, default=20, help="default: 20")
    args = parser.parse_args()
    names = args.names or list(NAMES)
    with tempfile.TemporaryDirectory() as folder:
        data_dir = args.data_dir or simulated(names, Path(folder))
        print("| recipe | compared | gradient, step 1 | loss, first steps | loss, all steps | weights |")
        print("| --- | --- | ---: | ---: | ---: | ---: |")
        for name in names:
            one = finished(data_dir, Path(folder), "none", args.steps, name)
            for way in args.ways:
                other = finished(data_dir, Path(folder), way, args.steps, name)
                losses = np.abs(other["losses"] / one["losses"] - 1)
                differences = (
                    *(apart(other["gradient"], one["gradient"]), losses[:FIRST].max(), losses.max()),
                    apart(other["weights"], one["weights"]),
                )
                print(f"| `{name}` | {way} | {' | '.join(f'{value:.1e}' for value in differences)} |", flush=True)


def simulated(names: list[str], folder: Path) -> Path:
    """Simulate and prepare the data sets, and return their folder."""
    from sciml_datasets import prepare, simulate

    for name in {name.partition(":")[0] for name in names}:
        simulate(name, folder / "raw", SAMPLES[name], seed=7)
        prepare(name, folder / "raw", folder / "data")
    return folder / "data"


def finished(data_dir: Path, folder: Path, way: str, steps: int, name: str) -> Found:
    """The outcome of the training of one recipe, in processes of its own."""
    trained, out = name, folder / "steps.npz"
    if way == "xla":
        other = "off" if recipe_of(name)[1].xla == "on" else "on"
        trained = f"{name}{',' if ':' in name else ':'}xla={other}"
    processes = started(data_dir, out, "none" if way == "xla" else way, steps, [trained])
    errors = [process.communicate()[1] for process in processes]
    if any(process.returncode for process in processes):
        sys.exit(f"{trained}, {way}: {errors[0]}")
    with np.load(out) as arrays:
        return {key.rpartition("/")[2]: arrays[key] for key in arrays}


if __name__ == "__main__":
    main()
