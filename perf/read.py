"""Speed and memory of reading for training, beside each reference's own way on the same samples in one run.

Every way runs in a process of its own and reads the training split for a while; the first batch is not timed.

    python perf/read.py cloudmask
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

SECONDS = 20.0
"""For which each way reads, over and over."""


def main() -> None:
    """Print a benchmark's table, or read one way in this process (``--way``)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=WAYS)
    parser.add_argument("--samples", type=int, default=16, help="simulated raw samples (default: 16)")
    parser.add_argument("--dir", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        print(json.dumps(measured(WAYS[args.name][args.way](args.dir))))
        return
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        table(args.name, Path(folder), args.samples)


def table(name: str, folder: Path, samples: int) -> None:
    """Simulate, prepare, read every way, print."""
    from sciml_datasets import prepare, simulate

    simulate(name, folder / "raw", samples, jobs=os.cpu_count() or 1)
    prepare(name, folder / "raw", folder / "data")
    machine = f"{os.cpu_count()} cores, warm page cache, Python {platform.python_version()}"
    print(f"{samples} raw samples of {name}, {machine}\n")
    print("| way | training samples/s | times the reference | peak memory, MB |")
    print("| --- | ---: | ---: | ---: |")
    first = 0.0
    for way in WAYS[name]:
        for path in folder.rglob("*"):  # into the page cache
            if path.is_file():
                path.read_bytes()
        command = [sys.executable, __file__, name, "--way", way, "--dir", str(folder)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        first = first or found["speed"]
        print(
            f"| {way} | {found['speed']:.1f} | {found['speed'] / first:.1f} | {found['memory'] / 1e6:.0f} |", flush=True
        )


def measured(batches: Callable[[], Iterator[Any]]) -> dict[str, float]:
    """Training samples a second, and the peak memory of this process."""
    source = batches()
    next(source)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        for inputs, *_ in source:
            count += len(inputs)
            if time.perf_counter() - started > SECONDS:
                break
        source = batches()
    seconds = time.perf_counter() - started
    return {"speed": count / seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def cloudmask_reference(folder: Path) -> Callable[[], Iterator[Any]]:
    """The reference's training pipeline."""
    import tensorflow as tf

    patches = reference_patches(folder).shuffle(160).batch(32, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
    return lambda: iter(patches)


def reference_patches(folder: Path) -> Any:
    """As mlcommons/science's benchmarks/cloudmask reads: HDF5 in a generator, extract_patches in the pipeline."""
    import h5py
    import tensorflow as tf

    paths = sorted((folder / "raw" / "cloudmask" / "training").rglob("*.hdf"))

    def scenes() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for path in paths:
            with h5py.File(path) as file:
                refs, bts, bayes = file["refs"][:], file["bts"][:], file["bayes"][:]
            image = np.concatenate([refs - 0.5, (bts - 270.0) / 22.0], axis=-1)
            yield np.nan_to_num(image), (bayes > 0).astype(np.float32)

    def patches(image: Any, mask: Any) -> tuple[Any, Any]:
        def cut(stack: Any) -> Any:
            cropped = stack[None, 88:-88, 110:-110]
            size = [1, 256, 256, 1]
            found = tf.image.extract_patches(cropped, size, size, [1, 1, 1, 1], "VALID")
            return tf.reshape(found, (-1, 256, 256, stack.shape[-1]))

        return cut(image), cut(mask)

    signature = (tf.TensorSpec((1200, 1500, 9), tf.float32), tf.TensorSpec((1200, 1500, 1), tf.float32))
    return (
        tf.data.Dataset.from_generator(scenes, output_signature=signature)
        .map(patches, num_parallel_calls=tf.data.AUTOTUNE)
        .unbatch()
    )


def cloudmask_sciml(folder: Path) -> Callable[[], Iterator[Any]]:
    """The training pipeline of this package."""
    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.cloudmask import RECIPES

    batches = Batches("cloudmask", folder / "data", RECIPES["cloudmask"], seed=0)
    return lambda: iter(batches.training(1))


WAYS: dict[str, dict[str, Callable[[Path], Callable[[], Iterator[Any]]]]] = {
    "cloudmask": {"reference": cloudmask_reference, "sciml": cloudmask_sciml},
}
"""Benchmark to its ways, the reference first."""


if __name__ == "__main__":
    main()
