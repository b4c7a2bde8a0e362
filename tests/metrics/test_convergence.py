"""Time to convergence."""

from __future__ import annotations

from typing import Any

import pytest

from sciml_datasets.metrics.convergence import time_to_convergence

CLOCKS = {"seconds": [10.0, 20.0, 30.0, 40.0, 50.0], "epochs": [1, 2, 3, 4, 5]}
SCORES = [0.5, 0.92, 0.88, 0.91, 0.93]


def test_the_first_time_at_the_target_counts() -> None:
    assert time_to_convergence(SCORES, 0.9, "higher", CLOCKS) == {"seconds": 20, "epochs": 2}


def test_a_score_that_must_be_held_counts_from_the_first_of_its_evaluations() -> None:
    assert time_to_convergence(SCORES, 0.9, "higher", CLOCKS, hold=2) == {"seconds": 40, "epochs": 4}
    assert time_to_convergence(SCORES, 0.9, "higher", CLOCKS, hold=3) is None


def test_lower_can_be_better() -> None:
    assert time_to_convergence([3, float("nan"), 2, 1, 1], 2, "lower", CLOCKS) == {"seconds": 30, "epochs": 3}


def test_a_target_never_reached_is_none() -> None:
    assert time_to_convergence(SCORES, 0.95, "higher", CLOCKS) is None


def test_clocks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="the clock seconds has 5 values for 2 scores"):
        time_to_convergence([1, 2], 1, "higher", CLOCKS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"direction": "max"}, "the direction 'max' is unknown: expected higher or lower"),
        ({"target": float("nan")}, "the target is nan"),
        ({"hold": 0}, "hold is 0"),
        ({"clocks": {}}, "no clocks"),
        ({"clocks": {"epochs": [1, 2, 3, 2, 5]}}, "the clock epochs runs backwards"),
    ],
)
def test_unusable_arguments_are_refused(change: dict[str, Any], message: str) -> None:
    arguments = {"scores": SCORES, "target": 0.9, "direction": "higher", "clocks": CLOCKS} | change
    with pytest.raises(ValueError, match=message):
        time_to_convergence(**arguments)
