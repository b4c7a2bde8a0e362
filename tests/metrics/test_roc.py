"""ROC-AUC and average precision from histograms, within their stated error."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import average_precision_score, roc_auc_score

from sciml_datasets.metrics.roc import Ranking

Arrays = tuple[np.ndarray, np.ndarray]


@st.composite
def probabilities(draw: st.DrawFn) -> Arrays:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(2, 300))
    truth = rng.random(count) < draw(st.sampled_from([0.02, 0.3, 0.5, 0.95]))
    truth[:2] = True, False
    values = np.clip(rng.normal(0.4 + 0.2 * truth, 0.3), 0, 1)
    return truth, np.round(values, draw(st.sampled_from([1, 3, 12])))  # rounded ones tie


def state_of(truth: np.ndarray, values: np.ndarray, bits: int = 12) -> Ranking:
    state = Ranking(bits)
    state.update(truth, values)
    return state


def distances(arrays: Arrays, bits: int = 12) -> dict[str, tuple[float, float]]:
    """Distance to scikit-learn's value, and the stated bound, by score."""
    result = state_of(*arrays, bits).result()
    exact = {"roc_auc": roc_auc_score(*arrays), "average_precision": average_precision_score(*arrays)}
    return {name: (abs(result[name] - value), result[f"{name}_error"]) for name, value in exact.items()}


@given(probabilities(), st.sampled_from([0, 1, 4, 8, 12]))
def test_the_exact_value_is_within_the_stated_error(arrays: Arrays, bits: int) -> None:
    for distance, error in distances(arrays, bits).values():
        assert distance <= error + 1e-12


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """As a network computes it, in float32, where it saturates."""
    return np.asarray(expit(logits.astype(np.float32)))


def bfloat16(values: np.ndarray) -> np.ndarray:
    return (values.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


@pytest.mark.parametrize("positives", [0.4, 1e-3], ids=["balanced", "rare"])
@pytest.mark.parametrize(
    ("a", "b"), [(0.01, 0.02), (1, 1e3), (1, 1e6), (0.5, 0.01), (1e3, 1), (1e6, 1), (1e5, 1e5), (1e7, 1e7), (300, 700)]
)
def test_probabilities_that_crowd_are_scored_to_a_thousandth(a: float, b: float, positives: float) -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(100_000) < positives
    better = 1 + 0.3 / min(a**0.5, 1 if a < 1e3 else a**0.5)
    values = np.where(truth, rng.beta(a * better, b, len(truth)), rng.beta(a, b, len(truth))).astype(np.float32)
    for distance, error in distances((truth, values)).values():
        assert distance <= error + 1e-9
        assert error < 1e-3


@pytest.mark.parametrize("centre", [-60, -10, -1, 0, 3, 10])
@pytest.mark.parametrize("spread", [0.05, 1, 5, 30])
def test_outputs_of_networks_are_scored_to_a_thousandth(centre: float, spread: float) -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(100_000) < 0.4
    values = sigmoid(rng.normal(centre + spread * truth, spread))
    for distance, error in distances((truth, values)).values():
        assert distance <= error + 1e-9
        assert error < 1e-3


def test_one_positive_in_a_hundred_thousand() -> None:
    rng = np.random.default_rng(0)
    truth = np.zeros(1_000_000, bool)
    truth[:10] = True
    for distance, error in distances((truth, sigmoid(rng.normal(-5 + 6 * truth, 2)))).values():
        assert distance <= error + 1e-9
        assert error < 1e-3


_TRUTH = np.random.default_rng(1).random(50_000) < 0.4
_LOGITS = np.random.default_rng(2).normal(2 * _TRUTH, 3)


@pytest.mark.parametrize(
    "values",
    [
        np.full(50_000, 0.3, np.float32),
        np.full(50_000, 1 / 3),
        sigmoid(10 * _LOGITS),
        sigmoid(_LOGITS).astype(np.float16),
        bfloat16(sigmoid(_LOGITS)),
        np.round(sigmoid(_LOGITS) * 255) / 255,
        np.round(sigmoid(_LOGITS) * 10) / np.float32(10),
    ],
    ids=["constant", "float64 constant", "saturated", "float16", "bfloat16", "bytes", "votes"],
)
def test_samples_of_one_value_are_known_to_tie(values: np.ndarray) -> None:
    assert len(np.unique(values)) < 50_000
    for distance, error in distances((_TRUTH, values)).values():
        assert distance <= error + 1e-9
        assert error < 1e-5


def test_values_that_only_float64_distinguishes_are_uncertain_and_said_to_be() -> None:
    truth = np.array([True, False])
    result = state_of(truth, np.array([0.3 + 1e-15, 0.3])).result()
    assert (result["roc_auc"], result["roc_auc_error"]) == (0.5, 0.5)
    assert state_of(truth, np.array([0.3, 0.3])).result()["roc_auc_error"] == 0


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=50),
    st.sampled_from([np.float16, np.float32, np.float64]),
    st.sampled_from([0, 3, 12]),
)
def test_a_higher_probability_never_has_a_lower_bin(values: list[float], dtype: type, bits: int) -> None:
    anchors = [0, 0.25, 0.5, 0.75, 1]
    near = [np.nextafter(dtype(anchor), dtype(end)) for anchor in anchors for end in (0, 1)]
    state, places = Ranking(bits), Ranking(bits).places(np.sort(np.array([*values, *anchors, *near], dtype)))
    assert (np.diff(places) >= 0).all()
    assert (places[0], places[-1]) == (0, len(state.histogram) - 1)


@given(st.floats(0, 1, width=32))
def test_zero_half_and_one_have_bins_of_their_own(value: float) -> None:
    places = Ranking().places(np.array([0, 0.5, 1, value], np.float32))
    assert (places[:3] == places[3]).any() == (value in (0, 0.5, 1))


@given(probabilities(), st.integers(1, 4), st.integers(0, 10**6))
def test_batching_order_and_workers_do_not_change_the_state(arrays: Arrays, workers: int, seed: int) -> None:
    truth, values = arrays
    merged = Ranking(3)
    for part in np.array_split(np.random.default_rng(seed).permutation(len(truth)), workers):
        merged.merge(state_of(truth[part], values[part], 3))
    whole = state_of(truth, values, 3)
    np.testing.assert_array_equal(merged.histogram, whole.histogram)
    np.testing.assert_array_equal(merged.extremes, whole.extremes)


def test_without_a_negative_it_is_undefined() -> None:
    assert all(math.isnan(value) for value in state_of(np.array([True]), np.array([0.3])).result().values())


def test_no_samples_is_an_error() -> None:
    with pytest.raises(ValueError, match="no samples"):
        Ranking().result()
