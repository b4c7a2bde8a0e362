"""Regression scores within groups against loops over the groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.metrics import r2_score

from sciml_datasets.metrics.grouped_regression import MIN_GROUP, GroupedRegression

GROUPS = 9
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


@st.composite
def grouped(draw: st.DrawFn) -> Arrays:
    """Values on a grid, so that no group is nearly constant."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(1, 150))
    groups = rng.integers(0, GROUPS, count)
    truth = rng.permutation(count) / count
    return groups, truth, np.argsort(np.argsort(truth + rng.normal(0, 0.3, count))) / count


def state_of(groups: np.ndarray, truth: np.ndarray, prediction: np.ndarray) -> GroupedRegression:
    state = GroupedRegression(GROUPS)
    state.update(groups, truth, prediction)
    return state


@given(grouped())
def test_medians_agree_with_a_loop_over_groups(arrays: Arrays) -> None:
    groups, truth, prediction = arrays
    members = [np.flatnonzero(groups == group) for group in range(GROUPS)]
    members = [member for member in members if len(member) >= MIN_GROUP]
    result = state_of(*arrays).result()
    assert result["groups_scored"] == len(members)
    assert result["groups_left_out"] == len(np.unique(groups)) - len(members)
    if members:
        correlations = [pearsonr(truth[member], prediction[member]).statistic for member in members]
        determinations = [r2_score(truth[member], prediction[member]) for member in members]
        assert result["median_pearson"] == pytest.approx(np.median(correlations), abs=1e-9)
        assert result["median_r2"] == pytest.approx(np.median(determinations), rel=1e-9, abs=1e-9)
    else:
        assert np.isnan([result["median_pearson"], result["median_r2"]]).all()


@given(grouped(), st.integers(1, 4), st.integers(0, 10**6))
def test_batching_order_and_workers_do_not_change_the_scores(arrays: Arrays, workers: int, seed: int) -> None:
    merged = GroupedRegression(GROUPS)
    for part in np.array_split(np.random.default_rng(seed).permutation(len(arrays[0])), workers):
        merged.merge(state_of(*(array[part] for array in arrays)))
    whole = state_of(*arrays)
    for name, value in whole.result().items():
        assert merged.result()[name] == pytest.approx(value, rel=1e-12, abs=1e-12, nan_ok=True)


def test_groups_without_a_score_are_left_out_and_counted() -> None:
    groups = np.repeat([0, 1, 2, 3], [2, 3, 3, 3])
    truth = np.array([0, 1, 0.3, 0.3, 0.3, 0, 1, 2, 0, 1, 2.0])
    prediction = np.array([0, 1, 0, 1, 2, 1.1, 1.1, 1.1, 0, 2, 4.0])
    result = state_of(groups, truth, prediction).result()
    assert result["groups_left_out"] == 2  # group 0 has two samples, group 1 constant truth
    assert result["groups_scored"] == 2
    assert result["groups_without_pearson"] == 1  # group 2 has constant predictions
    assert result["median_pearson"] == pytest.approx(1)
    assert result["median_r2"] == pytest.approx(((1 - 2.03 / 2) + (1 - 5 / 2)) / 2)


@pytest.mark.parametrize("offset", [300.0, 1e5, -1e8])
def test_an_offset_costs_no_digits(offset: float) -> None:
    rng = np.random.default_rng(1)
    groups, truth = rng.integers(0, GROUPS, 500), np.round(offset + rng.normal(size=500), 6)
    prediction = truth + np.round(rng.normal(size=500), 6)
    merged = GroupedRegression(GROUPS)
    for part in np.array_split(rng.permutation(500), 9):
        merged.merge(state_of(groups[part], truth[part], prediction[part]))
    exact = state_of(groups, truth - offset, prediction - offset).result()
    tolerance = 1e-12 + 4 * np.spacing(abs(offset))  # the difference to the offset is itself rounded by so much
    assert merged.result() == pytest.approx(state_of(groups, truth, prediction).result(), abs=1e-12)
    assert merged.result() == pytest.approx(exact, abs=tolerance)


def test_unusable_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="not from 0 to 8"):
        state_of(np.array([-1]), np.zeros(1), np.zeros(1))
    with pytest.raises(ValueError, match=r"groups of the shape \(2,\).*expected \(1,\) integer groups"):
        state_of(np.array([0, 1]), np.zeros(1), np.zeros(1))


def test_no_samples_is_an_error_not_a_zero() -> None:
    with pytest.raises(ValueError, match="no samples"):
        GroupedRegression(GROUPS).result()
