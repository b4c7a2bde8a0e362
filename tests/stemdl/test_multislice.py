"""Dynamical diffraction: analytic results, symmetry, conservation, and patterns of another code."""

from __future__ import annotations

import dataclasses
import json
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stemdl_crystals import gallium_arsenide, gold, quartz, rutile, silicon

from sciml_datasets.stemdl.box_multislice import PIXEL_SIZE, slice_potentials
from sciml_datasets.stemdl.box_multislice import cbed_pattern as box_pattern
from sciml_datasets.stemdl.crystals import Crystal, Floats, random_crystal, symmetry_operations
from sciml_datasets.stemdl.diffraction import (
    K_MAX,
    reciprocal,
    semi_angle,
    strongest_reflections,
    wavelength,
    zone_frame,
)
from sciml_datasets.stemdl.multislice import (
    frequencies,
    intensities,
    interaction_constant,
    multislice,
    probes,
    projected_density,
    projected_potential,
    propagator,
    transmission,
)
from sciml_datasets.stemdl.zone_multislice import Zone, _zone_basis, cbed_pattern, exit_waves, zone_of


@pytest.mark.parametrize(("kev", "sigma"), [(100, 9.244e-4), (200, 7.288e-4)])
def test_the_interaction_constant_is_the_textbook_one(kev: int, sigma: float) -> None:
    assert interaction_constant(kev) == pytest.approx(sigma, rel=1e-3)  # Kirkland, 2nd ed., table 5.1


@pytest.mark.parametrize("off_bragg", [0.0, 0.5, 2.0])
def test_two_beams_exchange_intensity_as_pendelloesung(off_bragg: float) -> None:
    """Howie and Whelan: I = sin^2(pi t s') / (xi s')^2, s'^2 = s^2 + 1 / xi^2 (Williams and Carter, eq. 13.48)."""
    g, volt, kev = 0.15, 0.5, 100.0  # a tilt within the cone; weak, since what goes to third beams is lost
    cosine = 2 * volt * np.cos(2 * np.pi * np.arange(9) / 9)
    zone = Zone(np.array([[0, 0], [1, 0]]), np.array([[0.0, 0.0], [g, 0.0]]), cosine[:, None])
    extinction = np.pi / (interaction_constant(kev) * volt)
    error = off_bragg / extinction  # s = -lambda (g^2 + 2 K.g) / 2
    tilt = -(2 * error / wavelength(kev) + g**2) / (2 * g)
    effective = np.hypot(error, 1 / extinction)
    for thickness in np.linspace(40, 2 * extinction, 9):
        waves = exit_waves(zone, np.array([[tilt, 0.0]]), float(thickness), kev)
        expected = np.sin(np.pi * thickness * effective) ** 2 / (extinction * effective) ** 2
        assert abs(waves[1, 0]) ** 2 == pytest.approx(expected, abs=0.01)


def test_an_unlimited_multislice_conserves_intensity() -> None:
    pixels, size = 64, 0.2
    k = frequencies(pixels, size)
    potential = np.random.default_rng(0).uniform(0, 300, (pixels, pixels))
    phase = np.exp(1j * interaction_constant(100) * potential).astype(np.complex64)
    waves = probes(k, k, 10e-3, 100, np.array([[3.0, 4.0], [6.4, 6.4]]))
    left = multislice(waves, repeat(phase, 40), propagator(k, k, 2.0, 100, limit=np.inf))
    np.testing.assert_allclose(intensities(left).sum(axis=(1, 2)), 1, rtol=1e-4)


@settings(max_examples=4)
@given(st.integers(1, 230), st.sampled_from([100, 190]))
def test_a_zone_loses_only_what_is_scattered_beyond_the_band(space_group: int, kev: int) -> None:
    crystal = random_crystal(space_group, np.random.default_rng(space_group))
    zone = strongest_reflections(crystal)[0]
    zone //= np.gcd.reduce(zone)
    beams = zone_of(crystal, zone_frame(crystal, zone), zone)
    total = (np.abs(exit_waves(beams, np.zeros((1, 2)), 100.0, kev)) ** 2).sum()
    assert 0.7 < total < 1.0001


