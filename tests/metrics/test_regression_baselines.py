"""Baselines of regression against dense least squares and hand-computed cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets.metrics.regression_baselines import additive_baseline, group_mean_baseline, mean_baseline


def test_the_mean() -> None:
    assert mean_baseline(np.array([1, 2, 6], np.float32)).predict(2).tolist() == [3, 3]


def test_the_mean_of_each_group_or_of_all_where_unseen() -> None:
    fitted = group_mean_baseline(np.array([0, 0, 2]), np.array([1.0, 2, 6]), 4)
    np.testing.assert_allclose(fitted.predict(np.array([2, 0, 1, 3])), [6, 1.5, 3, 3], rtol=1e-15)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_effects_agree_with_dense_least_squares_of_minimum_norm(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns, targets = rng.integers(0, 6, count), rng.integers(0, 8, count), rng.normal(2, 1, count)
    fitted = additive_baseline(rows, columns, targets, 7, 9)  # the last row and column are never seen
    design = np.concatenate([np.eye(7)[rows], np.eye(9)[columns]], axis=1)
    effects = np.linalg.lstsq(design, targets - targets.mean(), rcond=1e-10)[0]
    np.testing.assert_allclose(np.r_[fitted.row_effects, fitted.column_effects], effects, atol=1e-8)
    assert fitted.predict(np.array([6]), np.array([8])) == pytest.approx(targets.mean(), rel=1e-12)


def test_additive_targets_are_found_again() -> None:
    rows, columns = np.divmod(np.arange(30), 6)
    targets = 0.7 + 0.1 * rows - 0.03 * columns**2
    fitted = additive_baseline(rows, columns, targets, 5, 6)
    np.testing.assert_allclose(fitted.predict(rows, columns), targets, atol=1e-10)


@pytest.mark.parametrize("fit", [mean_baseline, lambda none: group_mean_baseline(none.astype(int), none, 2)])
def test_no_targets_is_an_error(fit: object) -> None:
    assert callable(fit)
    with pytest.raises(ValueError, match="no targets"):
        fit(np.array([]))
