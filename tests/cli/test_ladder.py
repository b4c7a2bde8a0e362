"""Whether a ladder of predictors means something: rungs in order beyond the spread over seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

PERF = Path(__file__).parents[2] / "perf"


@pytest.fixture
def ladder(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(PERF)
    return pytest.importorskip("ladder")


def rungs(ladder: Any, reference: list[float], spread: float = 0.002) -> list[Any]:
    """A ladder whose reference has these errors, which resamples of the groups move by up to the spread."""
    moved = np.linspace(-spread, spread, 1001)

    def fitted(*values: float, moved: Any = 0 * moved) -> list[Any]:
        return [ladder.Fitted({"mse": value}, {"mse": value + moved}) for value in values]

    return [
        ("trivial", "mean", [ladder.Fitted({"mse": 0.04})]),
        ("trivial", "group mean", [ladder.Fitted({"mse": 0.02})]),
        ("classical", "ridge", fitted(0.03)),
        ("classical", "trees", fitted(0.012, 0.008)),
        ("reference", "network", fitted(*reference, moved=moved)),
    ]


def test_a_ladder_holds_where_seeds_and_resamples_agree(ladder: Any) -> None:
    reported = ladder.verdict(rungs(ladder, [0.007, 0.005]), "mse", "lower")
    assert reported.startswith(
        "trivial < classical < reference holds beyond chance in mse: classical (trees) beats trivial"
    )
    assert (
        "reference (network) beats classical (trees) by 0.0040, 95 % interval over groups 0.0021 to 0.0059." in reported
    )


def test_a_ladder_whose_seeds_overlap_does_not_hold(ladder: Any) -> None:
    reported = ladder.verdict(rungs(ladder, [0.009, 0.005]), "mse", "lower")
    assert "does not hold beyond chance" in reported
    assert "reference (network) does not beat classical (trees)" in reported


def test_a_ladder_whose_groups_are_few_does_not_hold(ladder: Any) -> None:
    reported = ladder.verdict(rungs(ladder, [0.007, 0.005], spread=0.01), "mse", "lower")
    assert "reference (network) does not beat classical (trees) by 0.0040" in reported


def test_resamples_are_paired(ladder: Any) -> None:
    moved = np.random.default_rng(0).normal(scale=0.1, size=1000)
    both = [
        (rung, "x", [ladder.Fitted({"r2": value}, {"r2": value + moved})])
        for rung, value in (("classical", 0.5), ("reference", 0.6))
    ]
    assert "beats classical (x) by 0.1000, 95 % interval over groups 0.1000 to 0.1000" in ladder.verdict(
        both, "r2", "higher"
    )


def test_the_direction_of_the_criterion_counts(ladder: Any) -> None:
    reported = ladder.verdict(rungs(ladder, [0.05]), "mse", "higher")
    assert "classical (ridge) does not beat trivial (mean)" in reported
    assert "reference (network) beats classical (ridge)" in reported


def test_a_mean_is_shown_with_its_range(ladder: Any) -> None:
    assert ladder.shown([0.25]) == "0.2500"
    assert ladder.shown([0.25, 0.75]) == "0.5000 (0.2500 to 0.7500)"
    assert ladder.shown([]) == "-"
