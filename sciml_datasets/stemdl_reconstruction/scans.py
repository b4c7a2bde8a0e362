"""Registered scans: a focused probe is moved over a crystal, and each position gives a diffraction pattern.

The patterns are computed by multislice in the zero-order Laue zone (`sciml_datasets.stemdl.multislice`) on a square of
SQUARE angstrom about the scan. The square is no period of the crystal; effects of its edge remain there, as the probes
are narrow and the crystal is thin. The start of the scan and the rotation of the crystal about the beam are random.

Units: angstrom, 1/angstrom (no factor 2 pi), keV, rad. Images have rows along y and columns along x.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.stemdl.crystals import Crystal
from sciml_datasets.stemdl.diffraction import DEBYE_WALLER, strongest_reflections, zone_frame
from sciml_datasets.stemdl.multislice import (
    frequencies,
    image,
    intensities,
    multislice,
    probes,
    propagator,
    transmission,
    zone_coefficients,
)

Floats = NDArray[np.floating[Any]]

SIDE = 8
"""Number of positions along each side of a scan."""
STEP = 1.0
"""Distance of neighbouring positions in angstrom: a little more than lambda / (4 a) = 0.77, at which a scan holds all
information on the potential that the direct beam can give."""
SQUARE, GRID = 24.0, 96
"""Width of the waves' square in angstrom and in pixels."""
PATTERN = 48
"""Number of pixels of a stored pattern along a side, 1/SQUARE each: the middle of the band limit, 3 times the direct
beam."""
SEMI_ANGLE = 12e-3
ENERGY_KEV = 100.0
THICKNESS, SLICES = 50.0, 20
IMAGE_PIXEL = 0.25
"""Angstrom."""
IMAGE = round(SIDE * STEP / IMAGE_PIXEL)
"""Number of pixels of an image along a side: it covers the scan, half a step beyond its outer positions."""
BLUR = 1.2
"""Standard deviation in pixels of the Gaussian that images are blurred with, as in the original."""
G_MAX = 4.0


@dataclass(frozen=True, slots=True)
class Scan:
    """The data of a scan of a crystal.

    Attributes:
        patterns: (SIDE * SIDE, PATTERN, PATTERN) float32 patterns as shares of the beam; positions row by row, the
            direct beam at [PATTERN // 2, PATTERN // 2].
        potential: (IMAGE, IMAGE) projected potential in volt angstrom.
        density: (IMAGE, IMAGE) projected density in electrons per square angstrom.
    """

    patterns: NDArray[np.float32]
    potential: Floats
    density: Floats


def scan(crystal: Crystal, rng: np.random.Generator) -> Scan:
    """Scan a crystal along the direction of its strongest reflection."""
    strongest = strongest_reflections(crystal)[0]
    frame = zone_frame(crystal, strongest // np.gcd.reduce(strongest))
    angle, origin = rng.uniform(0, 2 * np.pi), rng.uniform(0, 100, 2)
    turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    frame = turn @ frame

    places = np.arange(GRID) * SQUARE / GRID
    g, coefficients = zone_coefficients(crystal, frame, G_MAX)
    potential = image(g, coefficients, places + origin[1], places + origin[0])
    k = frequencies(GRID, SQUARE / GRID)
    layer = THICKNESS / SLICES
    steps = (np.arange(SIDE) - (SIDE - 1) / 2) * STEP + SQUARE / 2
    positions = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    waves = multislice(
        probes(k, k, SEMI_ANGLE, ENERGY_KEV, positions),
        repeat(transmission(layer * potential, ENERGY_KEV, k, k), SLICES),
        propagator(k, k, layer, ENERGY_KEV),
    )
    middle = slice((GRID - PATTERN) // 2, (GRID + PATTERN) // 2)
    patterns = intensities(waves)[:, middle, middle]

    # A Gaussian blur of standard deviation s is a temperature factor B = 8 pi^2 s^2.
    blurred = DEBYE_WALLER + 8 * np.pi**2 * (BLUR * IMAGE_PIXEL) ** 2
    pixels = (np.arange(IMAGE) - (IMAGE - 1) / 2) * IMAGE_PIXEL + SQUARE / 2
    found = [
        THICKNESS
        * image(*zone_coefficients(crystal, frame, G_MAX, by, blurred), pixels + origin[1], pixels + origin[0])
        for by in ("electrons", "x-rays")
    ]
    return Scan(patterns, *found)