@settings(max_examples=6)
@given(st.integers(1, 230), st.integers(0, 2))
def test_a_zone_has_the_symmetry_of_the_projected_crystal(space_group: int, view: int) -> None:
    """I(S g, S K) = I(g, K) for each operation that maps the zone axis on itself or its opposite."""
    crystal = random_crystal(space_group, np.random.default_rng(space_group))
    zone = strongest_reflections(crystal)[view]
    zone //= np.gcd.reduce(zone)
    frame = zone_frame(crystal, zone)
    beams = zone_of(crystal, frame, zone)
    tilts = np.array([[0.02, 0.01], [0.0, -0.03], [0.04, 0.035]])
    intensity = np.abs(exit_waves(beams, tilts, 40.0, 120.0)) ** 2
    kept = [rotation for rotation in symmetry_operations(space_group)[0] if not np.cross(rotation @ zone, zone).any()]
    cartesian = crystal.lattice.T @ np.array(kept) @ np.linalg.inv(crystal.lattice.T)
    for flat in np.unique(np.round(frame[:2] @ cartesian @ frame[:2].T, 9), axis=0):
        turned = np.abs(exit_waves(beams, tilts @ flat.T, 40.0, 120.0)) ** 2
        places = np.linalg.norm(beams.g[None] - (beams.g @ flat.T)[:, None], axis=2).argmin(axis=1)
        np.testing.assert_allclose(turned[places], intensity, atol=2e-4)


@pytest.mark.parametrize("zone", [(0, 0, 1), (1, 1, 0), (2, 2, 3), (-2, 6, 1), (3, -5, 2), (4, 0, -3)])
def test_a_zone_has_a_short_basis_of_all_its_reflections(zone: tuple[int, ...]) -> None:
    # For (2, 2, 3) of this hexagonal cell two bases are equally short: rounding errors once changed them for ever.
    rows = [(8.722789265180031, 0.0, 0.0), (-4.361394632590014, 7.554157095504105, 0.0)]
    lattice = np.array([*rows, (4.673045058613172e-16, 8.093951467576695e-16, 7.631661736047859)])
    basis = _zone_basis(np.array(zone), np.linalg.inv(lattice).T)
    assert np.abs(np.cross(*basis)).tolist() == np.abs(zone).tolist()  # one cell of the net: nothing lies between
    short, long = basis @ np.linalg.inv(lattice).T
    assert short @ short <= long @ long + 1e-9
    assert abs(short @ long) <= (0.5 + 1e-5) * (short @ short)


def test_dynamical_diffraction_shows_what_has_a_centre_in_projection() -> None:
    """Friedel pairs are equal for silicon along [110], and not for gallium arsenide, where 002 is not 00-2."""
    asymmetry = []
    for crystal in (silicon(), gallium_arsenide()):
        zone = np.array([1, 1, 0])
        beams = zone_of(crystal, zone_frame(crystal, zone), zone)
        intensity = np.abs(exit_waves(beams, np.zeros((1, 2)), 150.0, 100.0))[:, 0] ** 2
        opposite = np.linalg.norm(beams.g[None] + beams.g[:, None], axis=2).argmin(axis=1)
        asymmetry.append(np.abs(intensity - intensity[opposite]).max())
    assert asymmetry[0] < 1e-5
    assert asymmetry[1] > 1e-3


def test_silicon_along_001_has_the_pattern_of_4mm() -> None:
    crystal, zone = silicon(), np.array([0, 0, 1])
    pattern = cbed_pattern(zone_of(crystal, zone_frame(crystal, zone), zone), semi_angle(3.0), 200.0, 100.0, 129)
    assert pattern.dtype == np.float32
    np.testing.assert_allclose(pattern, np.rot90(pattern), atol=1e-6)
    np.testing.assert_allclose(pattern, pattern[::-1], atol=1e-6)
    assert 0.9 < pattern.sum() <= 1.0001


def test_the_projected_density_counts_the_electrons_of_a_cell() -> None:
    crystal = silicon()
    grid = np.arange(32) / 32 * 5.4309
    density = projected_density(crystal, zone_frame(crystal, np.array([0, 0, 1])), grid, grid, 5.4309)
    assert density.mean() * 5.4309**2 == pytest.approx(8 * 14, rel=1e-3)


