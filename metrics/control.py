"""Stability of control: step responses, closed loops, chaos. For benchmarks with a controller.

Conventions: time in seconds, ascending; a response is a scalar signal on those times; states are vectors.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.metrics.array_formats import Format, check_number, checked

Step = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Function from a state (n,) to the next one."""


def step_response(
    times: ArrayLike, response: ArrayLike, setpoint: float, band: float = 0.02, tail: float = 0.05
) -> dict[str, float]:
    """Measures of the response of a system to a step of its set point at the first time; definitions as in Ogata,
    Modern Control Engineering (5th edition, section 5-3).

    Args:
        times: (n,) seconds, ascending, not necessarily even; at least two.
        response: (n,) the controlled signal.
        setpoint: the value it should take; the step is from ``response[0]`` to it.
        band: half width of the band around the set point, as a share of the step, above 0.
        tail: last part of the record that counts as steady state, as a share of its samples, above 0 and up to 1.

    Returns:
        - ``settling_time``: seconds after which the response stays within the band; NaN where it does not.
        - ``overshoot``: largest excess beyond the set point, as a share of the step; 0 where there is none.
        - ``steady_state_error``: |set point - mean of the tail|, in the signal's unit.
        - ``integral_absolute_error``: integral of |set point - response|, trapezoid, unit times seconds.

    Raises:
        ValueError: the arrays do not fit, times do not ascend, the response starts at the set point, a number is out of
            its range, or a value is NaN or infinite, as where a system diverges.

    Example:
        >>> import numpy as np
        >>> from sciml_datasets.metrics import step_response
        >>> times = np.linspace(0, 10, 1001)  # seconds
        >>> found = step_response(times, 1 - np.exp(-times), setpoint=1.0)  # time constant 1 s
        >>> round(found["settling_time"], 2), found["overshoot"], round(found["integral_absolute_error"], 2)
        (3.92, 0.0, 1.0)
    """
    for name, share in (("band", band), ("tail", tail)):
        check_number(name, share, above=0)
    if tail > 1:
        raise InputError(f"tail is {tail}: give a share of the samples, up to 1")
    check_number("setpoint", setpoint)
    signal = Format("numbers", (), "biuf")
    t = checked("times", times, signal).astype(np.float64)
    y = checked("response", response, signal, count=len(t)).astype(np.float64)
    if len(t) < 2 or not (np.diff(t) > 0).all():
        raise InputError(f"times of the shape {t.shape}: expected two or more, ascending")
    step = setpoint - y[0]
    if step == 0:
        raise InputError(f"the response starts at the set point {setpoint}: there is no step to follow")
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
        step: function from a state to the next one, ``dt`` later.
        state: (n,) first state.
        steps: number of steps to average over; the error falls about as 1 / sqrt(steps).
        dt: time of one step; 1 for a map.
        transient: number of steps before these, to reach the attractor.
        separation: distance of the two trajectories.

    Raises:
        ValueError: a number is out of its range, a trajectory leaves the finite numbers, or the two become equal.

    Example:
        >>> import math
        >>> from sciml_datasets.metrics import largest_lyapunov_exponent
        >>> exponent = largest_lyapunov_exponent(lambda x: 4 * x * (1 - x), [0.2], steps=20_000)  # logistic map
        >>> abs(exponent - math.log(2)) < 0.01  # its exact value
        True
    """
    check_number("steps", steps, least=1)
    check_number("transient", transient, least=0)
    check_number("dt", dt, above=0)
    check_number("separation", separation, above=0)
    x = _vector(state)
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
        ValueError: the shapes do not fit, or a value is NaN or infinite.

    Example:
        >>> from sciml_datasets.metrics import closed_loop_spectral_radius
        >>> a, b = [[1.0, 0.1], [0.0, 1.0]], [[0.0], [0.1]]  # position and speed, steps of 0.1 s
        >>> round(closed_loop_spectral_radius(a, b, [[0.0, 0.0]]), 3)  # without control
        1.0
        >>> round(closed_loop_spectral_radius(a, b, [[1.0, 2.0]]), 3)
        0.9
    """
    system, inputs, feedback = (np.array(value, np.float64, ndmin=2) for value in (a, b, gain))
    size = len(system)
    if system.shape != (size, size) or inputs.shape[:1] != (size,) or feedback.shape != inputs.shape[::-1]:
        raise ValueError(f"A {system.shape}, B {inputs.shape}, K {feedback.shape}: expected (n, n), (n, m), (m, n)")
    return spectral_radius(system - inputs @ feedback)


def spectral_radius(matrix: ArrayLike) -> float:
    """The largest |eigenvalue| of a square matrix.

    Raises:
        ValueError: it is not square, has no row, or holds NaN or infinity.

    Example:
        >>> from sciml_datasets.metrics import spectral_radius
        >>> round(spectral_radius([[0.5, 1.0], [0.0, -0.8]]), 3)
        0.8
    """
    square = np.asarray(matrix)
    if not square.size:
        raise InputError(f"a matrix of the shape {square.shape}: expected a square one of one row or more")
    rows = checked("the matrix", square, Format("matrix", (len(square),), "biuf"))
    return float(np.abs(np.linalg.eigvals(rows)).max())


def linearised(step: Step, state: ArrayLike, epsilon: float = 1e-6) -> NDArray[np.float64]:
    """(n, n) the Jacobian of a step at a state, by central differences; its `spectral_radius` < 1 means that a fixed
    point there is stable.

    Args:
        step: function from a state to the next one, controller included.
        state: (n,) state at which to linearise, usually a fixed point.
        epsilon: half the distance of the differences, in the state's unit, above 0.

    Raises:
        ValueError: the state is not finite, or epsilon not above 0.

    Example:
        >>> import numpy as np
        >>> from sciml_datasets.metrics import linearised, spectral_radius
        >>> def swing(state):  # a damped pendulum, a step of 0.1 s
        ...     angle, speed = state  # rad, rad/s
        ...     return np.array([angle + 0.1 * speed, speed - 0.1 * (np.sin(angle) + speed)])
        >>> linearised(swing, [0.0, 0.0]).round(3).tolist()
        [[1.0, 0.1], [-0.1, 0.9]]
        >>> spectral_radius(linearised(swing, [0.0, 0.0])) < 1  # hanging down is stable
        True
    """
    check_number("epsilon", epsilon, above=0)
    x = _vector(state)
    moves = epsilon * np.eye(len(x))
    return np.stack([(step(x + move) - step(x - move)) / (2 * epsilon) for move in moves], axis=1)


def _vector(state: ArrayLike) -> NDArray[np.float64]:
    return checked("the state", np.atleast_1d(np.asarray(state)), Format("numbers", (), "biuf")).astype(np.float64)
