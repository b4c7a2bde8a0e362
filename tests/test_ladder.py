"""Whether a ladder of predictors means something: rungs in order beyond the spread over seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

PERF = Path(__file__).parent.parent / "perf"


@pytest.fixture
def ladder(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(PERF)
    return pytest.importorskip("ladder")


def rungs(reference: list[float]) -> list[tuple[str, str, list[dict[str, float]]]]:
    return [
        ("trivial", "mean", [{"mse": 0.04}]),
        ("trivial", "group mean", [{"mse": 0.02}]),
        ("classical", "ridge", [{"mse": 0.03}]),
        ("classical", "trees", [{"mse": 0.012}, {"mse": 0.008}]),
        ("reference", "network", [{"mse": value} for value in reference]),
    ]


def test_a_ladder_holds_where_the_worst_seed_beats_the_best_one_below(ladder: Any) -> None:
    assert ladder.verdict(rungs([0.007, 0.005]), "mse", "lower") == (
        "trivial < classical < reference holds beyond the spread in mse: classical (trees) beats trivial (group mean); "
        "reference (network) beats classical (trees)."
    )


def test_a_ladder_whose_seeds_overlap_does_not_hold(ladder: Any) -> None:
    assert ladder.verdict(rungs([0.009, 0.005]), "mse", "lower") == (
        "trivial < classical < reference does not hold beyond the spread in mse: classical (trees) beats trivial "
        "(group mean); reference (network) does not beat classical (trees)."
    )


def test_the_direction_of_the_criterion_counts(ladder: Any) -> None:
    told = ladder.verdict(rungs([0.05]), "mse", "higher")
    assert "classical (ridge) does not beat trivial (mean); reference (network) beats classical (ridge)" in told


def test_a_mean_is_shown_with_its_range(ladder: Any) -> None:
    assert ladder.shown([0.25]) == "0.2500"
    assert ladder.shown([0.25, 0.75]) == "0.5000 (0.2500 to 0.7500)"
    assert ladder.shown([]) == "-"
