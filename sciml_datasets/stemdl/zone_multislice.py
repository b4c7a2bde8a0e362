"""Convergent-beam patterns by multislice in one projected cell: the zero-order Laue zone, seen from every tilt.

The potential is the crystal's mean along the zone axis, so all slices are equal and the wave of each tilt K of the
incident cone is a sum of plane waves at the reflections g of the zone. One slice is a matrix over these beams,
the transmission function's Fourier coefficients t(g - g') between half propagations; thicker slabs are its powers. The
tilt enters as the phase exp(-2 pi i lambda dz g.K) between slabs: it shifts the wave by lambda dz K, less than
0.1 angstrom.

Patterns have the symmetry of the projected crystal, dynamical scattering included, but no higher-order zones: what
differs along the beam alone does not show, so the 11 enantiomorphic pairs of groups coincide. Disks of different
reflections add incoherently, as they do when the probe position is averaged over a cell.

Units: angstrom, 1/angstrom (no factor 2 pi), keV, rad.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.stemdl.crystals import Crystal, Floats, centring_translations
from sciml_datasets.stemdl.diffraction import BAND, DEBYE_WALLER, K_MAX, reciprocal, structure_factors, wavelength
from sciml_datasets.stemdl.multislice import VOLTS_PER_FACTOR, Waves, interaction_constant

SLICE = 1.5625
"""Angstrom, at most: half of what multislice codes commonly take."""
SLAB = 12.5
"""Angstrom, at most, between two changes of the phase by the tilt."""


@dataclass(frozen=True, slots=True)
class Zone:
    """The reflections of a zero-order Laue zone.

    Attributes:
        indices: (n, 2) int in the basis of the zone, the direct beam first.
        g: (n, 2) x and y in 1/angstrom.
        potential: (rows, columns) volt, the mean over depth on a grid of one cell, in the order of the basis.
    """

    indices: NDArray[np.int64]
    g: Floats
    potential: Floats


def zone_of(crystal: Crystal, frame: Floats, zone: NDArray[np.int64], b_factor: float = DEBYE_WALLER) -> Zone:
    """The zone of a crystal.

    Args:
        crystal: the crystal.
        frame: (3, 3) rows x, y, z in crystal space, z along the zone axis.
        zone: (3,) direct-lattice indices of the axis.
        b_factor: isotropic B of every atom in square angstrom.
    """
    basis = _zone_basis(zone // np.gcd.reduce(zone), reciprocal(crystal))
    vectors = basis @ reciprocal(crystal) @ frame[:2].T
    cell = np.linalg.inv(vectors).T  # (2, 2) rows, angstrom: |index| = |g.a| <= |g| |a|
    reach = np.linalg.norm(cell, axis=1)
    bounds = np.floor(2 * BAND * reach).astype(int)
    steps = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in bounds], indexing="ij"), axis=-1).reshape(-1, 2)
    phases = steps @ basis @ centring_translations(crystal.space_group).T
    present = np.abs(phases - np.round(phases)).max(axis=1) < 1e-6
    lengths = np.linalg.norm(steps @ vectors, axis=1)
    near = steps[present & (lengths <= 2 * BAND)]

    factors = structure_factors(crystal, near @ basis, "electrons", b_factor)
    size = [2 * int(np.ceil(1.5 * bound)) + 1 for bound in bounds]  # room for the harmonics of the exponential
    spectrum = np.zeros(size, np.complex128)
    spectrum[near[:, 0], near[:, 1]] = factors * (VOLTS_PER_FACTOR / abs(np.linalg.det(crystal.lattice)))
    potential = np.fft.ifft2(spectrum, norm="forward").real

    beams = steps[present & (lengths <= BAND)]
    beams = beams[np.argsort(beams.any(axis=1), kind="stable")]
    return Zone(beams, beams @ vectors, potential)


def exit_waves(zone: Zone, tilts: Floats, thickness: float, energy_kev: float) -> Waves:
    """The waves that leave a crystal of some thickness.

    Args:
        zone: the crystal along the beam.
        tilts: (k, 2) x and y of the incident plane waves in 1/angstrom.
        thickness: angstrom.
        energy_kev: of the electrons.

    Returns:
        (n, k) amplitudes of the beams for each tilt, up to a phase of each; without the scattering beyond BAND the
        squares of each tilt add up to 1.
    """
    slabs = max(1, round(np.ceil(thickness / SLAB)))
    slab = thickness / slabs
    doublings = max(0, round(np.ceil(np.log2(slab / SLICE))))
    matrix = _slice_matrix(zone, slab / 2**doublings, energy_kev)
    for _ in range(doublings):
        matrix = matrix @ matrix
    shift = np.exp(-2j * np.pi * wavelength(energy_kev) * slab * (zone.g @ tilts.T)).astype(np.complex64)
    waves = np.repeat(matrix[:, :1], len(tilts), axis=1)
    for _ in range(slabs - 1):
        waves *= shift
        waves = matrix @ waves
    return waves


def cbed_pattern(
    zone: Zone, semi_angle_rad: float, thickness: float, energy_kev: float, pixels: int
) -> NDArray[np.float32]:
    """The convergent-beam pattern of a crystal.

    Args:
        zone: the crystal along the beam.
        semi_angle_rad: convergence semi-angle.
        thickness: angstrom.
        energy_kev: beam energy.
        pixels: width and height; the field of view is 2 K_MAX whatever their number.

    Returns:
        (pixels, pixels) float32, non-negative, relative to the incident beam, rows along y, the direct beam at
        [pixels // 2, pixels // 2]. Each disk is centred on a pixel, so that equal disks stay equal.
    """
    step = 2 * K_MAX / pixels
    radius = semi_angle_rad / wavelength(energy_kev) / step
    offsets = np.arange(-int(radius), int(radius) + 1)
    cone = np.stack(np.meshgrid(offsets, offsets), axis=-1).reshape(-1, 2)
    cone = cone[(cone**2).sum(axis=1) <= radius**2]
    intensity = np.abs(exit_waves(zone, cone * step, thickness, energy_kev)) ** 2
    places = np.round(zone.g / step).astype(np.int64)[:, None] + cone
    seen = (places**2).sum(axis=2) <= (BAND / step) ** 2
    columns, rows = (places[seen] + pixels // 2).T
    pattern = np.bincount(rows * pixels + columns, weights=intensity[seen], minlength=pixels**2)
    return np.asarray(pattern / len(cone), np.float32).reshape(pixels, pixels)


def _slice_matrix(zone: Zone, thickness: float, energy_kev: float) -> Waves:
    """(n, n) from the amplitudes before a slice to those behind it: half a propagation on either side."""
    phase = np.exp(1j * interaction_constant(energy_kev) * thickness * zone.potential)
    spectrum = np.fft.fft2(phase, norm="forward")
    rows, columns = zone.indices.T
    scattering = spectrum[rows[:, None] - rows, columns[:, None] - columns]
    half = np.exp(-0.5j * np.pi * wavelength(energy_kev) * thickness * (zone.g**2).sum(axis=1))
    return np.asarray(half[:, None] * scattering * half, np.complex64)


def _zone_basis(zone: NDArray[np.int64], reciprocal_lattice: Floats) -> NDArray[np.int64]:
    """(2, 3) Miller indices of a short basis of all reflections h with h.zone = 0."""
    a, b, c = map(int, zone)
    if a == b == 0:
        pair = np.array([[1, 0, 0], [0, 1, 0]])
    else:
        divisor = math.gcd(a, b)
        # p a + q b = divisor; the cross product of the two rows is then the zone axis itself, so nothing lies between.
        p, q = (
            next((p, (divisor - p * a) // b) for p in range(abs(b)) if (divisor - p * a) % b == 0)
            if b
            else (
                a // divisor,
                0,
            )
        )
        pair = np.array([[b // divisor, -a // divisor, 0], [-c * p, -c * q, divisor]])
    while True:  # Gauss's reduction
        pair = pair[np.argsort(np.linalg.norm(pair @ reciprocal_lattice, axis=1), kind="stable")]
        short, long = pair @ reciprocal_lattice
        times = float(long @ short / (short @ short))
        if abs(times) < 0.5 + 1e-6:  # at a half, as in hexagonal nets, rounding errors would turn it back and forth
            return pair
        pair[1] -= round(times) * pair[0]
