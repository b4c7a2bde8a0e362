"""The learning rate of each step, a pure function of what has happened: a run that goes on needs no other state."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sciml_datasets.models.recipe import TrainingSettings

WARM_UP_FROM = 25.0
"""The rate begins at this fraction of its value after the warm-up, where the recipe names no first one."""
PLATEAU_FACTOR = 0.5
PLATEAU_PATIENCE = 5
PLATEAU_SHARE = 0.1
"""Share of the value after the warm-up below which the rate does not fall: 1e-5 for CANDLE-UNO's 1e-4. Factor, patience
and this are those of ECP-CANDLE/Benchmarks, Pilot1/Uno/uno_baseline_keras2.py."""
PLATEAU_GAIN = 1e-4
"""Amount by which an error must be less than the best one to count as better: the default of Keras's ReduceLROnPlateau.
In variances of the training split where the recipe is standardised, whose errors are mean squared ones."""


def learning_rate(
    training: TrainingSettings, step: int, steps: int, errors: Sequence[float], spread: float = 1.0
) -> float:
    """The rate of a step.

    It changes linearly to the recipe's value during the warm-up; then ``constant`` keeps it, ``cosine`` lets it fall
    to 0 as half a cosine (Loshchilov & Hutter 2017, arXiv 1608.03983), and ``plateau`` halves it whenever five epochs
    in a row have not made the model better.

    Args:
        training: first rate, the one after the warm-up, schedule and share of the warm-up.
        step: number of the step in the run, from 0.
        steps: number of steps of the whole run.
        errors: errors on the validation split after each epoch so far, less is better.
        spread: standard deviation of the target, in whose square errors are, where the recipe is standardised; else 1.
    """
    warm_up = round(steps * training.warmup_share)
    full = training.learning_rate
    if step < warm_up:
        first = training.first_rate or full / WARM_UP_FROM
        return first + (full - first) * step / warm_up
    if training.schedule == "cosine":
        return full * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(steps - warm_up, 1)))
    if training.schedule == "plateau":
        return full * max(PLATEAU_FACTOR ** plateaus(errors, gain=PLATEAU_GAIN * spread**2), PLATEAU_SHARE)
    return full


def plateaus(errors: Sequence[float], patience: int = PLATEAU_PATIENCE, gain: float = PLATEAU_GAIN) -> int:
    """The number of times that ``patience`` epochs in a row brought no error that was lower by ``gain``."""
    best, waited, found = math.inf, 0, 0
    for error in errors:
        if error < best - gain:
            best, waited = error, 0
            continue
        waited += 1
        if waited == patience:
            found, waited = found + 1, 0
    return found
