"""Time to convergence."""

from __future__ import annotations

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
    with pytest.raises(ValueError, match="hold 0"):
        time_to_convergence(SCORES, 1, "higher", CLOCKS, hold=0)
