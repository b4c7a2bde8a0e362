"""Spearman's rho against SciPy and hand-computed cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from sciml_datasets.metrics.rank_correlation import RankCorrelation, midranks

Arrays = tuple[np.ndarray, np.ndarray]


@st.composite
def pairs(draw: st.DrawFn) -> Arrays:
    """Numbers on any range, from AUC to the logarithm of an IC50 and beyond, some of them with many ties."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(2, 300))
    centre, scale = draw(st.sampled_from([(0.7, 0.1), (2.0, 3.0), (-1e8, 1e3), (0, 1e-30), (0, 1e30)]))
    truth = rng.normal(size=count)
    prediction = draw(st.sampled_from([-1.0, 0.0, 0.5, 1.0])) * truth + rng.normal(0, 0.3, count)
    if draw(st.booleans()):
        truth, prediction = np.round(truth, 1), np.round(prediction)
    return centre + scale * truth, centre + scale * prediction


def state_of(truth: np.ndarray, prediction: np.ndarray) -> RankCorrelation:
    state = RankCorrelation(len(truth))
    state.update(np.arange(len(truth)), truth, prediction)
    return state


@given(pairs())
def test_it_agrees_with_scipy(arrays: Arrays) -> None:
    rho = state_of(*arrays).result()["spearman"]
    if np.ptp(arrays[0]) and np.ptp(arrays[1]):
        assert rho == pytest.approx(spearmanr(*arrays).statistic, abs=1e-9)
    else:
        assert np.isnan(rho)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40))
def test_equal_values_share_the_mean_of_their_ranks(values: list[int]) -> None:
    np.testing.assert_array_equal(midranks(np.array(values, float)), rankdata(values))


@given(pairs(), st.integers(1, 4), st.integers(0, 10**6))
def test_batching_order_and_workers_do_not_change_it(arrays: Arrays, workers: int, seed: int) -> None:
    truth, prediction = arrays
    merged = RankCorrelation(len(truth))
    for part in np.array_split(np.random.default_rng(seed).permutation(len(truth)), workers):
        one = RankCorrelation(len(truth))
        one.update(part, truth[part], prediction[part])
        merged.merge(one)
    assert str(merged.result()) == str(state_of(truth, prediction).result())


def test_a_hand_computed_case() -> None:
    rho = state_of(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 2.0, 1.0, 5.0])).result()["spearman"]
    assert rho == pytest.approx(1 - 6 * 2 / (4 * 15))


def test_the_range_of_the_values_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(2, 2, 2000)
    prediction = truth + rng.normal(0, 1, 2000)
    assert state_of(np.exp(truth), 300 + prediction / 7).result() == state_of(truth, prediction).result()


def test_samples_that_were_not_given_do_not_enter() -> None:
    state = RankCorrelation(5)
    state.update([4, 0, 2], [1.0, 2.0, 3.0], [5.0, 6.0, 4.0])
    assert state.result()["spearman"] == pytest.approx(spearmanr([1, 2, 3], [5, 6, 4]).statistic)


def test_a_sample_in_two_workers_is_refused() -> None:
    one, two = RankCorrelation(2), RankCorrelation(2)
    for state in (one, two):
        state.update([1], [0.5], [0.5])
    with pytest.raises(ValueError, match="1 samples were given more than once, the first at position 1"):
        (one + two).result()


def test_no_samples_is_an_error() -> None:
    with pytest.raises(ValueError, match="no samples"):
        RankCorrelation(3).result()
