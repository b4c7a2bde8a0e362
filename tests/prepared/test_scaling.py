"""Imputation and standardisation: fitted on other rows, a stored table is as if it had been from the start."""

from __future__ import annotations

import numpy as np
import pytest

from sciml_datasets.scaling import IMPUTED, STANDARDISED, imputed, moments, refitted, standardised

ROWS = np.array([1, 4, 5, 9])


@pytest.fixture
def values() -> np.ndarray:
    """(12, 6) with missing values, of any shift and scale; a column is constant, one is empty among ROWS."""
    rng = np.random.default_rng(0)
    found = (rng.normal(size=(12, 6)) * 10.0 ** np.arange(-2, 4) + [5, 0, -70, 1, 3, 2]).astype(np.float32)
    found[rng.random(found.shape) < 0.2] = np.nan
    found[:, 1] = 3
    found[ROWS, 4] = np.nan
    return found


@pytest.mark.parametrize(("what", "scaled"), [(STANDARDISED, standardised), (IMPUTED, imputed)])
def test_a_table_fitted_again_forgets_what_it_was_fitted_on(what: str, scaled: type, values: np.ndarray) -> None:
    stored, missing = scaled(values, moments(values[:8])), np.isnan(values)
    again = refitted(stored, missing, ROWS, what)
    known = ~(np.isnan(values[ROWS]).all(axis=0))
    expected = scaled(values, moments(values[ROWS]))
    np.testing.assert_allclose(again[:, known], expected[:, known], rtol=2e-5, atol=2e-5)


def test_columns_without_a_value_among_the_rows_keep_their_scale(values: np.ndarray) -> None:
    stored = standardised(values, moments(values[:8]))
    again = refitted(stored, np.isnan(values), ROWS, STANDARDISED)
    np.testing.assert_array_equal(again[ROWS, 4], 0)
    np.testing.assert_array_equal(again[:, 4], stored[:, 4])


def test_rows_that_are_not_fitted_on_decide_nothing(values: np.ndarray) -> None:
    other = values.copy()
    other[[0, 2, 3]] *= 1000
    first, second = (
        refitted(standardised(some, moments(values[ROWS])), np.isnan(some), ROWS, STANDARDISED)
        for some in (values, other)
    )
    np.testing.assert_array_equal(first[ROWS], second[ROWS])
