"""Surrogate scores against direct formulas, derivatives known in closed form and hand-computed cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import max_error, root_mean_squared_error

from sciml_datasets.metrics.surrogate import Surrogate, speed_up

Arrays = tuple[np.ndarray, np.ndarray]
SPACING = (0.5, 0.1, 2.0)


@st.composite
def fields(draw: st.DrawFn) -> Arrays:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.lists(st.integers(5, 8), min_size=1, max_size=3))
    truth = draw(st.sampled_from([-1e6, 0.0, 3.0])) + rng.normal(size=(draw(st.integers(1, 6)), *shape))
    return truth, truth + rng.normal(0, 0.3, truth.shape)


def empty(arrays: Arrays) -> Surrogate:
    return Surrogate(SPACING[: arrays[0].ndim - 1])


def state_of(arrays: Arrays) -> Surrogate:
    state = empty(arrays)
    state.update(*arrays)
    return state


def h1(values: np.ndarray) -> float:
    slopes = np.gradient(values, *SPACING[: values.ndim - 1], axis=tuple(range(1, values.ndim)), edge_order=2)
    return float(np.sqrt((values**2).sum() + sum((slope**2).sum() for slope in np.atleast_2d(slopes))))


@given(fields())
def test_scores_agree_with_direct_formulas(arrays: Arrays) -> None:
    truth, prediction = arrays
    result = state_of(arrays).result()
    rmse = root_mean_squared_error(truth.ravel(), prediction.ravel())
    assert result["nrmse"] == pytest.approx(rmse / np.ptp(truth), rel=1e-12)
    assert result["nrmse_std"] == pytest.approx(rmse / truth.std(), rel=1e-10)
    assert result["max_error"] == max_error(truth.ravel(), prediction.ravel())
    assert result["relative_l2"] == pytest.approx(
        np.linalg.norm(truth.ravel() - prediction.ravel()) / np.linalg.norm(truth.ravel()), rel=1e-12
    )
    assert result["relative_h1"] == pytest.approx(h1(truth - prediction) / h1(truth), rel=1e-12)


@settings(max_examples=50)
@given(fields(), st.integers(1, 4), st.integers(0, 10**6))
def test_batching_order_and_workers_do_not_change_the_scores(arrays: Arrays, workers: int, seed: int) -> None:
    truth, prediction = arrays
    merged = empty(arrays)
    for part in np.array_split(np.random.default_rng(seed).permutation(len(truth)), workers):
        worker = empty(arrays)
        worker.update(truth[part], prediction[part])
        merged.merge(worker)
    for name, value in state_of(arrays).result().items():
        assert merged.result()[name] == pytest.approx(value, rel=1e-12), name


@settings(max_examples=20)
@given(fields(), st.sampled_from([300.0, 1e5, -1e8]), st.integers(1, 4))
def test_an_offset_costs_no_digits(arrays: Arrays, offset: float, workers: int) -> None:
    truth, prediction = (array + offset for array in arrays)
    merged = empty(arrays)
    for part in np.array_split(np.arange(len(truth)), workers):
        worker = empty(arrays)
        worker.update(truth[part], prediction[part])
        merged.merge(worker)
    assert merged.result() == pytest.approx(state_of((truth, prediction)).result(), abs=1e-12)
    rmse = root_mean_squared_error(truth.ravel(), prediction.ravel())
    assert merged.result()["nrmse_std"] == pytest.approx(rmse / (truth - offset).std(), rel=1e-12)


def test_relative_h1_converges_to_that_of_known_derivatives() -> None:
    # On [0, 1] |sin(k x)|^2 is 1/2 and the square of its derivative k^2 / 2, for k = 2 pi as for k = 6 pi.
    exact = 0.1 * np.sqrt((1 + 36 * np.pi**2) / (1 + 4 * np.pi**2))
    misses = []
    for points in (201, 401):
        x = np.linspace(0, 1, points)
        truth = np.sin(2 * np.pi * x)
        state = Surrogate((x[1],))
        state.update(truth[None], truth[None] + 0.1 * np.sin(6 * np.pi * x))
        misses.append(abs(state.result()["relative_h1"] - exact))
    assert misses[0] < 0.01
    assert misses[1] < 0.6 * misses[0]


def test_a_hand_computed_case() -> None:
    state = Surrogate((2.0,))
    state.update(np.array([[0.0, 2, 4]]), np.array([[0.0, 2, 1]]))
    result = state.result()  # truth rises by 1 per unit; the error 0, 0, 3 has the slopes -3/4, 3/4, 9/4
    assert result["nrmse"] == pytest.approx(np.sqrt(3) / 4)
    assert result["nrmse_std"] == pytest.approx(np.sqrt(3 / (8 / 3)))
    assert result["max_error"] == 3
    assert result["relative_l2"] == pytest.approx(np.sqrt(9 / 20))
    assert result["relative_h1"] == pytest.approx(np.sqrt((9 + 9 / 16 + 9 / 16 + 81 / 16) / (20 + 3)))


def test_scores_of_constants_are_undefined() -> None:
    state = Surrogate((1.0, 1.0))
    state.update(np.zeros((1, 3, 3)), np.ones((1, 3, 3)))
    result = state.result()
    assert np.isnan([result[name] for name in ("nrmse", "nrmse_std", "relative_l2", "relative_h1")]).all()
    assert result["max_error"] == 1


def test_speed_up_with_and_without_training() -> None:
    assert speed_up(10, 0.1, samples=100, training_seconds=90) == pytest.approx(
        {"speed_up": 100, "speed_up_amortised": 10}
    )
    free = speed_up(3, 2, samples=7)
    assert free["speed_up"] == pytest.approx(free["speed_up_amortised"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"surrogate_seconds": 0}, "surrogate_seconds is 0: give a finite number above 0"),
        ({"simulator_seconds": float("nan")}, "simulator_seconds is nan"),
        ({"samples": 0}, "samples is 0: give a finite number of at least 1"),
        ({"training_seconds": -1}, "training_seconds is -1"),
        ({"training_seconds": float("inf")}, "training_seconds is inf"),
    ],
)
def test_unusable_seconds_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        speed_up(**{"simulator_seconds": 1, "surrogate_seconds": 1, "samples": 1} | change)


@pytest.mark.parametrize("shape", [(2, 4), (2, 4, 2), (4, 4, 4, 4)])
def test_fields_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="2 axes of 3 points"):
        Surrogate((1.0, 1.0)).update(np.zeros(shape), np.zeros(shape))


@pytest.mark.parametrize("spacing", [(), (1.0, 0.0)])
def test_unusable_spacing_is_refused(spacing: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="spacing"):
        Surrogate(spacing)


def test_no_samples_is_an_error_not_a_zero() -> None:
    with pytest.raises(ValueError, match="no samples"):
        Surrogate((1.0,)).result()
