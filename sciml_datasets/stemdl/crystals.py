"""Random crystals of a given space group, for simulated diffraction.

A crystal is built from the symmetry operations of the group (spglib's database, standard setting): a few sites, each
either general or projected on a fixed point of some operations, are spread to their orbits; the lattice obeys the
crystal system and is scaled to a physical density. It counts only when spglib, given the atoms alone, finds exactly
the requested group; otherwise the next draw is tried.

Conventions: lattice vectors are rows, in angstrom; positions are fractional, in [0, 1).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ELEMENTS = (
    "O",
    "F",
    "Mg",
    "Al",
    "Si",
    "S",
    "Ti",
    "Fe",
    "Ni",
    "Cu",
    "Zn",
    "Ge",
    "Sr",
    "Zr",
    "Ag",
    "Sn",
    "Ba",
    "La",
    "W",
    "Pb",
)
MAX_ATOMS = 90
"""Atoms in the conventional cell: more would need axes beyond MAX_AXIS."""
MIN_AXIS, MAX_AXIS = 2.4, 10.0
"""Angstrom. STEMDL holds no cell with an axis of 10 angstrom or more."""
MIN_DISTANCE = 1.6
"""Angstrom between any two atoms: about the shortest metal-oxygen bond."""
VOLUME_PER_ATOM = (13.0, 24.0)
"""Cubic angstrom: from close-packed metals to open oxides."""
MAX_DRAWS = 4000


@dataclass(frozen=True, slots=True)
class Crystal:
    """A periodic arrangement of atoms.

    Attributes:
        space_group: International Tables number, 1 to 230.
        lattice: (3, 3) row vectors, angstrom.
        positions: (atoms, 3) fractional.
        symbols: one chemical symbol per atom.
    """

    space_group: int
    lattice: Floats
    positions: Floats
    symbols: tuple[str, ...]

    @property
    def formula(self) -> str:
        """Cell content in the style of the STEMDL files, for example ``Fe8 O14 F2``."""
        return " ".join(f"{symbol}{count}" for symbol, count in Counter(self.symbols).items())

    @property
    def lengths(self) -> Floats:
        """(3,) cell edges a, b, c in angstrom."""
        return np.asarray(np.linalg.norm(self.lattice, axis=1))

    @property
    def angles(self) -> Floats:
        """(3,) cell angles alpha, beta, gamma in degrees."""
        a, b, c = self.lattice / self.lengths[:, None]
        return np.degrees(np.arccos([b @ c, c @ a, a @ b]))


def crystal_system(space_group: int) -> str:
    """The crystal system of a group (International Tables for Crystallography A, table 2.1.1.1)."""
    bounds = (
        (2, "triclinic"),
        (15, "monoclinic"),
        (74, "orthorhombic"),
        (142, "tetragonal"),
        (167, "trigonal"),
        (194, "hexagonal"),
    )
    return next((system for last, system in bounds if space_group <= last), "cubic")


def random_crystal(space_group: int, rng: np.random.Generator) -> Crystal:
    """Draw a crystal whose group, as spglib detects it, is exactly ``space_group``.

    Raises:
        RuntimeError: none was found within MAX_DRAWS draws.
    """
    for _ in range(MAX_DRAWS):
        crystal = _draw(space_group, rng)
        if crystal is not None and detected_space_group(crystal) == space_group:
            return crystal
    raise RuntimeError(f"no crystal of space group {space_group} was found in {MAX_DRAWS} draws")


def detected_space_group(crystal: Crystal) -> int:
    """The International Tables number that spglib finds from lattice and atoms alone; 0 where it finds none."""
    import spglib

    species = sorted(set(crystal.symbols))
    numbers = [species.index(symbol) for symbol in crystal.symbols]
    found = spglib.get_symmetry_dataset((crystal.lattice.tolist(), crystal.positions.tolist(), numbers), symprec=1e-3)
    return 0 if found is None else int(found.number)


@cache
def space_group_type(space_group: int) -> Any:
    """spglib's record of a group in its first setting: ``hall_number``, ``international_short`` and more.

    Raises:
        ValueError: there is no such group.
    """
    import spglib

    for hall_number in range(1, 531):
        found = spglib.get_spacegroup_type(hall_number)
        if found is not None and found.number == space_group:
            return found
    raise ValueError(f"space group {space_group} does not exist: expected 1 to 230")


@cache
def symmetry_operations(space_group: int) -> tuple[NDArray[np.int32], Floats]:
    """Rotations (n, 3, 3) and translations (n, 3) of the group in spglib's first setting of it."""
    import spglib

    operations: Any = spglib.get_symmetry_from_database(space_group_type(space_group).hall_number)
    return operations["rotations"], operations["translations"]


