"""Convergent-beam patterns by kinematic theory: the fastest engine, for thin crystals.

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

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.stemdl.crystals import Crystal, Floats
from sciml_datasets.stemdl.diffraction import (
    K_MAX,
    indices,
    reciprocal,
    relativistic_factor,
    structure_factors,
    wavelength,
)


def cbed_pattern(
    crystal: Crystal, frame: Floats, semi_angle_rad: float, thickness: float, energy_kev: float, pixels: int
) -> NDArray[np.float32]:
    """The convergent-beam pattern of a crystal.

    Args:
        crystal: the crystal.
        frame: (3, 3) rows x, y, z of the detector in crystal space; the beam runs along z.
        semi_angle_rad: convergence semi-angle in rad.
        thickness: thickness in angstrom.
        energy_kev: energy of the beam in keV.
        pixels: width and height in pixels; the field of view is always 2 K_MAX.

    Returns:
        (pixels, pixels) float32, non-negative, sum 1, rows along y, the direct beam at [pixels // 2, pixels // 2].
    """
    k = 1 / wavelength(energy_kev)
    radius = k * semi_angle_rad
    step = 2 * K_MAX / pixels
    hkl = indices(crystal, K_MAX + radius)
    g = hkl @ reciprocal(crystal) @ frame.T
    # Only reflections that are close to the Ewald sphere somewhere in the cone scatter.
    slack = 3 / thickness + radius * np.hypot(g[:, 0], g[:, 1]) / k
    near = np.abs(g[:, 2] + (g**2).sum(axis=1) / (2 * k)) < slack
    hkl, g = hkl[near], g[near]
    amplitude = (
        relativistic_factor(energy_kev)
        * thickness
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
    intensity = (amplitude[:, None, None] * np.sinc(thickness * excitation)) ** 2
    rows, columns = np.broadcast_arrays(rows + pixels // 2, columns + pixels // 2)
    seen = (kx**2 + ky**2 <= radius**2) & (
        (rows - pixels // 2) ** 2 + (columns - pixels // 2) ** 2 <= (K_MAX / step) ** 2
    )
    seen &= (rows < pixels) & (columns < pixels)  # on this side an even number of pixels has one pixel less
    pattern = np.bincount(rows[seen] * pixels + columns[seen], weights=intensity[seen], minlength=pixels**2)
    return np.asarray(pattern / pattern.sum(), np.float32).reshape(pixels, pixels)
