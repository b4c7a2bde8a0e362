"""Scores of folds in one summary."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sciml_datasets.metrics.cross_validation import summarise

SCORES = [0.71, 0.74, 0.69, 0.80, 0.75]


def test_the_summary_agrees_with_scipy() -> None:
    found = summarise(SCORES, 0.9)
    assert found["mean"] == pytest.approx(np.mean(SCORES), abs=1e-12)
    assert found["standard_deviation"] == pytest.approx(np.std(SCORES, ddof=1), abs=1e-12)
    assert found["standard_error"] == pytest.approx(stats.sem(SCORES), abs=1e-12)
    expected = stats.t.interval(0.9, len(SCORES) - 1, loc=np.mean(SCORES), scale=stats.sem(SCORES))
    assert (found["low"], found["high"]) == pytest.approx(expected, abs=1e-12)
    assert (found["count"], found["min"], found["max"]) == (5, 0.69, 0.80)


def test_a_hand_computed_interval() -> None:
    # 1, 2, 3: mean 2, s = 1, standard error 1 / sqrt(3), t(2; 0.975) = 4.302653 (any table of Student's t).
    found = summarise([1, 2, 3])
    assert found["high"] == pytest.approx(2 + 4.302653 / 3**0.5, abs=1e-6)


def test_overlapping_folds_widen_the_interval_as_nadeau_and_bengio_say() -> None:
    corrected = summarise(SCORES, test_share=0.2)
    assert corrected["standard_error"] == pytest.approx(np.std(SCORES, ddof=1) * (1 / 5 + 0.2 / 0.8) ** 0.5, abs=1e-12)


@pytest.mark.parametrize(("scores", "options"), [([1.0], {}), ([1.0, np.nan], {}), (SCORES, {"confidence": 1.0})])
def test_what_has_no_spread_is_refused(scores: list[float], options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"at least two|not finite|between 0 and 1"):
        summarise(scores, **options)