def _draw(space_group: int, rng: np.random.Generator) -> Crystal | None:
    rotations, translations = symmetry_operations(space_group)
    species = rng.choice(ELEMENTS, size=rng.integers(2, 4), replace=False)
    symbols: list[str] = []
    orbits: list[Floats] = []
    for symbol in [*species, *rng.choice(species, size=rng.integers(0, 3))]:
        orbit = _orbit(_site(rotations, translations, rng), rotations, translations)
        if len(symbols) + len(orbit) <= MAX_ATOMS:
            symbols += [str(symbol)] * len(orbit)
            orbits.append(orbit)
    if not orbits:
        return None
    positions = np.concatenate(orbits)
    lattice = _lattice(crystal_system(space_group), rng)
    lattice *= (len(positions) * rng.uniform(*VOLUME_PER_ATOM) / abs(np.linalg.det(lattice))) ** (1 / 3)
    lengths = np.linalg.norm(lattice, axis=1)
    if lengths.max() >= MAX_AXIS or lengths.min() < MIN_AXIS:
        return None
    # The neighbourhoods within an orbit are congruent: one atom of each stands for all.
    representatives = np.array([orbit[0] for orbit in orbits])
    if _shortest_distance(lattice, representatives, positions) < MIN_DISTANCE:
        return None
    order = np.argsort(symbols, kind="stable")
    return Crystal(space_group, lattice, positions[order], tuple(symbols[i] for i in order))


def _site(rotations: NDArray[np.int32], translations: Floats, rng: np.random.Generator) -> Floats:
    """A random point, moved to a fixed point of up to three random operations."""
    point = rng.random(3)
    fixed_by: list[int] = []
    for operation in rng.integers(0, len(rotations), size=rng.integers(0, 4)):
        images = [point]
        while len(images) < 6:  # every rotation of a crystal has an order of 1, 2, 3, 4 or 6
            image = rotations[operation] @ images[-1] + translations[operation]
            image -= np.round(image - point)
            if np.abs(image - point).max() < 1e-6:
                break
            images.append(image)
        mean = sum(images, start=np.zeros(3)) / len(images)
        candidates = [*fixed_by, int(operation)]
        moved = rotations[candidates] @ mean + translations[candidates] - mean
        if np.abs(moved - np.round(moved)).max() < 1e-6:  # a screw or glide has no fixed point
            point, fixed_by = mean, candidates
    return point


def _orbit(point: Floats, rotations: NDArray[np.int32], translations: Floats) -> Floats:
    images = (rotations @ point + translations) % 1.0
    images[images > 1 - 1e-7] = 0.0
    return np.asarray(images[np.unique(np.round(images, 6) % 1.0, axis=0, return_index=True)[1]])


def _lattice(system: str, rng: np.random.Generator) -> Floats:
    """(3, 3) row vectors of arbitrary scale with the metric of the crystal system."""
    a, b, c = np.exp(rng.uniform(-0.3, 0.3, size=3))
    alpha = beta = gamma = 90.0
    match system:
        case "triclinic":
            alpha, beta, gamma = rng.uniform(75, 105, size=3)
        case "monoclinic":
            beta = rng.uniform(94, 115)
        case "tetragonal":
            b = a
        case "trigonal" | "hexagonal":
            b, gamma = a, 120.0
            c *= 1.2
        case "cubic":
            b = c = a
    cosines = np.cos(np.radians([alpha, beta, gamma]))
    sine = np.sin(np.radians(gamma))
    y = (cosines[0] - cosines[1] * cosines[2]) / sine
    z = np.sqrt(1 - cosines[1] ** 2 - y**2)
    return np.array([[a, 0, 0], [b * cosines[2], b * sine, 0], [c * cosines[1], c * y, c * z]])


_NEIGHBOUR_CELLS = np.array(np.meshgrid(*[(-1, 0, 1)] * 3)).reshape(3, -1).T


def _shortest_distance(lattice: Floats, points: Floats, positions: Floats) -> float:
    """The least distance in angstrom between ``points``, each one of ``positions``, and the images of the others."""
    between = points[:, None, None] - positions[None, :, None] + _NEIGHBOUR_CELLS
    squares = ((between @ lattice) ** 2).sum(axis=-1)
    coincident = squares < 1e-9
    if coincident.sum() > len(points):  # more than each point with itself
        return 0.0
    return float(np.sqrt(squares[~coincident].min()))
