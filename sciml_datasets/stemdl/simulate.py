"""Simulated raw STEMDL files in the official HDF5 layout: random crystals, or the user's, and their diffraction.

Differences from the original: crystals are invented unless structures are given, and the engine can be chosen; each
file names it in its attribute ``engine``. Each group also has its ``thickness_angstrom``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sciml_datasets.errors import InputError
from sciml_datasets.files.hdf5_writing import written
from sciml_datasets.nearest import one_of
from sciml_datasets.parallel.processes import mapped
from sciml_datasets.parallel.progress import progress
from sciml_datasets.stemdl.crystals import Crystal, Floats, random_crystal
from sciml_datasets.stemdl.diffraction import reciprocal, semi_angle, strongest_reflections, zone_frame
from sciml_datasets.stemdl.simulation_engines import ENGINES
from sciml_datasets.stemdl.structures import read_structures

if TYPE_CHECKING:
    import h5py

FREQUENT = (
    *(14, 225, 2, 62, 12, 227, 194, 15, 139, 166, 221, 63, 123, 148, 164, 129, 191, 140, 216, 167),
    *(61, 141, 33, 19, 176, 127, 136, 229, 189, 205),
)
"""Space groups that are frequent among inorganic crystals, in falling order; the first three are STEMDL's."""
FREQUENT_SHARE = 0.8
"""Share of the crystals whose group is in FREQUENT, by 1 / (rank + 4), Mandelbrot's law: 7.9 %, 6.6 % and 5.6 % for the
first three, where STEMDL's training split has 7.9 %, 7.5 % and 6.0 %. The other groups share the rest evenly."""
NUM_GROUPS = 230
SPACE_GROUPS: dict[str, tuple[int, ...]] = {
    "stemdl": (),
    "stemdl_demo": (2, 14, 62, 12, 139, 166, 194, 221, 225, 227),
}
"""Space groups that are used in turn where none are chosen, by data set; empty for all 230, drawn by `weights`. The
demo has ten, from all seven crystal systems, with enough crystals of each for training in minutes."""
ENERGIES_KEV = range(100, 200, 10)
ENERGIES = {"stemdl": 3, "stemdl_demo": 1}
"""Number of energies of each simulated material, by data set; STEMDL has all ten. Simulating a further energy takes as
long as simulating a further crystal, and is less useful for training: the demo has one."""
HELD_OUT = 1 / 6
"""Share of the materials in dev, and also in test."""
FILE_MATERIALS = 16
DEFAULT_PIXELS = {"stemdl": 512, "stemdl_demo": 128}
WRITTEN = re.compile(r"train|dev|test")
"""Pattern of the names of all that is written directly into the raw folder."""


