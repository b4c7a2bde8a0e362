"""Regression scores against scikit-learn, SciPy and hand-computed cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from sciml_datasets.metrics.regression import Regression

Arrays = tuple[np.ndarray, np.ndarray]


@st.composite
def pairs(draw: st.DrawFn) -> Arrays:
    """Truth about 0.7 and a prediction of some skill, some of them with many ties."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(3, 300))
    scale = draw(st.sampled_from([0.02, 0.2, 1.0]))
    truth = rng.normal(0.7, scale, count)
    skill = draw(st.sampled_from([-1.0, 0.0, 0.5, 1.0]))
    prediction = 0.7 + skill * (truth - 0.7) + rng.normal(0, draw(st.sampled_from([0.001, 0.1])), count)
    if draw(st.booleans()):
        truth, prediction = np.round(truth, 1), np.round(prediction, 2)
    truth[:2] = 0.7 - scale, 0.7 + scale  # far from constant, which scores are not continuous at
    prediction[:2] = rng.permutation([0.6, 0.8])
    return truth, prediction


def state_of(truth: np.ndarray, prediction: np.ndarray) -> Regression:
    state = Regression()
    state.update(truth, prediction)
    return state


@given(pairs())
def test_scores_agree_with_scikit_learn_and_scipy(arrays: Arrays) -> None:
    result = state_of(*arrays).result()
    assert result["mse"] == pytest.approx(mean_squared_error(*arrays), rel=1e-12)
    assert result["rmse"] == pytest.approx(mean_squared_error(*arrays) ** 0.5, rel=1e-12)
    assert result["mae"] == pytest.approx(mean_absolute_error(*arrays), rel=1e-12)
    assert result["r2"] == pytest.approx(r2_score(*arrays), rel=1e-10, abs=1e-10)
    assert result["pearson"] == pytest.approx(pearsonr(*arrays).statistic, abs=1e-10)


@given(pairs(), st.integers(1, 4), st.integers(0, 10**6))
def test_batching_order_and_workers_do_not_change_the_scores(arrays: Arrays, workers: int, seed: int) -> None:
    truth, prediction = arrays
    merged = Regression()
    for part in np.array_split(np.random.default_rng(seed).permutation(len(truth)), workers):
        merged.merge(state_of(truth[part], prediction[part]))
    whole = state_of(truth, prediction)
    for name, value in whole.result().items():
        assert merged.result()[name] == pytest.approx(value, rel=1e-12, abs=1e-12, nan_ok=True)


def test_a_hand_computed_case() -> None:
    state = Regression()
    state.update(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 2.0, 1.0, 5.0]))
    result = state.result()
    assert result["mse"] == (0 + 1 + 1 + 4) / 4
    assert result["mae"] == (0 + 1 + 1 + 2) / 4
    assert result["r2"] == pytest.approx(1 - 6 / 5)


def test_scores_of_constants_are_undefined() -> None:
    for value in (0.1, 0.7, 3e7):
        constant, varied = np.full(1001, value), np.linspace(0, 1, 1001)
        result = state_of(constant, varied).result()
        assert np.isnan([result["r2"], result["pearson"]]).all()
        result = state_of(varied, constant).result()
        assert np.isnan(result["pearson"])
        assert result["r2"] <= 0


@pytest.mark.parametrize("offset", [300.0, 1e5, -1e8])
@given(seed=st.integers(0, 2**32 - 1), workers=st.integers(1, 50))
@settings(max_examples=20)
def test_an_offset_costs_no_digits(offset: float, seed: int, workers: int) -> None:
    rng = np.random.default_rng(seed)
    truth = offset + rng.normal(size=200)
    prediction = truth + rng.normal(size=200)
    merged = Regression()
    for part in np.array_split(rng.permutation(200), workers):
        merged.merge(state_of(truth[part], prediction[part]))
    result, whole = merged.result(), state_of(truth, prediction).result()
    for name in ("mse", "rmse", "mae", "r2", "pearson"):
        assert result[name] == pytest.approx(whole[name], abs=1e-12), name
    assert result["r2"] == pytest.approx(r2_score(truth, prediction), abs=1e-12)
    assert result["pearson"] == pytest.approx(pearsonr(truth - offset, prediction - offset).statistic, abs=1e-12)


@pytest.mark.parametrize(
    ("prediction", "message"),
    [(np.zeros(3), "shape"), (np.zeros((2, 1)), "shape"), (np.array([0, np.nan]), "prediction holds 1 values")],
)
def test_unusable_predictions_are_refused(prediction: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Regression().update(np.zeros(2), prediction)


def test_no_samples_is_an_error_not_a_zero() -> None:
    with pytest.raises(ValueError, match="no samples"):
        Regression().result()
