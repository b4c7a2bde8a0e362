"""Time to convergence: the time of a run until its score reached a target and kept it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from sciml_datasets.errors import InputError
from sciml_datasets.metrics.array_formats import Format, check_number, checked


def time_to_convergence(
    scores: Sequence[float],
    target: float,
    direction: Literal["higher", "lower"],
    clocks: Mapping[str, Sequence[float]],
    hold: int = 1,
) -> dict[str, float] | None:
    """The clocks at the first of ``hold`` consecutive evaluations that all reached the target.

    MLPerf's training benchmarks count until the target is first reached (training_rules.adoc, run results), which is
    ``hold=1``; a noisy score has to stay there for longer. The time is that of the first of these evaluations.

    Args:
        scores: (n,) score of each evaluation, in order; NaN does not reach the target.
        target: score to be reached.
        direction: whether a score must be at least or at most the target.
        clocks: name to (n,) amounts that had passed at each evaluation: seconds, epochs, samples.
        hold: number of consecutive evaluations that must reach the target, at least 1.

    Returns:
        Clock name to value; None where the target was not reached or not held.

    Raises:
        ValueError: the direction is unknown, the target is not finite, ``hold`` is less than 1, there are no clocks, or
            a clock has another length than the scores or does not rise.
    """
    if direction not in ("higher", "lower"):
        raise InputError(f"the direction {direction!r} is unknown: expected higher or lower, whichever is better")
    check_number("the target", target)
    check_number("hold", hold, least=1)
    if not clocks:
        raise InputError("no clocks: give one at least, for example seconds")
    values = np.array(scores, np.float64)
    for name, clock in clocks.items():
        if len(clock) != len(values):
            raise InputError(f"the clock {name} has {len(clock)} values for {len(values)} scores")
        if (np.diff(checked(f"the clock {name}", clock, Format("values", (), "biuf"))) < 0).any():
            raise InputError(f"the clock {name} runs backwards: give what had passed at each evaluation")
    reached = values >= target if direction == "higher" else values <= target
    held = 0
    for i, good in enumerate(reached):
        held = held + 1 if good else 0
        if held == hold:
            return {name: float(clock[i - hold + 1]) for name, clock in clocks.items()}
    return None
