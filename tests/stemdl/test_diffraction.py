"""Quantities of simulations of diffraction, against textbooks; kinematic patterns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stemdl_crystals import gallium_arsenide, silicon

from sciml_datasets.stemdl.crystals import random_crystal
from sciml_datasets.stemdl.diffraction import (
    K_MAX,
    reciprocal,
    relativistic_factor,
    semi_angle,
    strongest_reflections,
    structure_factors,
    wavelength,
    zone_frame,
)
from sciml_datasets.stemdl.kinematic import cbed_pattern


@pytest.mark.parametrize(("kev", "picometre"), [(100, 3.7014), (200, 2.5079), (300, 1.9687)])
def test_the_wavelength_is_the_textbook_one(kev: int, picometre: float) -> None:
    # Williams and Carter, Transmission Electron Microscopy, 2nd ed., table 1.2 (0.00370, 0.00251, 0.00197 nm).
    assert wavelength(kev) * 100 == pytest.approx(picometre, abs=1e-3)


def test_silicon_obeys_the_extinctions_of_diamond() -> None:
    hkl = np.array([[1, 0, 0], [2, 0, 0], [2, 2, 2], [1, 1, 1], [2, 2, 0]])
    size = np.abs(structure_factors(silicon(), hkl))
    assert size[:3] == pytest.approx(0, abs=1e-9)
    assert (size[3:] > 1).all()


def test_the_extinction_distance_of_silicon_111_is_the_textbook_one() -> None:
    # Williams and Carter, table 13.2: 60.2 nm at 100 kV. Ours is 2 % longer, since the atoms vibrate.
    factor = np.abs(structure_factors(silicon(), np.array([[1, 1, 1]])))[0]
    angstrom = np.pi * 5.4309**3 / (relativistic_factor(100) * wavelength(100) * factor)
    assert angstrom / 10 == pytest.approx(60.2, rel=0.05)


def test_the_strongest_reflections_of_silicon_are_those_of_its_powder_diagram() -> None:
    # ICDD 00-027-1402: 111 (100 %), 220 (55 %), 311 (30 %); by |F|^2 without multiplicity 220 comes first.
    families = [sorted(abs(h) for h in hkl) for hkl in strongest_reflections(silicon()).tolist()]
    assert [1, 1, 1] in families
    assert [0, 2, 2] in families


def test_forward_x_ray_scattering_counts_the_electrons() -> None:
    assert structure_factors(silicon(), np.zeros((1, 3), int), "x-rays")[0] == pytest.approx(8 * 14, rel=1e-3)


def test_kinematic_silicon_along_001_has_fourfold_symmetry() -> None:
    crystal = silicon()
    pattern = cbed_pattern(crystal, zone_frame(crystal, np.array([0, 0, 1])), semi_angle(3.0), 100, 200, 129)
    np.testing.assert_allclose(pattern, np.rot90(pattern), atol=1e-9)
    np.testing.assert_allclose(pattern, pattern[::-1, ::-1], atol=1e-9)


def test_kinematic_patterns_obey_friedels_law_even_without_a_centre() -> None:
    crystal = gallium_arsenide()
    pattern = cbed_pattern(crystal, zone_frame(crystal, np.array([1, 1, 0])), semi_angle(3.0), 100, 100, 129)
    np.testing.assert_allclose(pattern, pattern[::-1, ::-1], atol=1e-9)


def test_disks_lie_at_the_reciprocal_lattice_points() -> None:
    crystal, pixels = silicon(), 256
    frame = zone_frame(crystal, np.array([0, 0, 1]))
    pattern = cbed_pattern(crystal, frame, 0.5e-3, 100, 200, pixels)
    g = np.array([2, 2, 0]) @ reciprocal(crystal) @ frame.T
    column, row = np.round(g[:2] / (2 * K_MAX / pixels)).astype(int) + pixels // 2
    assert pattern[row, column] > 0
    assert pattern[row + 6, column] == 0


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.integers(1, 230), st.sampled_from([64, 128]))
def test_a_kinematic_pattern_is_a_distribution_within_the_band_limit(seed: int, space_group: int, pixels: int) -> None:
    crystal = random_crystal(space_group, np.random.default_rng(seed))
    zone = strongest_reflections(crystal)[0]
    frame = zone_frame(crystal, zone // np.gcd.reduce(zone))
    pattern = cbed_pattern(crystal, frame, 3e-3, 100, 100, pixels)
    assert pattern.dtype == np.float32
    assert (pattern >= 0).all()
    assert pattern.sum() == pytest.approx(1, rel=1e-5)
    assert pattern[0, 0] == pattern[-1, -1] == 0
