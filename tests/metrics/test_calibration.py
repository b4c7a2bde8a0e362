"""Brier score and expected calibration error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from sciml_datasets.metrics.calibration import Calibration

seeds = st.integers(0, 2**32 - 1)


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    values = rng.random(rng.integers(1, 300)).astype(np.float32)
    return rng.random(len(values)) < values**2, values


def state_of(truth: np.ndarray, values: np.ndarray) -> Calibration:
    state = Calibration()
    state.update(truth, values)
    return state


@given(seeds)
def test_the_brier_score_is_scikit_learns(seed: int) -> None:
    truth, values = drawn(seed)
    expected = brier_score_loss(truth, values.astype(np.float64), pos_label=True)
    assert state_of(truth, values).result()["brier"] == pytest.approx(expected, abs=1e-12)


@given(seeds)
def test_the_calibration_error_is_that_of_a_loop_over_bins(seed: int) -> None:
    truth, values = drawn(seed)
    expected = 0.0
    for low, high in zip(np.arange(15) / 15, np.arange(1, 16) / 15, strict=True):
        inside = (values.astype(np.float64) > low) & (values.astype(np.float64) <= high)
        if inside.any():
            expected += inside.mean() * abs(truth[inside].mean() - values[inside].astype(np.float64).mean())
    assert state_of(truth, values).result()["ece"] == pytest.approx(expected, abs=1e-12)


def test_a_hand_computed_case() -> None:
    # Two samples at 0.8, one of them positive: the gap is 0.3. Two at 0.1, both negative: 0.1. Mean 0.2.
    state = state_of(np.array([True, False, False, False]), np.array([0.8, 0.8, 0.1, 0.1]))
    assert state.result()["ece"] == pytest.approx(0.2)
    assert state.result()["brier"] == pytest.approx((0.04 + 0.64 + 0.01 + 0.01) / 4)
    table = state.reliability()
    np.testing.assert_allclose(table[~np.isnan(table[:, 0])], [[0.1, 0, 2], [0.8, 0.5, 2]])


@given(seeds, st.integers(1, 4))
def test_batching_order_and_workers_do_not_change_the_scores(seed: int, workers: int) -> None:
    truth, values = drawn(seed)
    merged = Calibration()
    for part in np.array_split(np.random.default_rng(seed).permutation(len(truth)), workers):
        merged.merge(state_of(truth[part], values[part]))
    assert merged.result() == pytest.approx(state_of(truth, values).result(), abs=1e-12)


def test_no_samples_is_an_error() -> None:
    with pytest.raises(ValueError, match="no samples"):
        Calibration().result()
