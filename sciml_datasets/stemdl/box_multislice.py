"""Convergent-beam patterns by multislice in a box, the geometry in which STEMDL itself was simulated.

A box is cut from the crystal, the zone axis upright; each atom is moved by one thermal displacement; the potential of
each slice is the sum of its atoms' projected potentials (Peng's factors, where STEMDL took Kirkland's); a focused probe
passes through it at 8 x 8 positions in one projected cell, and the patterns are averaged (nlaanait/namsa,
scripts/summit_scripts). STEMDL has a box of 100 angstrom with patterns of 512 pixels; for another number of pixels the
box is in proportion, down to 25 angstrom for 128. Waves are computed on a grid finer by a factor of 1.5, so that
products alias only outside the patterns; STEMDL's own grid had no such margin.

These patterns contain higher-order Laue zones and thermal diffuse scattering, and effects of the box's edges, which do
not fit the crystal's period.

Units: angstrom, 1/angstrom (no factor 2 pi), keV, rad.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.stemdl.crystals import Crystal, Floats
from sciml_datasets.stemdl.diffraction import DEBYE_WALLER, form_factor
from sciml_datasets.stemdl.multislice import (
    VOLTS_PER_FACTOR,
    Waves,
    band_limit,
    frequencies,
    intensities,
    multislice,
    probes,
    propagator,
    transmission,
)

PIXEL_SIZE = 100 / 512
"""Width of a box in angstrom over the number of pixels of its pattern; 1 / (2 K_MAX), as in STEMDL."""
SLICE = 2.5
"""Largest thickness of a slice in angstrom."""
POSITIONS = 8
"""Number of positions of the probe along either edge of the projected cell."""
AT_ONCE = 8
"""Number of probes that are propagated together: their waves stay in the processor's cache for longer."""


def box_of(
    crystal: Crystal,
    frame: Floats,
    width: float,
    depth: float,
    rng: np.random.Generator,
    b_factor: float = DEBYE_WALLER,
) -> tuple[Floats, NDArray[np.str_]]:
    """The atoms of a box, each with a thermal displacement.

    Args:
        crystal: the crystal.
        frame: (3, 3) rows x, y, z of the box in crystal space; the centre of the box is the cell's origin.
        width: width of the box along x and y in angstrom.
        depth: depth of the box along z in angstrom.
        rng: random generator of the displacements.
        b_factor: isotropic B in square angstrom: the mean square displacement along an axis is B / (8 pi^2).

    Returns:
        (n, 3) positions x, y and z in angstrom from a corner, and (n,) symbols.
    """
    size = np.array([width, width, depth])
    vectors = crystal.lattice @ frame.T
    # The number of cells along each edge is half the box's diagonal in units of the spacing of the planes of that edge.
    reach = np.ceil(np.linalg.norm(size) / 2 * np.linalg.norm(np.linalg.inv(vectors), axis=0)).astype(int) + 1
    cells = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), axis=-1).reshape(-1, 3)
    symbols = np.array(crystal.symbols)
    positions, kinds = [], []
    for site, symbol in zip(crystal.positions, symbols, strict=True):
        places = (cells + site) @ vectors + size / 2
        inside = ((places >= 0) & (places < size)).all(axis=1)
        positions.append(places[inside])
        kinds.append(np.full(int(inside.sum()), symbol))
    found = np.concatenate(positions)
    found += rng.normal(scale=np.sqrt(b_factor / 8) / np.pi, size=found.shape)
    return found, np.concatenate(kinds)


def slice_potentials(
    positions: Floats, symbols: NDArray[np.str_], width: float, depth: float, pixels: int
) -> Iterator[Floats]:
    """Yield the (pixels, pixels) potential in volt angstrom of each slice from the entrance on, periodic at the sides.

    Args:
        positions: (n, 3) positions x, y and z of the atoms in angstrom.
        symbols: (n,) symbols of the atoms.
        width: width of the box along x and y in angstrom.
        depth: depth of the box in angstrom, cut into equal slices of at most SLICE.
        pixels: number of pixels along x and along y.
    """
    k = frequencies(pixels, width / pixels)
    low = np.flatnonzero(np.abs(k) <= band_limit(k, k))
    s2 = (k[low][:, None] ** 2 + k[low] ** 2) / 4
    factors = {str(symbol): form_factor(str(symbol), s2) for symbol in np.unique(symbols)}
    slices = int(np.ceil(depth / SLICE))
    numbers = np.clip((positions[:, 2] / depth * slices).astype(int), 0, slices - 1)
    for number in range(slices):
        spectrum = np.zeros((pixels, pixels), np.complex64)
        for symbol, factor in factors.items():
            x, y, _ = positions[(numbers == number) & (symbols == symbol)].T
            along_y = np.exp(-2j * np.pi * np.outer(k[low], y)).astype(np.complex64)
            along_x = np.exp(-2j * np.pi * np.outer(x, k[low])).astype(np.complex64)
            spectrum[np.ix_(low, low)] += factor * (along_y @ along_x)
        # The inverse transform divides by the number of pixels, so that the area of the box becomes that of one pixel.
        yield np.fft.ifft2(spectrum).real * (VOLTS_PER_FACTOR * (pixels / width) ** 2)


def cbed_pattern(
    crystal: Crystal,
    frame: Floats,
    semi_angle_rad: float,
    thickness: float,
    energy_kev: float,
    pixels: int,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """The convergent-beam pattern of a crystal, averaged over probe positions.

    Args:
        crystal, frame, semi_angle_rad, thickness, energy_kev: as `sciml_datasets.stemdl.kinematic.cbed_pattern` takes
            them.
        pixels: width and height in pixels; the field of view is always 2 K_MAX.
        rng: random generator of the thermal displacements.

    Returns:
        (pixels, pixels) float32, non-negative, relative to the incident beam, rows along y, the direct beam at
        [pixels // 2, pixels // 2]; zero beyond K_MAX.
    """
    width = pixels * PIXEL_SIZE
    fine = -(-3 * pixels // 2)  # its band limit, two thirds of its largest frequency, is K_MAX
    k = frequencies(fine, width / fine)
    positions, symbols = box_of(crystal, frame, width, thickness, rng)
    slices = [
        transmission(potential, energy_kev, k, k)
        for potential in slice_potentials(positions, symbols, width, thickness, fine)
    ]
    propagation = propagator(k, k, thickness / len(slices), energy_kev)
    places = width / 2 + _cell_positions(crystal, frame)
    total = np.zeros((pixels, pixels), np.float64)
    middle = slice(fine // 2 - pixels // 2, fine // 2 - pixels // 2 + pixels)
    for first in range(0, len(places), AT_ONCE):
        waves: Waves = probes(k, k, semi_angle_rad, energy_kev, places[first : first + AT_ONCE])
        total += intensities(multislice(waves, slices, propagation)).sum(axis=0)[middle, middle]
    shifted = np.fft.fftshift(k)[middle]
    total *= shifted[:, None] ** 2 + shifted**2 <= band_limit(k, k) ** 2  # beyond it there is only rounding noise
    return np.asarray(total / len(places), np.float32)


def _cell_positions(crystal: Crystal, frame: Floats) -> Floats:
    """(64, 2) positions y and x in angstrom, evenly spread over a cell of the crystal projected along z."""
    vectors = crystal.lattice @ frame[:2].T
    edges = max(combinations(vectors, 2), key=lambda pair: abs(float(np.linalg.det(np.array(pair)))))
    steps = (np.arange(POSITIONS) + 0.5) / POSITIONS - 0.5
    grid = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.asarray((grid @ np.array(edges))[:, ::-1])
