"""Filling training batches from the page cache: processor time a sample, and samples a second with some threads.

    python perf/fill.py cloudmask --data-dir DATA                    what the host makes, and what it only copies
    python perf/fill.py stemdl --data-dir DATA --set reference=stack
    python perf/fill.py stemdl_preprocessed --data-dir DATA --threads 1 2 --rounds 9

Every way and number of threads is measured in turns, and the best of the rounds counts, since other work on the machine
only takes away. DATA is as `sciml prepare` leaves it; ``--simulate 16`` makes it first.

What was tried for patches of CloudMask, 1,024 rows, 2.5 MB, in four tensors of a record, in milliseconds of processor a
patch (1 December 2026, Linux 6.18, ext4, other work on both cores). Mapping costs by the piece of the page cache: files
that were read from disk are in pieces of many pages, those just written there in single ones.

                                                       read from disk    just written   mapped already
    slices of the mapped file, pages unmapped later        0.34             1.19            0.20         kept
    the same, row blocks populated before the copy         0.50             1.43         0.41 - 0.78
    one `pread` a row into the batch, a loop in C          0.51             0.64         0.51 - 0.63
    the same with the masks row by row as well                              0.76

Unmapping each row block after its copy took 0.71 to 0.80 where the kept way took 0.52 to 0.61; MADV_RANDOM changed
nothing. In Python a call a row would hold the lock, and numba was not taken in for a loop that loses. One `preadv` of
whole rows, with a scratch buffer for what is between the patch's, would copy 14.6 MB for 2.5; TensorFlow's ops read
whole records of 70 MB. What the host did before, joining and normalising, takes 0.97 to 1.42 in all.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import tree

OPTIONS: dict[str, dict[str, Any]] = {"stemdl": {"engine": "kinematic"}}
"""Options of the simulation, by name."""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="a prepared data set")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--simulate", type=int, metavar="N", help="simulate N raw samples and prepare them first")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of the recipe")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2, 8])
    parser.add_argument("--seconds", type=float, default=1.0, help="of each round (default: 1)")
    parser.add_argument("--rounds", type=int, default=5, help="the best one counts (default: 5)")
    args = parser.parse_args()
    if args.simulate:
        simulated(args.name, args.data_dir, args.simulate)
    settings = dict(each.split("=") for each in args.set) | {"batch_size": args.batch_size}
    ways = {where: Filling(args.name, args.data_dir, settings | {"transform": where}) for where in ("host", "device")}
    best: dict[tuple[str, int], tuple[float, float]] = {}
    for filling in ways.values():
        filling.run(1, args.seconds)  # checksums are compared when a record is first touched
    for _ in range(args.rounds):
        for where, filling in ways.items():
            for threads in args.threads:
                found = filling.run(threads, args.seconds)
                before = best.get((where, threads), found)
                best[where, threads] = (min(found[0], before[0]), max(found[1], before[1]))
    print("| transformed on | threads | ms of processor a sample | samples/s | of one thread | GB/s into batches |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for (where, threads), (processor, speed) in best.items():
        size = ways[where].sample_bytes
        first = best[where, args.threads[0]][1]
        print(
            f"| {where} | {threads} | {1e3 * processor:.3f} | {speed:.0f} | {speed / first:.2f} | "
            f"{size * speed / 1e9:.2f} |"
        )


def simulated(name: str, data_dir: Path, count: int) -> None:
    """Make raw samples and prepare them."""
    from sciml_datasets import prepare, simulate
    from sciml_datasets.benchmarks import find

    raw = find(name)[1].preprocessed_from or name
    if not (data_dir / "raw" / raw).is_dir():
        simulate(raw, data_dir / "raw", count, jobs=2, **OPTIONS.get(raw, {}))
    folder = prepare(raw, data_dir / "raw", data_dir, preprocess=raw != name)
    for path in folder.iterdir():  # it is read from disk, as data of another day are
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Filling:
    """The training samples of a data set, and arrays of a batch that are filled again and again.

    Args:
        name: name of the data set.
        data_dir: folder of prepared data sets.
        settings: settings of the recipe.
    """

    def __init__(self, name: str, data_dir: Path, settings: dict[str, Any]) -> None:
        from sciml_datasets.benchmarks import find
        from sciml_datasets.models.batches import Batches
        from sciml_datasets.models.reference import reference_module
        from sciml_datasets.prepared.prepared import Prepared

        recipe = reference_module(find(name)[0]).RECIPES[name].with_settings(settings).placed(accelerated=False)
        batches = Batches(Prepared.open(name, data_dir), recipe, seed=0)
        self._samples = recipe.source.training_samples(batches.prepared.builder, batches.selection("train"))
        like = self._samples.like()
        self._batch = tree.map_structure(
            lambda one: np.zeros((recipe.training.batch_size, *one.shape[1:]), one.dtype), like
        )
        self._numbers = np.random.default_rng(0).permutation(len(self._samples))
        self.sample_bytes = sum(one.itemsize * int(np.prod(one.shape[1:])) for one in tree.flatten(like))

    def run(self, threads: int, seconds: float) -> tuple[float, float]:
        """Seconds of processor a sample, and samples a second, with some threads."""
        size = len(tree.flatten(self._batch)[0])
        ends = [size * i // threads for i in range(threads + 1)]
        parts = [slice(first, last) for first, last in pairwise(ends) if last > first]
        batches = np.resize(self._numbers, (len(self._numbers) // size + 1, size))

        def fill(part: slice, numbers: Any) -> None:
            own = tree.map_structure(lambda array: array[part], self._batch)
            self._samples.fill(numbers[part], lambda number: np.random.default_rng((0, 1, number)), own)

        count = 0
        with ThreadPoolExecutor(threads) as pool:
            started, processor = time.perf_counter(), time.process_time()
            while time.perf_counter() - started < seconds:
                numbers = batches[count // size % len(batches)]
                for future in [pool.submit(fill, part, numbers) for part in parts]:
                    future.result()
                count += size
            wall, processor = time.perf_counter() - started, time.process_time() - processor
        return processor / count, count / wall


if __name__ == "__main__":
    main()
