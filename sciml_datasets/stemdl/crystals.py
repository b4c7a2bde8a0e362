"""Random crystals of a given space group, for simulated diffraction.

A crystal is built from the symmetry operations of the group (spglib's database, standard setting): a few sites, each
either general or projected on a fixed point of some operations, are expanded to their orbits; the lattice obeys the
crystal system and is scaled to a physical density. It is accepted only when spglib finds exactly the requested group
from the atoms alone; otherwise another crystal is drawn.

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
MIN_AXIS = 2.4
"""Angstrom."""
DRAWS = 100
"""Number of draws within STEMDL's own limits, which follow; LARGE_DRAWS within wider limits come after them."""
MAX_ATOMS, MAX_AXIS = 90, 10.0
"""Largest number of atoms in the conventional cell, and limit of an axis in angstrom: STEMDL holds no cell with an axis
of 10 angstrom or more."""
LARGE_DRAWS = 4000
LARGE_ATOMS, LARGE_AXIS = 240, 16.0
"""The same limits for the few cubic groups that only their general position distinguishes from a supergroup: no small
cell holds it."""
MIN_DISTANCE = 1.6
"""Least distance of two atoms in angstrom: about the shortest metal-oxygen bond."""
VOLUME_PER_ATOM = (13.0, 24.0)
"""Range of the volume per atom in cubic angstrom: from close-packed metals to open oxides."""
SITE_DRAWS = 8
"""Number of places that are tried for one more kind of site."""


@dataclass(frozen=True, slots=True)
class Crystal:
    """A periodic arrangement of atoms.

    Attributes:
        space_group: International Tables number, 1 to 230.
        lattice: (3, 3) row vectors in angstrom.
        positions: (atoms, 3) fractional positions.
        symbols: chemical symbol of each atom.
    """

    space_group: int
    lattice: Floats
    positions: Floats
    symbols: tuple[str, ...]

    @property
    def formula(self) -> str:
        """The cell content in the style of the STEMDL files, for example ``Fe8 O14 F2``."""
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


ENANTIOMORPHS = {
    76: 78,
    91: 95,
    92: 96,
    144: 145,
    151: 153,
    152: 154,
    169: 170,
    171: 172,
    178: 179,
    180: 181,
    212: 213,
}
"""The 11 pairs of groups that are each other's mirror images (International Tables A), lower number first. In the
zero-order Laue zone both have the same pattern; the hand is visible only in higher-order zones."""


def mirrored(space_group: int, other: int) -> bool:
    """Whether two groups are an enantiomorphic pair."""
    return ENANTIOMORPHS.get(min(space_group, other)) == max(space_group, other)


def point_group(space_group: int) -> str:
    """The point group's short Hermann-Mauguin symbol, for example ``m-3m`` for 225, by spglib."""
    return str(space_group_type(space_group).pointgroup_international)


def random_crystal(space_group: int, rng: np.random.Generator) -> Crystal:
    """Draw a crystal whose group, as spglib detects it, is exactly ``space_group``.

    Raises:
        RuntimeError: no crystal was found within the limits above.
    """
    for number in range(DRAWS + LARGE_DRAWS):
        crystal = _draw(space_group, rng, large=number >= DRAWS)
        if crystal is not None and detected_space_group(crystal) == space_group:
            return crystal
    raise RuntimeError(f"no crystal of space group {space_group} was found")


def detected_space_group(crystal: Crystal) -> int:
    """The International Tables number that spglib finds from lattice and atoms alone; 0 where it finds none."""
    import spglib

    species = sorted(set(crystal.symbols))
    numbers = [species.index(symbol) for symbol in crystal.symbols]
    found = spglib.get_symmetry_dataset((crystal.lattice.tolist(), crystal.positions.tolist(), numbers), symprec=1e-3)
    return 0 if found is None else int(found.number)


def space_group_type(space_group: int) -> Any:
    """spglib's record of a group in its first setting: ``hall_number``, ``international_short`` and more.

    Raises:
        ValueError: there is no such group.
    """
    if space_group not in _space_group_types():
        raise ValueError(f"space group {space_group} does not exist: expected 1 to 230")
    return _space_group_types()[space_group]


@cache
def _space_group_types() -> dict[int, Any]:
    import spglib

    settings = [spglib.get_spacegroup_type(hall_number) for hall_number in range(530, 0, -1)]
    return {setting.number: setting for setting in settings if setting is not None}  # the first setting is kept


@cache
def symmetry_operations(space_group: int) -> tuple[NDArray[np.int32], Floats]:
    """The rotations (n, 3, 3) and translations (n, 3) of the group in spglib's first setting."""
    import spglib

    operations: Any = spglib.get_symmetry_from_database(space_group_type(space_group).hall_number)
    return operations["rotations"], operations["translations"]


@cache
def centring_translations(space_group: int) -> Floats:
    """(1, 2 or 4 rows, 3) lattice points within the conventional cell, the origin included."""
    rotations, translations = symmetry_operations(space_group)
    return np.asarray(translations[(rotations == np.eye(3)).all(axis=(1, 2))])


def _draw(space_group: int, rng: np.random.Generator, *, large: bool) -> Crystal | None:
    max_atoms, max_axis = (LARGE_ATOMS, LARGE_AXIS) if large else (MAX_ATOMS, MAX_AXIS)
    rotations, translations = symmetry_operations(space_group)
    species = rng.choice(ELEMENTS, size=rng.integers(2, 4), replace=False)
    lattice = _lattice(crystal_system(space_group), rng)
    lattice *= (rng.uniform(*VOLUME_PER_ATOM) / abs(np.linalg.det(lattice))) ** (1 / 3)  # for one atom
    symbols: list[str] = []
    positions = np.empty((0, 3))
    for symbol in [*species, *rng.choice(species, size=rng.integers(0, 3))]:
        for _ in range(SITE_DRAWS):
            site = rng.random(3) if large and not symbols else _site(rotations, translations, rng)
            orbit = _orbit(site, rotations, translations)
            more = np.concatenate([orbit, positions])
            # The neighbourhoods within an orbit are congruent, so its first atom represents all. The cell only grows.
            scale = len(more) ** (1 / 3)
            if len(more) <= max_atoms and shortest_distance(scale * lattice, orbit[:1], more) >= MIN_DISTANCE:
                positions, symbols = more, [str(symbol)] * len(orbit) + symbols
                break
    if not symbols:
        return None
    lattice *= len(symbols) ** (1 / 3)
    lengths = np.linalg.norm(lattice, axis=1)
    if lengths.max() >= max_axis or lengths.min() < MIN_AXIS:
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


def shortest_distance(lattice: Floats, points: Floats, positions: Floats) -> float:
    """The least distance in angstrom between ``points``, each one of ``positions``, and the images of the others."""
    between = points[:, None, None] - positions[None, :, None] + _NEIGHBOUR_CELLS
    squares = ((between @ lattice) ** 2).sum(axis=-1)
    coincident = squares < 1e-9
    if coincident.sum() > len(points):  # more than each point with itself
        return 0.0
    return float(np.sqrt(squares[~coincident].min()))
