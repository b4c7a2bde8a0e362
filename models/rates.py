"""The learning rate of each step, a pure function of what has happened: a run that goes on needs no other state."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sciml_datasets.models.recipe import Recipe

WARM_UP_FROM = 25.0
"""The rate begins at this fraction of its highest value."""
PLATEAU_FACTOR = 0.5
PLATEAU_PATIENCE = 5
PLATEAU_SHARE = 1e-3
"""Of the highest value, below which the rate does not fall."""


def learning_rate(recipe: Recipe, step: int, steps: int, errors: Sequence[float]) -> float:
    """The rate of a step.

    It rises linearly during the warm-up; then ``constant`` keeps it, ``cosine`` lets it fall to 0 as half a cosine
    (Loshchilov & Hutter 2017, arXiv 1608.03983), and ``plateau`` halves it whenever five epochs in a row have not
    made the model better.

    Args:
        recipe: highest rate, schedule and share of the warm-up.
        step: number of the step in the run, from 0.
        steps: of the whole run.
        errors: on the validation split after each epoch so far, less is better.
    """
    warm_up = round(steps * recipe.warmup_share)
    highest = recipe.learning_rate
    if step < warm_up:
        low = highest / WARM_UP_FROM
        return low + (highest - low) * step / warm_up
    if recipe.schedule == "cosine":
        return highest * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(steps - warm_up, 1)))
    if recipe.schedule == "plateau":
        return highest * max(PLATEAU_FACTOR ** plateaus(errors), PLATEAU_SHARE)
    return highest


def plateaus(errors: Sequence[float], patience: int = PLATEAU_PATIENCE) -> int:
    """How often ``patience`` epochs in a row brought no lower error."""
    best, waited, found = math.inf, 0, 0
    for error in errors:
        if error < best:
            best, waited = error, 0
            continue
        waited += 1
        if waited == patience:
            found, waited = found + 1, 0
    return found
