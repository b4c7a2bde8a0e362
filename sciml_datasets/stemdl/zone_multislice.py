"""Convergent-beam patterns by multislice in one projected cell: the zero-order Laue zone for every tilt.

The potential is the crystal's mean along the zone axis, so all slices are equal and the wave of each tilt K of the
incident cone is a sum of plane waves at the reflections g of the zone. One slice is a matrix over these beams,
the transmission function's Fourier coefficients t(g - g') between half propagations; thicker slabs are its powers. The
tilt enters as the phase exp(-2 pi i lambda dz g.K) between slabs: it shifts the wave by lambda dz K, less than
0.1 angstrom.

Patterns have the symmetry of the projected crystal, dynamical scattering included, but no higher-order zones:
differences along the beam alone are not visible, so the 11 enantiomorphic pairs of groups coincide. Disks of different
reflections add incoherently, as they do when the probe position is averaged over a cell.

Units: angstrom, 1/angstrom (no factor 2 pi), keV, rad.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.stemdl.crystals import Crystal, Floats, centring_translations, symmetry_operations
from sciml_datasets.stemdl.diffraction import DEBYE_WALLER, K_MAX, reciprocal, wavelength
from sciml_datasets.stemdl.multislice import Waves, coefficients, interaction_constant

FEWEST_BEAMS, WIDEST = 250, 1.5 * K_MAX
"""Least number of beams, and limit of their length in 1/angstrom. The beams are those up to K_MAX and those beyond it,
up to WIDEST, until there are FEWEST_BEAMS: small cells of heavy atoms, as in metals, scatter far and have few beams."""
SLICE, RIM_PHASE = 1.5625, 1.2
"""Largest thickness of a slice in angstrom, and largest phase in rad that it adds to the outermost beam."""
SLAB = 12.5
"""Largest distance in angstrom between two changes of the phase by the tilt."""


@dataclass(frozen=True, slots=True)
class Zone:
    """The reflections of a zero-order Laue zone.

    Attributes:
        indices: (n, 2) int indices in the basis of the zone, the direct beam first.
        g: (n, 2) x and y of the reflections in 1/angstrom.
        potential: (rows, columns) potential in volt, the mean over depth on a grid of one cell, in the order of the
            basis.
        even: whether the potential has a twofold axis, at the origin; the beams are then the direct one, one of each
            pair of opposite ones, and the others of the pairs in the same order.
    """

    indices: NDArray[np.int64]
    g: Floats
    potential: Floats
    even: bool = False


def zone_of(crystal: Crystal, frame: Floats, zone: NDArray[np.int64], b_factor: float = DEBYE_WALLER) -> Zone:
    """The zone of a crystal.

    Args:
        crystal: the crystal.
        frame: (3, 3) rows x, y, z in crystal space, z along the zone axis.
        zone: (3,) direct-lattice indices of the zone axis.
        b_factor: isotropic B of every atom in square angstrom.
    """
    basis = _zone_basis(zone // np.gcd.reduce(zone), reciprocal(crystal))
    vectors = basis @ reciprocal(crystal) @ frame[:2].T
    shown = len(_reflections(crystal, basis, vectors, K_MAX))
    widest = min(WIDEST, K_MAX * max(1.0, math.sqrt(FEWEST_BEAMS / shown)))
    near = _reflections(crystal, basis, vectors, 2 * widest)  # differences of any two beams
    bounds = np.abs(near).max(axis=0)

    amplitudes = coefficients(crystal, near @ basis, "electrons", b_factor)
    about_axis = _about_twofold_axis(crystal.space_group, basis, near, amplitudes)
    size = [2 * int(np.ceil(1.5 * bound)) + 1 for bound in bounds]  # margin for the harmonics of the exponential
    spectrum = np.zeros(size, np.complex128)
    spectrum[near[:, 0], near[:, 1]] = amplitudes if about_axis is None else about_axis
    potential = np.fft.ifft2(spectrum, norm="forward").real

    beams = near[np.linalg.norm(near @ vectors, axis=1) <= widest]
    first = beams[: len(beams) // 2]  # sorted by both indices, so that their opposites follow in falling order
    beams = np.concatenate([np.zeros((1, 2), np.int64), first, -first])
    return Zone(beams, beams @ vectors, potential, about_axis is not None)


def exit_waves(zone: Zone, tilts: Floats, thickness: float, energy_kev: float) -> Waves:
    """The waves that leave a crystal of some thickness.

    Args:
        zone: the crystal along the beam.
        tilts: (k, 2) x and y of the incident plane waves in 1/angstrom.
        thickness: thickness in angstrom.
        energy_kev: energy in keV of the electrons.

    Returns:
        (n, k) amplitudes of the beams for each tilt, up to a phase for each tilt; without the scattering beyond the
        beams the squares of each tilt add up to 1.
    """
    turn = np.pi * wavelength(energy_kev) * float((zone.g**2).sum(axis=1).max())  # of the outermost beam, per angstrom
    slices = thickness * max(1 / SLICE, turn / RIM_PHASE)
    # A doubling costs as much as this number of slabs, and half of it for symmetric matrices.
    squaring = len(zone.g) / len(tilts) / (4 if zone.even else 1)
    most = math.floor(math.log2(slices * SLAB / thickness))
    doublings = min(range(most + 1), key=lambda count: count * squaring + slices / 2**count)
    slabs = math.ceil(slices / 2**doublings)
    matrices = _slice_matrices(zone, thickness / slabs / 2**doublings, energy_kev)
    for _ in range(doublings):
        # Matrices of even potentials are symmetric, and half of the product of one with its transpose is computed.
        matrices = matrices @ (matrices.swapaxes(1, 2) if zone.even else matrices)
    g = zone.g[: matrices.shape[1]]
    shift = np.exp(-2j * np.pi * wavelength(energy_kev) * thickness / slabs * (g @ tilts.T)).astype(np.complex64)
    waves = np.repeat(matrices[:, :, :1], len(tilts), axis=2)
    for _ in range(slabs - 1):
        # A tilt changes the phases of g and -g in opposite directions, which mixes the even and the odd part.
        waves = matrices @ (shift.real * waves + 1j * shift.imag * waves[::-1])
    if zone.even:
        even, odd = waves[:, 1:] / np.float32(np.sqrt(2))
        return np.concatenate([waves[0, :1], even + odd, even - odd])
    return np.asarray(waves[0])


def cbed_pattern(
    zone: Zone, semi_angle_rad: float, thickness: float, energy_kev: float, pixels: int
) -> NDArray[np.float32]:
    """The convergent-beam pattern of a crystal.

    Args:
        zone: the crystal along the beam.
        semi_angle_rad: convergence semi-angle in rad.
        thickness: thickness in angstrom.
        energy_kev: energy of the beam in keV.
        pixels: width and height in pixels; the field of view is always 2 K_MAX.

    Returns:
        (pixels, pixels) float32, non-negative, relative to the incident beam, rows along y, the direct beam at
        [pixels // 2, pixels // 2]. Each disk is centred on a pixel, so that equal disks stay equal.
    """
    step = 2 * K_MAX / pixels
    radius = semi_angle_rad / wavelength(energy_kev) / step
    offsets = np.arange(-int(radius), int(radius) + 1)
    cone = np.stack(np.meshgrid(offsets, offsets), axis=-1).reshape(-1, 2)
    cone = cone[(cone**2).sum(axis=1) <= radius**2]
    # Tilts are in opposite pairs, the last with the first: with a twofold axis I(-g, -K) is I(g, K).
    tilts = cone[: len(cone) // 2 + 1] if zone.even else cone
    intensity = np.abs(exit_waves(zone, tilts * step, thickness, energy_kev)) ** 2
    if zone.even:
        opposite = np.concatenate([intensity[:1], *np.split(intensity[1:], 2)[::-1]])
        intensity = np.concatenate([intensity, opposite[:, -2::-1]], axis=1)
    places = np.round(zone.g / step).astype(np.int64)[:, None] + cone
    seen = (places**2).sum(axis=2) <= (K_MAX / step) ** 2
    seen &= (places < (pixels + 1) // 2).all(axis=2)  # on this side an even number of pixels has one pixel less
    columns, rows = (places[seen] + pixels // 2).T
    pattern = np.bincount(rows * pixels + columns, weights=intensity[seen], minlength=pixels**2)
    return np.asarray(pattern / len(cone), np.float32).reshape(pixels, pixels)


def _slice_matrices(zone: Zone, thickness: float, energy_kev: float) -> Waves:
    """The matrices from the amplitudes before a slice to those after it: half a propagation on either side.

    Returns:
        (1, n, n) matrix for all beams; for an even potential (2, h, h) matrices for the direct beam and one of each
        pair, that is for the even parts (psi(g) + psi(-g)) / sqrt(2) and the odd parts (psi(g) - psi(-g)) / sqrt(2),
        which do not scatter into each other.
    """
    phase = np.exp(1j * interaction_constant(energy_kev) * thickness * zone.potential)
    spectrum = np.fft.fft2(phase, norm="forward").astype(np.complex64)
    count = len(zone.g) // 2 + 1 if zone.even else len(zone.g)
    rows, columns = zone.indices[:count].T
    scattering = spectrum[rows[:, None] - rows, columns[:, None] - columns][None]
    if zone.even:
        across = spectrum[rows[:, None] + rows, columns[:, None] + columns]
        scattering = np.stack([scattering[0] + across, scattering[0] - across])
        scattering[0, 0] /= np.float32(np.sqrt(2))  # the direct beam is its own opposite
        scattering[0, :, 0] /= np.float32(np.sqrt(2))
    g2 = (zone.g[:count] ** 2).sum(axis=1)
    half = np.exp(-0.5j * np.pi * wavelength(energy_kev) * thickness * g2).astype(np.complex64)
    return np.asarray(half[:, None] * scattering * half)


def _reflections(crystal: Crystal, basis: NDArray[np.int64], vectors: Floats, g_max: float) -> NDArray[np.int64]:
    """(n, 2) indices of the reflections of a zone up to ``g_max`` in 1/angstrom, sorted, without those that the
    centring forbids."""
    cell = np.linalg.inv(vectors).T  # (2, 2) rows, angstrom: |index| = |g.a| <= |g| |a|
    bounds = np.floor(g_max * np.linalg.norm(cell, axis=1)).astype(int)
    steps = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in bounds], indexing="ij"), axis=-1).reshape(-1, 2)
    phases = steps @ basis @ centring_translations(crystal.space_group).T
    present = np.abs(phases - np.round(phases)).max(axis=1) < 1e-6
    return np.asarray(steps[present & (np.linalg.norm(steps @ vectors, axis=1) <= g_max)])


def _about_twofold_axis(
    space_group: int, basis: NDArray[np.int64], steps: NDArray[np.int64], amplitudes: NDArray[np.complex128]
) -> NDArray[np.complex128] | None:
    """The coefficients of the projection about a twofold axis, where they are real; None where there is none."""
    for rotation, translation in zip(*symmetry_operations(space_group), strict=True):
        if (basis @ rotation == -basis).all():
            moved = amplitudes * np.exp(1j * np.pi * (steps @ basis @ translation))
            if np.abs(moved.imag).max() < 1e-6 * np.abs(moved).max():
                return np.asarray(moved)
    return None


def _zone_basis(zone: NDArray[np.int64], reciprocal_lattice: Floats) -> NDArray[np.int64]:
    """(2, 3) Miller indices of a short basis of all reflections h with h.zone = 0."""
    a, b, c = map(int, zone)
    if a == b == 0:
        pair = np.array([[1, 0, 0], [0, 1, 0]])
    else:
        divisor = math.gcd(a, b)
        # p a + q b = divisor; the cross product of the two rows is then the zone axis itself, so no reflection is
        # between them.
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
        if abs(times) < 0.5 + 1e-6:  # at a half, as in hexagonal nets, rounding errors would make the loop endless
            return pair
        pair[1] -= round(times) * pair[0]