@dataclass(frozen=True, slots=True)
class _Source:
    """The source of the samples; it is the same for all files.

    Attributes:
        materials: number of materials.
        samples: number of samples of all materials together.
        seed: seed of the random numbers.
        pixels: number of pixels along a pattern's side.
        engine: name of the engine.
        space_groups: space groups that are used in turn; empty for weights like those in nature.
        structures: names and crystals of the user's structures, in place of random ones.
    """

    materials: int
    samples: int
    seed: int
    pixels: int
    engine: str
    space_groups: tuple[int, ...]
    structures: tuple[tuple[str, Crystal], ...]

    def energies(self, number: int, rng: np.random.Generator) -> list[int]:
        """The indices into ENERGIES_KEV of one material; all materials have the same number of them, or one less."""
        count = self.samples // self.materials + (number < self.samples % self.materials)
        return sorted(map(int, rng.choice(len(ENERGIES_KEV), size=count, replace=False)))

    def material(self, number: int, rng: np.random.Generator) -> tuple[str, Crystal]:
        """The name and the crystal of a material."""
        if self.structures:
            return self.structures[number]
        if self.space_groups:
            group = self.space_groups[number % len(self.space_groups)]
        else:
            group = int(rng.choice(NUM_GROUPS, p=weights()[1:])) + 1
        return f"sim-{self.seed}-{number}", random_crystal(group, rng)


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file to write: materials ``first`` to ``last - 1``."""

    path: Path
    first: int
    last: int
    source: _Source


def weights() -> Floats:
    """(231,) share of each space group among random crystals, 0 for the number 0."""
    found = np.full(NUM_GROUPS + 1, (1 - FREQUENT_SHARE) / (NUM_GROUPS - len(FREQUENT)))
    ranked = 1 / (np.arange(len(FREQUENT)) + 5)
    found[list(FREQUENT)] = FREQUENT_SHARE * ranked / ranked.sum()
    found[0] = 0
    return np.asarray(found / found.sum())


def write_raw(
    folder: Path,
    name: str,
    *,
    num_samples: int,
    seed: int,
    jobs: int,
    pixels: int | None = None,
    engine: str = "zolz",
    space_groups: tuple[int, ...] = (),
    structures: str | Path | None = None,
) -> None:
    """Write ``{train,dev,test}/batch_{split}_{i}.h5`` below ``folder``; all samples of a material are in one split.

    Args:
        jobs: number of processes.
        folder, name, num_samples, seed, pixels, engine, space_groups, structures: as `plan_raw` takes them.

    Raises:
        InputError: see `plan_raw`.
        OSError: the files cannot be written.
    """
    files = plan_raw(
        folder,
        name,
        num_samples=num_samples,
        seed=seed,
        pixels=pixels,
        engine=engine,
        space_groups=space_groups,
        structures=structures,
    )
    with progress("Simulating", num_samples, " samples") as advance:
        for written in mapped(write_file, files, jobs):
            advance(written)


def plan_raw(
    folder: Path,
    name: str,
    *,
    num_samples: int,
    seed: int,
    pixels: int | None = None,
    engine: str = "zolz",
    space_groups: tuple[int, ...] = (),
    structures: str | Path | None = None,
) -> list[PlannedFile]:
    """The files that `write_file` is to write below ``folder``, whose folders are made; any process may write any file.

    Args:
        folder: folder to make.
        name: name of the data set.
        num_samples: number of samples of all splits together: each material has ENERGIES of the data set, or as many
            energies as the structures need.
        seed: seed of the random numbers.
        pixels: number of pixels along a pattern's side.
        engine: name of an engine of `sciml_datasets.stemdl.simulation_engines.ENGINES`.
        space_groups: space groups that are used in turn; default those of the data set in SPACE_GROUPS.
        structures: CIF or POSCAR file, or a folder of them, in place of random crystals.

    Raises:
        InputError: there are fewer than 3 samples (one per split) or than 16 pixels, the engine or a space group is
            unknown, or structures are unusable or fewer than the samples need.
    """
    pixels = DEFAULT_PIXELS[name] if pixels is None else pixels
    if num_samples < 3:
        raise InputError(f"{num_samples} samples: expected at least 3, one for each split")
    if pixels < 16:
        raise InputError(f"{pixels} pixels: expected at least 16, else the diffraction disks are lost")
    if engine not in ENGINES:
        raise InputError(f"there is no engine {engine!r}: {one_of(engine, ENGINES)}")
    for group in space_groups:
        if not 1 <= group <= NUM_GROUPS:
            raise InputError(f"space group {group}: expected a number from 1 to {NUM_GROUPS}")
    materials = max(3, -(-num_samples // ENERGIES[name]))
    given: tuple[tuple[str, Crystal], ...] = ()
    if structures is not None:
        if space_groups:
            raise InputError("space groups are chosen and structures are given: leave one out, structures have theirs")
        given = tuple(read_structures(Path(structures)).items())
        if len(given) < 3 or num_samples > len(given) * len(ENERGIES_KEV):
            raise InputError(
                f"{structures}: {num_samples} samples of structures, of which there are {len(given)}: expected at "
                f"least 3 structures, one for each split, and {len(ENERGIES_KEV)} samples of each at most: give more "
                "structures, or choose with --samples"
            )
        order = np.random.default_rng(seed).permutation(len(given))  # files are often sorted by space group
        given = tuple(given[i] for i in order)
        materials = min(len(given), num_samples)
    groups = tuple(space_groups) or SPACE_GROUPS[name]
    source = _Source(materials, num_samples, seed, pixels, engine, groups, given)
    held_out = max(1, round(materials * HELD_OUT))
    bounds = {"train": materials - 2 * held_out, "dev": materials - held_out, "test": materials}
    files: list[PlannedFile] = []
    first = 0
    for split, end in bounds.items():
        (folder / split).mkdir(parents=True)
        for i, start in enumerate(range(first, end, FILE_MATERIALS)):
            path = folder / split / f"batch_{split}_{i}.h5"
            files.append(PlannedFile(path, start, min(start + FILE_MATERIALS, end), source))
        first = end
    return files


def write_file(file: PlannedFile) -> int:
    """Write one file and return the number of its samples.

    Raises:
        OSError: it cannot be written.
    """
    from threadpoolctl import threadpool_limits

    samples = 0
    # The matrices are small: threads of the linear algebra library would only slow each other down.
    with threadpool_limits(1), written(file.path) as h5:
        h5.attrs["engine"] = file.source.engine
        for number in range(file.first, file.last):
            samples += _write_material(h5, number, file.source)
    return samples


def _write_material(h5: h5py.File, number: int, source: _Source) -> int:
    """Add the groups of one material; they depend on ``number`` and ``source`` alone."""
    rng = np.random.default_rng([source.seed, number])
    material, crystal = source.material(number, rng)
    reflections = strongest_reflections(crystal)
    zones = [hkl // np.gcd.reduce(hkl) for hkl in reflections]
    spacings = 1 / np.linalg.norm(reflections @ reciprocal(crystal), axis=1)
    semi_angles = [semi_angle(spacing) for spacing in spacings]
    frames = [zone_frame(crystal, zone) for zone in zones]
    to_cell = np.linalg.inv(crystal.lattice)
    engine = ENGINES[source.engine]
    thickness = float(rng.uniform(*engine.thickness))
    views = [engine.view(crystal, frame, zone, rng) for frame, zone in zip(frames, zones, strict=True)]
    energies = source.energies(number, rng)
    for index in energies:
        energy = ENERGIES_KEV[index]
        group = h5.create_group(f"sample_{number}_{index}")
        group["cbed_stack"] = np.stack(
            [view(angle, thickness, energy, source.pixels) for view, angle in zip(views, semi_angles, strict=True)]
        )
        group.attrs["space_group"] = np.bytes_(str(crystal.space_group))
        group.attrs["material"] = np.bytes_(material.encode())
        group.attrs["formula"] = crystal.formula
        group.attrs["energy_keV"] = energy
        # As in the original, direction i is column i, in the cell's axes; z is the reflection of the axis, y is real.
        group.attrs["z_dirs"] = reflections.T[None]
        group.attrs["y_dirs"] = np.array([[frame[1] @ to_cell for frame in frames]]).transpose(0, 2, 1)
        group.attrs["semi_angles_rad"] = np.array(semi_angles)
        group.attrs["d_hkls_angstrom"] = spacings
        group.attrs["abc_angstrom"] = crystal.lengths
        group.attrs["angles_degree"] = crystal.angles
        group.attrs["thickness_angstrom"] = thickness
    return len(energies)
