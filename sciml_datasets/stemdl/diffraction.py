"""Quantities of all simulations of diffraction: wavelength, structure factors, zone axes.

Units: angstrom, 1/angstrom (no factor 2 pi), keV, rad.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.stemdl.crystals import Crystal, Floats

K_MAX = 2.56
"""Half-width of a pattern, and radius of the circle in which it ends, in 1/angstrom. STEMDL's is the same: half of 512
pixels over 100 angstrom, which its script does not limit further (nlaanait/namsa, smc_19_sim.py, bandwidth 1/2)."""
DEBYE_WALLER = 0.5
"""Isotropic B of every atom in square angstrom: typical of inorganic crystals at room temperature."""
PROBE_KEV = 100
"""Energy in keV whose wavelength sets the semi-angle at every energy, as in STEMDL."""
D_RANGE = (1.0, 5.0)
"""Range of the spacings in angstrom preferred for the reflections that name the zone axes."""


def wavelength(energy_kev: float) -> float:
    """Relativistic de Broglie wavelength in angstrom (CODATA 2018: hc = 12.398 keV angstrom, mc^2 = 510.999 keV)."""
    return float(12.398419843 / np.sqrt(energy_kev * (2 * 510.99895 + energy_kev)))


def relativistic_factor(energy_kev: float) -> float:
    """The mass of the moving electron over its rest mass."""
    return 1 + energy_kev / 510.99895


@cache
def _gaussians(symbol: str, radiation: str) -> tuple[Floats, Floats, float]:
    """The amplitudes, widths and constant of an atom's form factor.

    For electrons they are five Gaussians in angstrom (International Tables C, table 4.3.2.2), for X-rays four Gaussians
    and a constant in electrons (IT92), both as tabulated by gemmi.
    """
    import gemmi

    element = gemmi.Element(symbol)
    if radiation == "electrons":
        return np.array(element.c4322.a), np.array(element.c4322.b), 0.0
    return np.array(element.it92.a), np.array(element.it92.b), float(element.it92.c)


def form_factor(symbol: str, s2: Floats, radiation: str = "electrons") -> Floats:
    """The form factor of an atom at rest.

    Args:
        symbol: symbol of the element.
        s2: (...) squares of s = |g| / 2 in 1/angstrom^2.
        radiation: ``electrons`` or ``x-rays``.

    Returns:
        (...) form factors in angstrom, or in electrons.
    """
    a, b, c = _gaussians(symbol, radiation)
    return np.asarray(np.exp(-s2[..., None] * b) @ a + c)


def structure_factors(
    crystal: Crystal, hkl: NDArray[np.int64], radiation: str = "electrons", b_factor: float = DEBYE_WALLER
) -> NDArray[np.complex128]:
    """Structure factors of reflections, Debye-Waller damping included.

    Args:
        crystal: the crystal.
        hkl: (n, 3) Miller indices.
        radiation: ``electrons`` (result in angstrom) or ``x-rays`` (result in electrons).
        b_factor: isotropic B of every atom in square angstrom.

    Returns:
        (n,) complex structure factors: the sum over atoms of f(s) exp(-B s^2) exp(2 pi i h.r), with s = |g| / 2.
    """
    s2 = np.sum((hkl @ reciprocal(crystal)) ** 2, axis=1) / 4
    symbols = np.array(crystal.symbols)
    total = np.zeros(len(hkl), np.complex128)
    for symbol in np.unique(symbols):
        phases = np.exp(2j * np.pi * hkl @ crystal.positions[symbols == symbol].T).sum(axis=1)
        total += form_factor(str(symbol), s2, radiation) * phases
    return np.asarray(total * np.exp(-b_factor * s2))


def reciprocal(crystal: Crystal) -> Floats:
    """(3, 3) reciprocal lattice: the rows are a*, b*, c* in 1/angstrom."""
    return np.asarray(np.linalg.inv(crystal.lattice).T)


def strongest_reflections(crystal: Crystal, count: int = 3) -> NDArray[np.int64]:
    """The ``count`` strongest X-ray reflections of different spacing, strongest first.

    Their spacings differ, like those of the lines of a powder diagram, since symmetry-equivalent reflections would
    repeat one pattern. Reflections with a spacing within D_RANGE come before all others.

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
    """The convergence semi-angle in rad that STEMDL uses for a zone axis of this spacing: lambda(100 keV) / (4 d)."""
    return wavelength(PROBE_KEV) / (4 * spacing)


def zone_frame(crystal: Crystal, zone: NDArray[np.int64]) -> Floats:
    """The orthonormal axes of a pattern in crystal space: rows x, y and z.

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


def indices(crystal: Crystal, g_max: float) -> NDArray[np.int64]:
    """(n, 3) Miller indices of all reciprocal-lattice vectors up to ``g_max``, the origin included, sorted."""
    bounds = np.floor(g_max * crystal.lengths).astype(int)  # |h| = |g.a| <= |g| |a|
    grid = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in bounds], indexing="ij"), axis=-1).reshape(-1, 3)
    return np.asarray(grid[np.linalg.norm(grid @ reciprocal(crystal), axis=1) <= g_max])
