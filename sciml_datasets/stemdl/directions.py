"""The meaning of ``z_dirs`` and ``y_dirs``: directions in a crystal, given as indices or as unit vectors.

The original's ``z_dirs`` are the Miller indices of the reflection that names the beam direction, integers, which its
generator takes as direct-lattice indices [uvw] (nlaanait/namsa, scripts/summit_scripts/smc_19_utils.py and
namsa/supercell.py). Files that this project simulated before version 3.0.0 of ``stemdl_demo`` have unit vectors there,
Cartesian, with a along x and b in the plane of x and y.

A whole stack distinguishes the two: three different reflections that are all integers and unit vectors are the axes
themselves, which are the same in both meanings where the cell has right angles.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.stemdl.crystals import Floats

PRECISION = 1e-4
"""Largest deviation of an index from an integer, and of a length from 1: some files are float32."""
FLAT = 1e-12
"""Square of the volume of a cell with edges of length 1, below which the volume counts as 0, up to rounding."""


def which_are_indices(directions: Floats) -> NDArray[np.bool_]:
    """(3,) whether the columns of (3, 3) are integers that are not all 0."""
    rounded = np.round(directions)
    return np.asarray((np.abs(directions - rounded).max(axis=0) < PRECISION) & rounded.any(axis=0))


def which_are_unit_vectors(directions: Floats) -> NDArray[np.bool_]:
    """(3,) whether the columns of (3, 3) have the length 1."""
    return np.asarray(np.abs(np.linalg.norm(directions, axis=0) - 1) < PRECISION)


def are_indices(directions: Floats) -> bool:
    """Whether the columns of (3, 3) are integers, none of them 0 throughout."""
    return bool(which_are_indices(directions).all())


def are_unit_vectors(directions: Floats) -> bool:
    """Whether the columns of (3, 3) have the length 1."""
    return bool(which_are_unit_vectors(directions).all())


def encloses_volume(lengths: Floats, angles: Floats) -> bool:
    """Whether a cell of these lengths and angles, as of `lattice_of`, has a finite positive volume.

    The volume is abc sqrt(1 - cos^2 alpha - cos^2 beta - cos^2 gamma + 2 cos alpha cos beta cos gamma). Source:
    International Tables for Crystallography, volume B, section 1.1.
    """
    cosines = np.cos(np.radians(angles))
    square = 1 - (cosines**2).sum() + 2 * cosines.prod()
    return bool(np.isfinite(lengths).all() and (lengths > 0).all() and square > FLAT)


def lattice_of(lengths: Floats, angles: Floats) -> Floats:
    """(3, 3) rows a, b and c in angstrom: a along x, b in the plane of x and y.

    Args:
        lengths: (3,) lengths a, b and c in angstrom.
        angles: (3,) angles alpha, beta and gamma in degrees.
    """
    cosines, sine = np.cos(np.radians(angles)), np.sin(np.radians(angles[2]))
    across = (cosines[0] - cosines[1] * cosines[2]) / sine
    axes = [[1, 0, 0], [cosines[2], sine, 0], [cosines[1], across, np.sqrt(1 - cosines[1] ** 2 - across**2)]]
    return np.asarray(lengths[:, None] * np.array(axes))


def primitive(indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """(3,) indices of a direction without their common divisor."""
    return np.asarray(indices // np.gcd.reduce(indices))
