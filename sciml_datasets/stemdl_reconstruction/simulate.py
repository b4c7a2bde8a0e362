"""Simulated raw files of the reconstruction task: scans of random crystals in form C's LMDB layout.

Differences from the original: crystals are invented, patterns are fewer and smaller, the target is the potential itself
instead of the imaginary part of the transmission, and each scan also has the electron density. The header entry
``engine`` names the method of the patterns.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.files.lmdb_files import system_error
from sciml_datasets.parallel.processes import mapped
from sciml_datasets.parallel.progress import progress
from sciml_datasets.stemdl.crystals import random_crystal
from sciml_datasets.stemdl.simulate import FREQUENT
from sciml_datasets.stemdl_reconstruction.raw import DENSITY_NAME, INPUT_NAME, OUTPUT_NAMES, SPLIT_OF
from sciml_datasets.stemdl_reconstruction.scans import IMAGE, PATTERN, SIDE, scan

HELD_OUT = 1 / 10
"""Share of the samples in eval, and also in test."""
FILE_SAMPLES = 20
HEADERS = {
    "input_name": INPUT_NAME.encode(),
    "output_name": OUTPUT_NAMES[0].encode(),
    "input_dtype": b"float16",
    "output_dtype": b"float16",
    "input_shape": np.array([SIDE * SIDE, PATTERN, PATTERN], "<i8").tobytes(),
    "output_shape": np.array([1, IMAGE, IMAGE], "<i8").tobytes(),
    "engine": b"multislice in the zero-order Laue zone",
}
WRITTEN = re.compile(r"batch_(train|eval|test)_[0-9]+\.db(-lock)?")
"""Pattern of the names of all that is written directly into the raw folder."""


@dataclass(frozen=True, slots=True)
class _File:
    """One file to write: samples ``first`` to ``last - 1``."""

    path: Path
    first: int
    last: int
    seed: int


def write_raw(folder: Path, name: str, *, num_samples: int, seed: int, jobs: int) -> None:
    """Write ``batch_{train,eval,test}_{i}.db`` below ``folder``; each sample has its own crystal.

    Args:
        folder: folder to make.
        name: name of the data set.
        num_samples: number of samples of all splits together.
        seed: seed of the random numbers.
        jobs: number of processes.

    Raises:
        InputError: there are fewer than 3 samples, one for each split.
    """
    if num_samples < 3:
        raise InputError(f"{num_samples} samples: expected at least 3, one for each split")
    held_out = max(1, round(num_samples * HELD_OUT))
    counts = {"train": num_samples - 2 * held_out, "eval": held_out, "test": held_out}
    files: list[_File] = []
    first = 0
    folder.mkdir(parents=True)
    for split in SPLIT_OF:
        end = first + counts[split]
        for number, start in enumerate(range(first, end, FILE_SAMPLES)):
            path = folder / f"batch_{split}_{number}.db"
            files.append(_File(path, start, min(start + FILE_SAMPLES, end), seed))
        first = end
    with progress("Simulating", num_samples, " samples") as advance:
        for written in mapped(_write_file, files, jobs):
            advance(written)


def _write_file(file: _File) -> int:
    """Write one environment and return the number of its samples."""
    from threadpoolctl import threadpool_limits

    # The matrices are small: threads of the linear algebra library would only slow each other down.
    with threadpool_limits(1):
        write_environment(file.path, [_records(number, file.seed) for number in range(file.first, file.last)], HEADERS)
    return file.last - file.first


def write_environment(path: Path, samples: list[dict[str, NDArray[Any]]], headers: dict[str, bytes]) -> None:
    """Write an LMDB environment in one file.

    Args:
        path: path of the file.
        samples: arrays of each sample by name of the records, ``<name><i>`` in the environment.
        headers: name to content of the other entries.

    Raises:
        OSError: the disk is full, or fails in another way.
    """
    import lmdb

    size = sum(array.nbytes for sample in samples for array in sample.values())
    try:
        # Each record begins at a page; the file is cut to the length of its content.
        with (
            lmdb.open(str(path), subdir=False, map_size=2 * size + (1 << 20), lock=False) as environment,
            environment.begin(write=True) as transaction,
        ):
            for key, content in headers.items():
                transaction.put(key.encode(), content)
            for number, sample in enumerate(samples):
                for name, array in sample.items():
                    transaction.put(f"{name}{number}".encode(), array.tobytes())
    except lmdb.Error as error:
        number = system_error(error) or errno.EIO
        raise OSError(number, os.strerror(number), str(path)) from error


def _records(number: int, seed: int) -> dict[str, NDArray[np.float16]]:
    """The records of a sample; they depend on the arguments alone."""
    rng = np.random.default_rng([seed, number])
    crystal = random_crystal(int(rng.choice(FREQUENT)), rng)
    made = scan(crystal, rng)
    return {
        INPUT_NAME: z_scored(made.patterns),
        OUTPUT_NAMES[0]: z_scored(made.potential[None]),
        DENSITY_NAME: made.density[None].astype(np.float16),
    }


def z_scored(images: NDArray[Any]) -> NDArray[np.float16]:
    """(N, H, W) images, each less its mean and divided by its standard deviation."""
    mean, spread = (f(images, axis=(1, 2), keepdims=True) for f in (np.mean, np.std))
    return np.asarray((images - mean) / spread, np.float16)
