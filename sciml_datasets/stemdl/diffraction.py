"""Kinematic convergent-beam electron diffraction of a thin crystal.

One elastic scattering event per electron: the disk of reflection g has the intensity
``p_g(K) = (gamma lambda t |F_g| / V)^2 sinc^2(t s_g(K))`` relative to the incident beam (two-beam kinematic theory:
Williams and Carter, Transmission Electron Microscopy, 2nd ed., chapter 13; extinction distance pi V/(gamma lambda F)),
where K runs over the illumination cone, s_g is the excitation error and F_g the electron structure factor. Overlapping
disks add incoherently, as they do when the probe position is averaged over. The pattern is divided by its sum, so that
scattered intensity is missing from the direct beam. Patterns are therefore centrosymmetric in the zero-order Laue zone
(Friedel's law); dynamical diffraction, which breaks it, is not modelled.

Units: angstrom, 1/angstrom (no factor 2 pi), keV, rad.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.stemdl.crystals import Crystal, Floats

K_MAX = 2.0
"""1/angstrom: the half-width of every pattern; beyond this radius the intensity is zero (the band limit)."""
THICKNESS = 100.0
"""Angstrom: the box in which STEMDL was simulated."""
DEBYE_WALLER = 0.5
"""Square angstrom, the isotropic B of every atom: typical of inorganic crystals at room temperature."""
PROBE_KEV = 100
"""The energy whose wavelength sets the semi-angle at every energy, as in STEMDL."""
D_RANGE = (1.0, 5.0)
"""Angstrom: spacings preferred for the reflections that name the zone axes."""


def wavelength(energy_kev: float) -> float:
    """Relativistic de Broglie wavelength in angstrom (CODATA 2018: hc = 12.398 keV angstrom, mc^2 = 510.999 keV)."""
    return float(12.398419843 / np.sqrt(energy_kev * (2 * 510.99895 + energy_kev)))


def relativistic_factor(energy_kev: float) -> float:
    """Mass of the moving electron over its rest mass."""
    return 1 + energy_kev / 510.99895


@cache
def _gaussians(symbol: str, radiation: str) -> tuple[Floats, Floats, float]:
    """Amplitudes, widths and constant of an atom's form factor.

    Electrons: five Gaussians, angstrom (International Tables C, table 4.3.2.2). X-rays: four Gaussians and a constant,
    electrons (IT92). Both as tabulated by gemmi.
    """
    import gemmi

    element = gemmi.Element(symbol)
    if radiation == "electrons":
        return np.array(element.c4322.a), np.array(element.c4322.b), 0.0
    return np.array(element.it92.a), np.array(element.it92.b), float(element.it92.c)


def structure_factors(
    crystal: Crystal, hkl: NDArray[np.int64], radiation: str = "electrons", b_factor: float = DEBYE_WALLER
) -> NDArray[np.complex128]:
    """Structure factors of reflections, Debye-Waller damping included.

    Args:
        crystal: the crystal.
        hkl: (n, 3) Miller indices.
        radiation: ``electrons`` (result in angstrom) or ``x-rays`` (in electrons).
        b_factor: isotropic B of every atom in square angstrom.

    Returns:
        (n,) complex: the sum over atoms of f(s) exp(-B s^2) exp(2 pi i h.r), with s = |g| / 2.
    """
    s2 = np.sum((hkl @ reciprocal(crystal)) ** 2, axis=1) / 4
    symbols = np.array(crystal.symbols)
    total = np.zeros(len(hkl), np.complex128)
    for symbol in np.unique(symbols):
        a, b, c = _gaussians(str(symbol), radiation)
        phases = np.exp(2j * np.pi * hkl @ crystal.positions[symbols == symbol].T).sum(axis=1)
        total += (np.exp(-s2[:, None] * b) @ a + c) * phases
    return np.asarray(total * np.exp(-b_factor * s2))


def reciprocal(crystal: Crystal) -> Floats:
    """(3, 3): the rows are a*, b*, c* in 1/angstrom."""
    return np.asarray(np.linalg.inv(crystal.lattice).T)


def strongest_reflections(crystal: Crystal, count: int = 3) -> NDArray[np.int64]:
    """The ``count`` strongest X-ray reflections of different spacing, strongest first.

    Different spacing, as the lines of a powder diagram: symmetry-equivalent reflections would repeat one pattern. Those
    with a spacing within D_RANGE come before all others.

    Returns:
        (count, 3) Miller indices.
    """
    hkl = indices(crystal, 1 / D_RANGE[0])
    hkl = hkl[hkl.any(axis=1)]
    spacing = np.round(1 / np.linalg.norm(hkl @ reciprocal(crystal), axis=1), 4)
    intensity = np.round(np.abs(structure_factors(crystal, hkl, "x-rays")) ** 2, 4)  # equivalents tie exactly
    too_wide = spacing > D_RANGE[1]
    order = np.lexsort((*hkl.T, intensity, ~too_wide))[::-1]
    first_of_spacing = np.sort(np.unique(spacing[order], return_index=True)[1])[:count]
    return hkl[order[first_of_spacing]]


def semi_angle(spacing: float) -> float:
    """Convergence semi-angle in rad that STEMDL uses for a zone axis with this spacing: lambda(100 keV) / (4 d)."""
    return wavelength(PROBE_KEV) / (4 * spacing)


def zone_frame(crystal: Crystal, zone: NDArray[np.int64]) -> Floats:
    """Orthonormal axes of a pattern in crystal space: rows x, y and z.

    z points along the direct-lattice direction ``zone``, y along the shortest reciprocal-lattice vector of the
    zero-order Laue zone.
    """
    z = zone @ crystal.lattice
    z = z / np.linalg.norm(z)
    hkl = indices(crystal, K_MAX)
    in_zone = hkl[(hkl @ zone == 0) & hkl.any(axis=1)]
    vectors = in_zone @ reciprocal(crystal)
    lengths = np.round(np.linalg.norm(vectors, axis=1), 6)
    y = vectors[np.lexsort((*in_zone.T, lengths))[0]]
    y = y / np.linalg.norm(y)
    return np.array([np.cross(y, z), y, z])


def cbed_pattern(
    crystal: Crystal, frame: Floats, semi_angle_rad: float, energy_kev: float, pixels: int
) -> NDArray[np.float32]:
    """The convergent-beam pattern of a crystal.

    Args:
        crystal: the crystal.
        frame: (3, 3) rows x, y, z of the detector in crystal space; the beam runs along z.
        semi_angle_rad: convergence semi-angle.
        energy_kev: beam energy.
        pixels: width and height; the field of view is 2 K_MAX whatever their number.

    Returns:
        (pixels, pixels) float32, non-negative, sum 1, rows along y, the direct beam at [pixels // 2, pixels // 2].
    """
    k = 1 / wavelength(energy_kev)
    radius = k * semi_angle_rad
    step = 2 * K_MAX / pixels
    hkl = indices(crystal, K_MAX)
    g = hkl @ reciprocal(crystal) @ frame.T
    # Only reflections that come close to the Ewald sphere somewhere in the cone scatter at all.
    slack = 3 / THICKNESS + radius * np.hypot(g[:, 0], g[:, 1]) / k
    near = np.abs(g[:, 2] + (g**2).sum(axis=1) / (2 * k)) < slack
    hkl, g = hkl[near], g[near]
    amplitude = (
        relativistic_factor(energy_kev)
        * THICKNESS
        / (k * abs(np.linalg.det(crystal.lattice)))
        * np.abs(structure_factors(crystal, hkl))
    )
    direct = np.flatnonzero(~hkl.any(axis=1))
    amplitude[direct] = 1.0

    half = int(np.ceil(radius / step))
    offsets = np.arange(-half, half + 1)
    centre = np.round(g[:, :2] / step).astype(np.int64)
    columns = centre[:, 0, None, None] + offsets[None, None, :]
    rows = centre[:, 1, None, None] + offsets[None, :, None]
    kx = columns * step - g[:, 0, None, None]
    ky = rows * step - g[:, 1, None, None]
    excitation = -(
        g[:, 2, None, None]
        + (kx * g[:, 0, None, None] + ky * g[:, 1, None, None]) / k
        + (g**2).sum(axis=1)[:, None, None] / (2 * k)
    )
    intensity = (amplitude[:, None, None] * np.sinc(THICKNESS * excitation)) ** 2
    rows, columns = np.broadcast_arrays(rows + pixels // 2, columns + pixels // 2)
    seen = (kx**2 + ky**2 <= radius**2) & ((rows - pixels // 2) ** 2 + (columns - pixels // 2) ** 2 < (pixels / 2) ** 2)
    pattern = np.bincount(rows[seen] * pixels + columns[seen], weights=intensity[seen], minlength=pixels**2)
    return np.asarray(pattern / pattern.sum(), np.float32).reshape(pixels, pixels)


def indices(crystal: Crystal, g_max: float) -> NDArray[np.int64]:
    """(n, 3) Miller indices of all reciprocal-lattice vectors up to ``g_max``, the origin included, sorted."""
    bounds = np.floor(g_max * crystal.lengths).astype(int)  # |h| = |g.a| <= |g| |a|
    grid = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in bounds], indexing="ij"), axis=-1).reshape(-1, 3)
    return np.asarray(grid[np.linalg.norm(grid @ reciprocal(crystal), axis=1) <= g_max])
