"""Stability of control, on systems whose answers are known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sciml_datasets.metrics.control import (
    closed_loop_spectral_radius,
    largest_lyapunov_exponent,
    linearised,
    spectral_radius,
    step_response,
)

TIMES = np.linspace(0, 30, 30_001)


def test_a_first_order_system_settles_after_ln_50_time_constants() -> None:
    # y = 1 - exp(-t / T) enters the 2 % band at T ln 50 and its integral of error is T.
    found = step_response(TIMES, 1 - np.exp(-TIMES / 2.0), 1.0)
    assert found["settling_time"] == pytest.approx(2 * math.log(50), abs=2e-3)
    assert found["integral_absolute_error"] == pytest.approx(2.0, abs=1e-5)
    assert found["overshoot"] == 0
    assert found["steady_state_error"] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("damping", [0.2, 0.5, 0.7])
def test_a_second_order_system_overshoots_by_the_textbook_formula(damping: float) -> None:
    # Ogata, Modern Control Engineering, eq. 5-21: exp(-pi z / sqrt(1 - z^2)).
    root = math.sqrt(1 - damping**2)
    response = 1 - np.exp(-damping * TIMES) * (np.cos(root * TIMES) + damping / root * np.sin(root * TIMES))
    assert step_response(TIMES, response, 1.0)["overshoot"] == pytest.approx(
        math.exp(-math.pi * damping / root), abs=1e-5
    )


def test_a_step_down_is_scored_like_a_step_up() -> None:
    up = 1 - np.exp(-TIMES) * np.cos(3 * TIMES)
    assert step_response(TIMES, 5 - 2 * up, 3.0)["overshoot"] == pytest.approx(
        step_response(TIMES, up, 1.0)["overshoot"]
    )


def test_an_offset_is_a_steady_state_error_and_never_settles() -> None:
    found = step_response(TIMES, 0.9 * (1 - np.exp(-TIMES)), 1.0)
    assert found["steady_state_error"] == pytest.approx(0.1, abs=1e-6)
    assert math.isnan(found["settling_time"])


def test_a_response_that_is_not_one_is_refused() -> None:
    with pytest.raises(ValueError, match="ascending"):
        step_response([0, 0], [0, 1], 1)
    with pytest.raises(ValueError, match="no step to follow"):
        step_response([0, 1], [1, 1], 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"response": [0, 1, math.nan]}, "response holds 1 values that are NaN or infinite"),
        ({"response": [0, 1]}, r"response of the shape \(2,\)"),
        ({"times": [0, math.nan, 2]}, "times holds 1 values"),
        ({"setpoint": math.inf}, "setpoint is inf"),
        ({"band": 0}, "band is 0: give a finite number above 0"),
        ({"tail": 2}, "tail is 2: give a share"),
    ],
)
def test_unusable_arguments_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        step_response(**{"times": [0, 1, 2], "response": [0, 1, 1], "setpoint": 1.0} | change)


def test_matrices_and_steps_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"the matrix of the shape \(2, 3\)"):
        spectral_radius(np.ones((2, 3)))
    with pytest.raises(ValueError, match="the matrix holds 1 values that are NaN"):
        closed_loop_spectral_radius([[math.nan]], [[1]], [[1]])
    with pytest.raises(ValueError, match="steps is 0"):
        largest_lyapunov_exponent(lambda x: x, [1.0], 0)
    with pytest.raises(ValueError, match="the state holds 1 values that are NaN"):
        linearised(lambda x: x, [math.nan])


def test_the_logistic_map_at_4_has_exponent_ln_2() -> None:
    found = largest_lyapunov_exponent(lambda x: 4 * x * (1 - x), [0.3123], 20_000)
    assert found == pytest.approx(math.log(2), abs=0.01)


def test_the_henon_map_has_exponent_0_419() -> None:
    # Sprott, Chaos and Time-Series Analysis (2003): 0.41922 for a = 1.4, b = 0.3.
    def henon(x: np.ndarray) -> np.ndarray:
        return np.array([1 - 1.4 * x[0] ** 2 + x[1], 0.3 * x[0]])

    assert largest_lyapunov_exponent(henon, [0.1, 0.1], 20_000) == pytest.approx(0.41922, abs=0.01)


def test_the_lorenz_system_has_exponent_0_906() -> None:
    # Sprott (2003): 0.9056 per unit of time for sigma 10, rho 28, beta 8/3.
    def flow(x: np.ndarray) -> np.ndarray:
        return np.array([10 * (x[1] - x[0]), x[0] * (28 - x[2]) - x[1], x[0] * x[1] - 8 / 3 * x[2]])

    def runge_kutta(x: np.ndarray, dt: float = 0.02) -> np.ndarray:
        a = flow(x)
        b = flow(x + dt / 2 * a)
        c = flow(x + dt / 2 * b)
        return x + dt / 6 * (a + 2 * b + 2 * c + flow(x + dt * c))

    assert largest_lyapunov_exponent(runge_kutta, [1, 1, 1], 25_000, dt=0.02) == pytest.approx(0.9056, abs=0.03)


def test_a_linear_map_has_the_logarithm_of_its_spectral_radius() -> None:
    matrix = np.array([[0.5, 0.3], [0.0, 0.8]])
    found = largest_lyapunov_exponent(lambda x: matrix @ x, [0.0, 0.0], 400, transient=0)
    assert found == pytest.approx(math.log(0.8), abs=2e-3)


def test_a_system_that_diverges_is_refused() -> None:
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(ValueError, match="apart"):
        largest_lyapunov_exponent(lambda x: x**2, [2.0], 100, transient=0)


def test_feedback_places_the_poles_of_a_double_integrator() -> None:
    # x' = [[1, 1], [0, 1]] x + [0, 1] u has the characteristic polynomial z^2 + (k2 - 2) z + 1 - k2 + k1.
    a, b = [[1, 1], [0, 1]], [[0], [1]]
    assert closed_loop_spectral_radius(a, b, [[0, 0]]) == pytest.approx(1, abs=1e-7)
    assert closed_loop_spectral_radius(a, b, [[0.25, 1.0]]) == pytest.approx(0.5, abs=1e-7)
    with pytest.raises(ValueError, match="expected"):
        closed_loop_spectral_radius(a, b, [[1.0]])


def test_a_nonlinear_step_is_linearised_at_its_fixed_point() -> None:
    # The logistic map has the slope 2 - r at its fixed point 1 - 1 / r.
    jacobian = linearised(lambda x: 2.8 * x * (1 - x), [1 - 1 / 2.8])
    assert jacobian == pytest.approx(np.array([[-0.8]]), abs=1e-9)
    assert spectral_radius(jacobian) < 1
