"""Multislice theory of fast electrons: potentials, transmission, propagation, probes; pure functions of arrays.

A thick specimen is cut into slices; each multiplies the wave by the transmission function of its projected potential,
and it propagates through free space to the next (Cowley and Moodie 1957, doi:10.1107/S0365110X57002194; Kirkland,
Advanced Computing in Electron Microscopy, 2nd ed., chapter 6). Potentials and densities come from the reflections of
the zero-order Laue zone: they are means over depth, which scatter a paraxial beam along a zone axis.

Units: angstrom, 1/angstrom (no factor 2 pi), keV, rad, volt. Waves are exp(+2 pi i k.r); images have rows along
y and columns along x; spectra are in the order of `numpy.fft`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.stemdl.crystals import Crystal, Floats
from sciml_datasets.stemdl.diffraction import DEBYE_WALLER, indices, reciprocal, structure_factors, wavelength

Waves = NDArray[np.complex64]

VOLTS_PER_FACTOR = 47.877645
"""Factor h^2 / (2 pi m0 e) in volt square angstrom from a structure factor over the cell's volume to a coefficient of
the potential (Kirkland, appendix C; CODATA 2018)."""


def interaction_constant(energy_kev: float) -> float:
    """The interaction constant sigma in rad/(V angstrom): the phase of a wave per projected potential.

    sigma = 2 pi / (lambda E) (m c^2 + E) / (2 m c^2 + E) with m c^2 = 510.99895 keV (Kirkland, eq. 5.6); 9.244e-4 at
    100 keV and 7.288e-4 at 200 keV.
    """
    rest = 510.99895
    share = (rest + energy_kev) / (2 * rest + energy_kev)
    return float(2 * np.pi / (wavelength(energy_kev) * energy_kev * 1e3) * share)


def coefficients(
    crystal: Crystal, hkl: NDArray[np.int64], radiation: str = "electrons", b_factor: float = DEBYE_WALLER
) -> NDArray[np.complex128]:
    """The Fourier coefficients of a crystal's potential or density, the sum of coefficient exp(+2 pi i h.r).

    They are conjugate to structure factors: crystallography synthesizes with exp(-2 pi i h.r) (International Tables B,
    section 1.2), while waves are exp(+2 pi i k.r) here, so that h adds to their k.

    Args:
        crystal: the crystal.
        hkl: (n, 3) Miller indices.
        radiation: ``electrons`` (factors of International Tables C, table 4.3.2.2) for the electrostatic potential, or
            ``x-rays`` (IT92) for the electron density.
        b_factor: isotropic B of all atoms in square angstrom: the thermal smearing.

    Returns:
        (n,) coefficients in volt, or in electrons per cubic angstrom.
    """
    scale = VOLTS_PER_FACTOR if radiation == "electrons" else 1.0
    factors = structure_factors(crystal, hkl, radiation, b_factor)
    return np.asarray(factors.conj() * (scale / abs(np.linalg.det(crystal.lattice))))


def zone_coefficients(
    crystal: Crystal, frame: Floats, g_max: float, radiation: str = "electrons", b_factor: float = DEBYE_WALLER
) -> tuple[Floats, NDArray[np.complex128]]:
    """The Fourier coefficients of a crystal seen along z: of its mean over depth.

    Args:
        crystal: the crystal.
        frame: (3, 3) rows x, y, z in crystal space, as `diffraction.zone_frame` returns it for a zone axis.
        g_max: length of the longest reflection in 1/angstrom.
        radiation, b_factor: as for `coefficients`.

    Returns:
        (n, 2) x and y of the reflections in 1/angstrom, and (n,) coefficients, in volt or in electrons per cubic
        angstrom. The image is the sum of coefficient exp(2 pi i g.r).
    """
    hkl = indices(crystal, g_max)
    g = hkl @ reciprocal(crystal) @ frame.T
    flat = np.abs(g[:, 2]) < 1e-6
    return g[flat, :2], coefficients(crystal, hkl[flat], radiation, b_factor)


def image(g: Floats, amplitudes: NDArray[np.complex128], x: Floats, y: Floats) -> Floats:
    """The real image of Fourier coefficients at given places.

    Args:
        g: (n, 2) reflections in 1/angstrom.
        amplitudes: (n,) coefficients in any unit, those of g and -g conjugate.
        x: (columns,) places of the columns in angstrom.
        y: (rows,) places of the rows in angstrom.

    Returns:
        (rows, columns) image in the amplitudes' unit.
    """
    along_y = np.exp(2j * np.pi * np.outer(y, g[:, 1]))
    along_x = np.exp(2j * np.pi * np.outer(g[:, 0], x))
    return np.asarray((along_y * amplitudes @ along_x).real)


def projected_potential(
    crystal: Crystal, frame: Floats, x: Floats, y: Floats, thickness: float, g_max: float = 4.0
) -> Floats:
    """(rows, columns) potential in volt angstrom of a crystal seen along z, integrated over a thickness.

    Args:
        crystal: the crystal.
        frame: as for `zone_coefficients`.
        x: (columns,) places of the columns in angstrom.
        y: (rows,) places of the rows in angstrom.
        thickness: thickness in angstrom.
        g_max: length of the longest reflection in 1/angstrom.
    """
    return thickness * image(*zone_coefficients(crystal, frame, g_max), x, y)


def projected_density(
    crystal: Crystal, frame: Floats, x: Floats, y: Floats, thickness: float, g_max: float = 4.0
) -> Floats:
    """(rows, columns) electron density in electrons per square angstrom; see `projected_potential`."""
    return thickness * image(*zone_coefficients(crystal, frame, g_max, "x-rays"), x, y)


def frequencies(pixels: int, pixel_size: float) -> Floats:
    """(pixels,) frequencies in 1/angstrom, in the order of `numpy.fft`, of a grid with ``pixel_size`` in angstrom."""
    return np.asarray(np.fft.fftfreq(pixels, pixel_size))


def band_limit(ky: Floats, kx: Floats) -> float:
    """The band limit in 1/angstrom: two thirds of the grid's largest frequency, so that products do not alias
    (Kirkland, section 6.8)."""
    return float(2 / 3 * min(np.abs(ky).max(), np.abs(kx).max()))


def transmission(potential: Floats, energy_kev: float, ky: Floats, kx: Floats) -> Waves:
    """The transmission functions exp(i sigma V) of projected potentials, without frequencies beyond the band limit.

    Args:
        potential: (..., rows, columns) projected potentials in volt angstrom.
        energy_kev: energy in keV of the electrons.
        ky, kx: (rows,) and (columns,) frequencies, as `frequencies` returns them.

    Returns:
        (..., rows, columns) transmission functions.
    """
    from scipy import fft

    spectrum = fft.fft2(np.exp(1j * interaction_constant(energy_kev) * potential))
    spectrum *= ky[:, None] ** 2 + kx[None, :] ** 2 <= band_limit(ky, kx) ** 2
    return np.asarray(fft.ifft2(spectrum, overwrite_x=True), np.complex64)


def propagator(
    ky: Floats,
    kx: Floats,
    distance: float,
    energy_kev: float,
    tilt: tuple[float, float] = (0.0, 0.0),
    limit: float | None = None,
) -> Waves:
    """The free propagator in Fourier space: exp(-i pi lambda dz |k + K|^2), paraxial (Kirkland, eq. 6.65).

    Args:
        ky, kx: (rows,) and (columns,) frequencies, as `frequencies` returns them.
        distance: distance dz in angstrom.
        energy_kev: energy in keV of the electrons.
        tilt: y and x of K in 1/angstrom, for an incident wave exp(2 pi i K.r) whose factor is left out of the waves.
        limit: frequency in 1/angstrom beyond which it is zero; default `band_limit`; infinity for no limit.

    Returns:
        (rows, columns) propagator.
    """
    limit = band_limit(ky, kx) if limit is None else limit
    square = (ky[:, None] + tilt[0]) ** 2 + (kx[None, :] + tilt[1]) ** 2
    inside = ky[:, None] ** 2 + kx[None, :] ** 2 <= limit**2
    phase = -np.pi * wavelength(energy_kev) * distance * square
    return np.asarray(np.exp(1j * phase) * inside, np.complex64)


def probes(ky: Floats, kx: Floats, semi_angle_rad: float, energy_kev: float, positions: Floats) -> Waves:
    """Focused probes at some positions, without aberrations.

    Args:
        ky, kx: (rows,) and (columns,) frequencies, as `frequencies` returns them.
        semi_angle_rad: half angle in rad of the cone; the edge of the aperture is sharp.
        energy_kev: energy in keV of the electrons.
        positions: (n, 2) positions y and x in angstrom from the first pixel.

    Returns:
        (n, rows, columns) waves in real space; the squares of the Fourier transform of each add up to 1.
    """
    from scipy import fft

    radius = semi_angle_rad / wavelength(energy_kev)
    aperture = (ky[:, None] ** 2 + kx[None, :] ** 2 <= radius**2).astype(np.float64)
    amplitude = aperture / np.sqrt(aperture.sum())
    shift = positions[:, 0, None, None] * ky[:, None] + positions[:, 1, None, None] * kx
    waves: Waves = fft.ifft2((amplitude * np.exp(-2j * np.pi * shift)).astype(np.complex64), overwrite_x=True)
    return waves


def multislice(waves: Waves, transmissions: Iterable[Waves], propagation: Waves) -> Waves:
    """Propagate waves through slices: multiply by each slice's transmission function, then propagate to the next.

    Args:
        waves: (n, rows, columns) waves in real space; they are not changed.
        transmissions: (rows, columns) transmission function of each slice, from the entrance on; `itertools.repeat` for
            equal slices.
        propagation: (rows, columns) propagator in Fourier space, from a slice to the next.

    Returns:
        (n, rows, columns) exit waves in real space.
    """
    from scipy import fft

    for slice_transmission in transmissions:
        spectrum = fft.fft2(waves * slice_transmission, overwrite_x=True)
        spectrum *= propagation
        waves = fft.ifft2(spectrum, overwrite_x=True)
    return waves


def intensities(waves: Waves) -> NDArray[np.float32]:
    """(n, rows, columns) diffraction patterns of waves in real space, the direct beam at [rows // 2, columns // 2]."""
    from scipy import fft

    return np.asarray(np.abs(fft.fftshift(fft.fft2(waves), axes=(-2, -1))) ** 2, np.float32)
