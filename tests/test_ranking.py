"""ROC-AUC and average precision from histograms, within their stated error."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from sciml_datasets.metrics.ranking import Ranking

Arrays = tuple[np.ndarray, np.ndarray]


@st.composite
def probabilities(draw: st.DrawFn) -> Arrays:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(2, 300))
    truth = rng.random(count) < draw(st.sampled_from([0.02, 0.3, 0.5, 0.95]))
    truth[:2] = True, False
    values = np.clip(rng.normal(0.4 + 0.2 * truth, 0.3), 0, 1)
    return truth, np.round(values, draw(st.sampled_from([1, 3, 12])))  # rounded ones tie


def state_of(truth: np.ndarray, values: np.ndarray, bins: int = 4096) -> Ranking:
    state = Ranking(bins)
    state.update(truth, values)
    return state


@given(probabilities(), st.sampled_from([1, 4, 64, 1000, 4096]))
def test_the_exact_value_is_within_the_stated_error(arrays: Arrays, bins: int) -> None:
    result = state_of(*arrays, bins).result()
    assert abs(result["roc_auc"] - roc_auc_score(*arrays)) <= result["roc_auc_error"] + 1e-12
    exact = average_precision_score(*arrays)
    assert abs(result["average_precision"] - exact) <= result["average_precision_error"] + 1e-12


def test_many_samples_leave_a_small_error() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(200_000) < 0.4
    result = state_of(truth, np.clip(rng.normal(0.4 + 0.2 * truth, 0.2), 0, 1)).result()
    assert result["roc_auc_error"] < 2e-4
    assert result["average_precision_error"] < 5e-4


@given(probabilities(), st.integers(1, 4), st.integers(0, 10**6))
def test_batching_order_and_workers_do_not_change_the_state(arrays: Arrays, workers: int, seed: int) -> None:
    truth, values = arrays
    merged = Ranking()
    for part in np.array_split(np.random.default_rng(seed).permutation(len(truth)), workers):
        merged.merge(state_of(truth[part], values[part]))
    np.testing.assert_array_equal(merged.histogram, state_of(truth, values).histogram)


def test_without_a_negative_it_is_undefined() -> None:
    assert all(math.isnan(value) for value in state_of(np.array([True]), np.array([0.3])).result().values())


def test_no_samples_is_an_error() -> None:
    with pytest.raises(ValueError, match="no samples"):
        Ranking().result()
