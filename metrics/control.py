"""Stability of control: step responses, closed loops, chaos. For benchmarks with a controller.

Conventions: time in seconds, ascending; a response is a scalar signal on those times; states are vectors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Step = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From a state (n,) to the next one."""


def step_response(
    times: ArrayLike, response: ArrayLike, setpoint: float, band: float = 0.02, tail: float = 0.05
) -> dict[str, float]:
    """How a system follows a step of its set point at the first time; definitions as in Ogata, Modern Control
    Engineering (5th edition, section 5-3).

    Args:
        times: (n,) seconds, ascending, not necessarily even; at least two.
        response: (n,) the controlled signal.
        setpoint: the value it should take; the step is from ``response[0]`` to it.
        band: half width of the band around the set point, as a share of the step.
        tail: last part of the record that counts as steady state, as a share of its samples.

    Returns:
        - ``settling_time``: seconds after which the response stays within the band; NaN where it does not.
        - ``overshoot``: how far it goes beyond the set point, as a share of the step; 0 where it does not.
        - ``steady_state_error``: |set point - mean of the tail|, in the signal's unit.
        - ``integral_absolute_error``: integral of |set point - response|, trapezoid, unit times seconds.

    Raises:
        ValueError: the arrays do not fit, times do not ascend, or the response starts at the set point.
    """
    t, y = np.asarray(times, np.float64), np.asarray(response, np.float64)
    if t.ndim != 1 or t.shape != y.shape or len(t) < 2 or not (np.diff(t) > 0).all():
        raise ValueError(
            f"times {t.shape} and response {y.shape}: expected two or more ascending times, one value each"
        )
    step = setpoint - y[0]
    if step == 0:
        raise ValueError(f"the response starts at the set point {setpoint}: there is no step to follow")
    outside = np.flatnonzero(~(np.abs(y - setpoint) <= band * abs(step)))
    last = int(outside[-1]) if len(outside) else -1
    settled = t[last + 1] - t[0] if last + 1 < len(t) else math.nan
    steady = y[-max(1, round(tail * len(y))) :]
    return {
        "settling_time": float(settled),
        "overshoot": float(max(0.0, ((y - setpoint) / step).max())),
        "steady_state_error": float(abs(setpoint - steady.mean())),
        "integral_absolute_error": float(np.trapezoid(np.abs(setpoint - y), t)),
    }


def largest_lyapunov_exponent(
    step: Step, state: ArrayLike, steps: int, dt: float = 1.0, transient: int = 1000, separation: float = 1e-8
) -> float:
    """The mean exponential rate at which neighbouring trajectories part, per unit of time; positive means chaos.

    Method of Benettin, Galgani & Strelcyn 1976 (doi:10.1103/PhysRevA.14.2338): a second trajectory is brought back to
    the given separation after every step, and the logarithms of its growth are averaged.

    Args:
        step: from a state to the next one, ``dt`` later.
        state: (n,) where to start.
        steps: how many to average over; the error falls about as 1 / sqrt(steps).
        dt: time of one step; 1 for a map.
        transient: steps before, to reach the attractor.
        separation: distance of the two trajectories.

    Raises:
        ValueError: a trajectory leaves the finite numbers, or the two become equal.
    """
    x = np.atleast_1d(np.asarray(state, np.float64))
    for _ in range(transient):
        x = step(x)
    direction = np.ones_like(x) / math.sqrt(len(x))
    total = 0.0
    for _ in range(steps):
        neighbour = step(x + separation * direction)
        x = step(x)
        gap = neighbour - x
        distance = float(np.linalg.norm(gap))
        if not (math.isfinite(distance) and distance > 0):
            raise ValueError(f"the trajectories are {distance} apart: the system diverges, or forgets where it was")
        total += math.log(distance / separation)
        direction = gap / distance
    return total / (steps * dt)


def closed_loop_spectral_radius(a: ArrayLike, b: ArrayLike, gain: ArrayLike) -> float:
    """The largest |eigenvalue| of A - B K; a discrete-time loop x' = A x + B u, u = -K x is stable where it is < 1.

    Args:
        a: (n, n) system.
        b: (n, m) input.
        gain: (m, n) feedback K.

    Raises:
        ValueError: the shapes do not fit.
    """
    system, inputs, feedback = (np.asarray(value, np.float64) for value in (a, b, gain))
    size = system.shape[0]
    if system.shape != (size, size) or inputs.shape[:1] != (size,) or feedback.shape != inputs.shape[::-1]:
        raise ValueError(f"A {system.shape}, B {inputs.shape}, K {feedback.shape}: expected (n, n), (n, m), (m, n)")
    return spectral_radius(system - inputs @ feedback)


def spectral_radius(matrix: NDArray[Any]) -> float:
    """The largest |eigenvalue| of a square matrix."""
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def linearised(step: Step, state: ArrayLike, epsilon: float = 1e-6) -> NDArray[np.float64]:
    """(n, n) the Jacobian of a step at a state, by central differences; its `spectral_radius` < 1 means that a fixed
    point there is stable.

    Args:
        step: from a state to the next one, controller included.
        state: (n,) usually a fixed point.
        epsilon: half the distance of the differences, in the state's unit.
    """
    x = np.atleast_1d(np.asarray(state, np.float64))
    moves = epsilon * np.eye(len(x))
    return np.stack([(step(x + move) - step(x - move)) / (2 * epsilon) for move in moves], axis=1)
