"""Time to convergence: how long a run took until its score reached a target and held it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np


def time_to_convergence(
    scores: Sequence[float],
    target: float,
    direction: Literal["higher", "lower"],
    clocks: Mapping[str, Sequence[float]],
    hold: int = 1,
) -> dict[str, float] | None:
    """The clocks at the first evaluation that reached the target and was followed by others that did, ``hold`` in all.

    MLPerf's training benchmarks count until the target is first reached (training_rules.adoc, run results), which is
    ``hold=1``; a noisy score is asked to stay there for longer. The time is that of the first of those evaluations.

    Args:
        scores: (n,) of each evaluation, in order; NaN reaches nothing.
        target: what must be reached.
        direction: whether a score must be at least or at most the target.
        clocks: name to (n,) what had passed at each evaluation: seconds, epochs, samples.
        hold: consecutive evaluations that must reach it, at least 1.

    Returns:
        Clock name to value; None where the target was not reached or not held.

    Raises:
        ValueError: a clock has another length than the scores, or ``hold`` is less than 1.
    """
    values = np.asarray(scores, np.float64)
    if hold < 1:
        raise ValueError(f"hold {hold}: expected at least 1")
    for name, clock in clocks.items():
        if len(clock) != len(values):
            raise ValueError(f"the clock {name} has {len(clock)} values for {len(values)} scores")
    reached = values >= target if direction == "higher" else values <= target
    held = 0
    for i, good in enumerate(reached):
        held = held + 1 if good else 0
        if held == hold:
            return {name: float(clock[i - hold + 1]) for name, clock in clocks.items()}
    return None
