"""Integrated centre of mass: exact where the theory is, and in step with simulated scans."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets.metrics.integrated_centre_of_mass import (
    best_factor,
    centres_of_mass,
    integrated,
    integrated_centre_of_mass,
)


def spots(rows: np.ndarray, columns: np.ndarray, side: int = 9) -> np.ndarray:
    """Patterns with two bright neighbours along each axis, whose centre of mass is where it is asked for."""
    weights = [
        np.maximum(0, 1 - np.abs(np.arange(side) - side // 2 - place.ravel()[:, None])) for place in (rows, columns)
    ]
    return np.asarray(weights[0][:, :, None] * weights[1][:, None, :])


def test_the_centre_of_mass_is_that_of_what_is_above_the_lowest_pixel() -> None:
    patterns = spots(np.array([0.25, -1.5]), np.array([2.0, 0.5]))
    np.testing.assert_allclose(centres_of_mass(3 * patterns - 7), [[0.25, 2], [-1.5, 0.5]], atol=1e-12)


@given(st.lists(st.floats(-2, 2), min_size=5, max_size=5), st.integers(2, 9), st.integers(2, 9))
def test_a_field_of_second_order_is_integrated_exactly(factors: list[float], rows: int, columns: int) -> None:
    y, x = np.mgrid[:rows, :columns].astype(float)
    a, b, c, d, e = factors
    field = a * y + b * x + c * y * y + d * x * x + e * x * y
    gradient = np.stack([a + 2 * c * y + e * x, b + 2 * d * x + e * y], axis=-1)
    np.testing.assert_allclose(integrated(gradient), field - field.mean(), atol=1e-9)


def test_patterns_that_lean_to_one_side_make_a_slope() -> None:
    y, _ = np.mgrid[:8, :8]
    found = integrated_centre_of_mass(spots(0 * y + 0.5, 0 * y), (32, 32))
    assert found.shape == (32, 32)
    np.testing.assert_allclose(np.diff(found[8:-8, 16]), 0.5 / 4, atol=0.01)  # within the outer two positions
    np.testing.assert_allclose(found, found[:, :1].repeat(32, axis=1), atol=1e-9)
    with pytest.raises(ValueError, match="63 positions: expected a square number"):
        integrated_centre_of_mass(spots(0 * y, 0 * y)[1:], (32, 32))


def test_factor_and_constant_are_those_of_a_straight_line() -> None:
    rng = np.random.default_rng(0)
    pairs = [(x, 3 * x - 2 + 0.1 * rng.normal(size=(5, 5))) for x in rng.normal(size=(6, 5, 5))]
    x, y = (np.concatenate([pair[i].ravel() for pair in pairs]) for i in (0, 1))
    np.testing.assert_allclose(best_factor(pairs), np.polyfit(x, y, 1), rtol=1e-10)


def test_a_position_that_was_not_recorded_gives_no_shift() -> None:
    patterns = np.zeros((4, 5, 5), np.float16)
    patterns[0, 3, 2] = 1
    assert centres_of_mass(patterns).tolist() == [[1, 0], [0, 0], [0, 0], [0, 0]]
    assert best_factor([(np.zeros((2, 2)), np.arange(4.0).reshape(2, 2))]) == (0, 1.5)