def test_the_projected_potential_peaks_at_the_atoms() -> None:
    crystal = silicon()
    frame = zone_frame(crystal, np.array([0, 0, 1]))
    grid = np.linspace(0, 5.4309, 64, endpoint=False)
    potential = projected_potential(crystal, frame, grid, grid, 5.4309)
    row, column = np.unravel_index(potential.argmax(), potential.shape)
    columns = crystal.positions @ crystal.lattice @ frame[:2].T
    away = columns - [grid[column], grid[row]]
    assert np.linalg.norm(away - 5.4309 * np.round(away / 5.4309), axis=1).min() < 0.1


@pytest.mark.parametrize("kev", [100, 200])
@pytest.mark.parametrize("crystal", ["silicon", "rutile"])
def test_boxes_of_atoms_give_the_patterns_of_abtem(crystal: str, kev: int) -> None:
    """Another code, on the same atoms; ``abtem_patterns.npz`` states its settings."""
    with np.load(Path(__file__).parents[1] / "abtem_patterns.npz") as stored:
        positions, symbols = stored[f"{crystal}_positions"].astype(float), stored[f"{crystal}_symbols"]
        expected = stored[f"{crystal}_{kev}_kev"]
    pixels, depth = 96, 50.0
    width = pixels * PIXEL_SIZE
    k = frequencies(pixels, PIXEL_SIZE)
    slices = [transmission(v, kev, k, k) for v in slice_potentials(positions, symbols, width, depth, pixels)]
    waves = multislice(
        probes(k, k, 3e-3, kev, np.full((1, 2), width / 2)), slices, propagator(k, k, depth / len(slices), kev)
    )
    assert np.corrcoef(intensities(waves)[0].ravel(), expected.ravel())[0, 1] > 0.9995


DISKS = {
    "TiO2 [001]": (rutile(), (0, 0, 1), (0, 1, 0), (4.5937, 4.5937), 0.03),
    "GaAs [110]": (gallium_arsenide(), (1, 1, 0), (0, 0, 1), (5.6533 / 2**0.5, 5.6533), 0.06),
    "Au [001]": (gold(), (0, 0, 1), (0, 1, 0), (4.0782 / 2, 4.0782 / 2), 0.15),
    "quartz 152 [211]": (quartz(152), (2, 1, 1), (0, 1, 0), (4.5622, 4.9137), 0.03),
    "quartz 154 [211]": (quartz(154), (2, 1, 1), (0, 1, 0), (4.5622, 4.9137), 0.03),
}
"""Crystal, zone axis, direction of y, edges of the projected cell in angstrom, and the greatest residual."""
TILTS = np.array([[0, 0], [2, 1], [-1, 2]]) / 8
"""In edges of the projected cell's reciprocal cell."""


def frame_of(crystal: Crystal, zone: tuple[int, ...], y_direction: tuple[int, ...]) -> Floats:
    z, y = (np.array(uvw) @ crystal.lattice for uvw in (zone, y_direction))
    z, y = z / np.linalg.norm(z), y / np.linalg.norm(y)
    return np.array([np.cross(y, z), y, z])


def residual(crystal: Crystal, name: str, expected_of: str) -> float:
    """Sum of absolute differences between our disks of a crystal and abTEM's of another, over the sum of abTEM's."""
    _, zone, y_direction, edges, _ = DISKS[name]
    frame = frame_of(crystal, zone, y_direction)
    beams = zone_of(crystal, frame, np.array(zone))
    intensity = (np.abs(exit_waves(beams, TILTS / edges, 100.0, 100.0)) ** 2).mean(axis=1)
    stored = json.loads((Path(__file__).parents[1] / "abtem_disks.json").read_text())[expected_of]
    hkl = np.array([list(map(int, key.split())) for key in stored])
    g = (hkl @ reciprocal(crystal) @ frame.T)[:, :2]
    found = intensity[np.linalg.norm(beams.g[None] - g[:, None], axis=2).argmin(axis=1)]
    expected = np.array(list(stored.values())) / 1e6
    scattered = hkl.any(axis=1)
    return float(np.abs(found - expected)[scattered].sum() / expected[scattered].sum())


