"""Simulated raw STEMDL files: random crystals of 20 space groups, kinematic diffraction, the official HDF5 layout.

Differences from the original, all recorded in the files: kinematic instead of multislice diffraction (attribute
``engine`` of each file), invented crystals, 20 space groups in equal shares, one energy per crystal.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sciml_datasets.errors import InputError
from sciml_datasets.processes import stay_with_parent
from sciml_datasets.progress import progress
from sciml_datasets.stemdl.crystals import random_crystal
from sciml_datasets.stemdl.diffraction import cbed_pattern, reciprocal, semi_angle, strongest_reflections, zone_frame

if TYPE_CHECKING:
    import h5py

SPACE_GROUPS = (2, 12, 14, 15, 62, 63, 123, 129, 139, 140, 148, 164, 166, 167, 191, 194, 216, 221, 225, 227)
"""Frequent in nature, all seven crystal systems. Kinematic patterns are centrosymmetric: apart from 216, which differs
from 225 and 227 by its reflection conditions, only centrosymmetric groups are taken."""
ENERGIES_KEV = range(100, 200, 10)
HELD_OUT = 1 / 12
"""Share of the crystals in dev, and again in test."""
FILE_SAMPLES = 50
DEFAULT_PIXELS = {"stemdl": 512, "stemdl_demo": 128}


@dataclass(frozen=True, slots=True)
class _File:
    """One file to write: crystals ``first`` to ``last - 1``."""

    path: Path
    first: int
    last: int
    seed: int
    pixels: int


def write_raw(folder: Path, name: str, *, num_samples: int, seed: int, jobs: int, pixels: int | None = None) -> None:
    """Write ``{train,dev,test}/batch_{split}_{i}.h5`` below ``folder``.

    Every sample is another crystal, so no material is in two splits; the space groups take turns.

    Raises:
        InputError: fewer than 3 samples (one per split), or fewer than 16 pixels.
    """
    pixels = DEFAULT_PIXELS[name] if pixels is None else pixels
    if num_samples < 3:
        raise InputError(f"{num_samples} samples: expected at least 3, one for each split")
    if pixels < 16:
        raise InputError(f"{pixels} pixels: expected at least 16, else the diffraction disks are lost")
    held_out = max(1, round(num_samples * HELD_OUT))
    bounds = {"train": num_samples - 2 * held_out, "dev": num_samples - held_out, "test": num_samples}
    files: list[_File] = []
    first = 0
    for split, end in bounds.items():
        (folder / split).mkdir(parents=True)
        for i, start in enumerate(range(first, end, FILE_SAMPLES)):
            path = folder / split / f"batch_{split}_{i}.h5"
            files.append(_File(path, start, min(start + FILE_SAMPLES, end), seed, pixels))
        first = end
    with progress("Simulating", num_samples, " samples") as advance:
        for file in _run(files, jobs):
            advance(file.last - file.first)


def _run(files: list[_File], jobs: int) -> Iterator[_File]:
    if jobs == 1 or len(files) == 1:
        for file in files:
            yield _write_file(file)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(min(jobs, len(files)), get_context("spawn"), stay_with_parent) as pool:
        yield from pool.map(_write_file, files)


def _write_file(file: _File) -> _File:
    import h5py
    from threadpoolctl import threadpool_limits

    try:
        # The matrices are tiny: threads of the linear algebra library would only get into each other's way.
        with threadpool_limits(1), h5py.File(file.path, "w") as h5:
            h5.attrs["engine"] = "kinematic"
            for number in range(file.first, file.last):
                _write_sample(h5, number, file.seed, file.pixels)
    except (OSError, RuntimeError) as error:
        # HDF5 hides the system's reason in its text, and fails again when it closes the file.
        found = re.search(r"errno = (\d+)", f"{error} {error.__context__}")
        if found is None:
            raise
        raise OSError(int(found[1]), os.strerror(int(found[1])), str(file.path)) from None
    return file


def _write_sample(h5: h5py.File, number: int, seed: int, pixels: int) -> None:
    """Simulate one crystal and add its group; the sample depends on ``number``, ``seed`` and ``pixels`` alone."""
    rng = np.random.default_rng([seed, number])
    energy_index = int(rng.integers(len(ENERGIES_KEV)))
    energy = ENERGIES_KEV[energy_index]
    crystal = random_crystal(SPACE_GROUPS[number % len(SPACE_GROUPS)], rng)
    reflections = strongest_reflections(crystal)
    spacings = 1 / np.linalg.norm(reflections @ reciprocal(crystal), axis=1)
    semi_angles = [semi_angle(spacing) for spacing in spacings]
    frames = [zone_frame(crystal, hkl // np.gcd.reduce(hkl)) for hkl in reflections]

    group = h5.create_group(f"sample_{number}_{energy_index}")
    group["cbed_stack"] = np.stack(
        [cbed_pattern(crystal, frame, angle, energy, pixels) for frame, angle in zip(frames, semi_angles, strict=True)]
    )
    group.attrs["space_group"] = np.bytes_(str(crystal.space_group))
    group.attrs["material"] = np.bytes_(f"sim-{seed}-{number}")
    group.attrs["formula"] = crystal.formula
    group.attrs["energy_keV"] = energy
    # As in the original, direction i is column i.
    group.attrs["z_dirs"] = np.array([[frame[2] for frame in frames]]).transpose(0, 2, 1)
    group.attrs["y_dirs"] = np.array([[frame[1] for frame in frames]]).transpose(0, 2, 1)
    group.attrs["semi_angles_rad"] = np.array(semi_angles)
    group.attrs["d_hkls_angstrom"] = spacings
    group.attrs["abc_angstrom"] = crystal.lengths
    group.attrs["angles_degree"] = crystal.angles