@pytest.mark.parametrize("name", DISKS)
def test_zones_give_the_disks_of_abtem(name: str) -> None:
    """Another code with the same mean potential; perf/diffraction.py states its settings and makes its numbers."""
    assert residual(DISKS[name][0], name, name) < DISKS[name][4]


@pytest.mark.parametrize("name", ["GaAs [110]", "quartz 152 [211]", "quartz 154 [211]"])
def test_an_inverted_crystal_gives_other_disks(name: str) -> None:
    crystal = DISKS[name][0]
    inverted = dataclasses.replace(crystal, positions=-crystal.positions % 1.0)
    assert residual(inverted, name, name) > 0.4


def test_a_zone_shows_the_hands_of_quartz() -> None:
    """Not by extinctions, but since [211] of one is no axis of the other: its mirror image is."""
    assert residual(quartz(152), "quartz 152 [211]", "quartz 154 [211]") > 0.4
    assert residual(quartz(154), "quartz 154 [211]", "quartz 152 [211]") > 0.4


def test_a_twofold_axis_saves_work_and_changes_nothing() -> None:
    crystal, zone = rutile(), np.array([0, 0, 1])
    even = zone_of(crystal, zone_frame(crystal, zone), zone)
    assert even.even
    other = gallium_arsenide()
    assert not zone_of(other, zone_frame(other, np.array([1, 1, 0])), np.array([1, 1, 0])).even
    whole = dataclasses.replace(even, even=False)
    tilts = np.random.default_rng(0).uniform(-0.1, 0.1, (400, 2))  # so many that both take the same slabs
    intensities = [np.abs(exit_waves(beams, tilts, 60.0, 150.0)) ** 2 for beams in (even, whole)]
    np.testing.assert_allclose(*intensities, atol=1e-4)  # single precision


def test_a_zone_shows_the_crystal_as_a_box_of_its_atoms_does() -> None:
    """What differs between g and -g, 002 and 00-2 of gallium arsenide, has the same sign in both."""
    crystal, zone, pixels = gallium_arsenide(), np.array([1, 1, 0]), 96
    frame = zone_frame(crystal, zone)
    beams = zone_of(crystal, frame, zone)
    exposure = semi_angle(3.2), 50.0, 100.0, pixels
    step = 2 * K_MAX / pixels
    away = (np.arange(pixels) - pixels // 2) * step
    near = beams.g[np.linalg.norm(beams.g, axis=1) < 1.2]
    asymmetries = []
    for pattern in (cbed_pattern(beams, *exposure), box_pattern(crystal, frame, *exposure, np.random.default_rng(0))):
        disks = np.hypot(away - near[:, :1, None], away[:, None] - near[:, 1:, None]) < 2.2 * step
        intensity = (disks * pattern).sum(axis=(1, 2))
        opposite = np.linalg.norm(near[None] + near[:, None], axis=2).argmin(axis=1)
        asymmetries.append(intensity - intensity[opposite])
    assert np.corrcoef(asymmetries)[0, 1] > 0.9
    assert np.abs(asymmetries[0]).max() > 1e-3


def test_images_show_the_atoms_of_the_crystal_and_not_of_its_inverse() -> None:
    """Gallium is at the origin along [110] of gallium arsenide, arsenic a quarter of c above it."""
    crystal = gallium_arsenide()
    frame = frame_of(crystal, (1, 1, 0), (0, 0, 1))
    y = np.linspace(-2, 2, 81)
    for kind in (projected_potential, projected_density):
        profile = kind(crystal, frame, np.zeros(1), y, 10.0)[:, 0]
        arsenic, beside = profile[np.abs(y - 5.6533 / 4).argmin()], profile[np.abs(y + 5.6533 / 4).argmin()]
        columns = crystal.positions @ crystal.lattice @ frame[:2].T
        at_x = np.abs(columns[:, 0] - 5.6533 / 2**0.5 * np.round(columns[:, 0] / (5.6533 / 2**0.5))) < 1e-6
        of_arsenic = columns[at_x & (np.array(crystal.symbols) == "As"), 1]
        assert (of_arsenic % 5.6533).tolist() == pytest.approx([1.413325] * 2)
        assert arsenic > 3 * beside
