"""Entries of a leaderboard with given scores, for tests of their order."""

from __future__ import annotations

from sciml_datasets.leaderboard import Entry
from sciml_datasets.leaderboard.entries import Score
from sciml_datasets.metrics.cross_validation import summarise

LIKENESS = {"dataset": "stemdl", "plan_digest": "a"}
CRITERION = "top1_accuracy"


def entry(path: str, value: float, spread: float = 0, *, runs: int = 5, **likeness: str) -> Entry:
    """An entry with a mean and half the width of its interval."""
    return Entry(
        path=path,
        likeness=LIKENESS | likeness,
        scores={CRITERION: Score(value, value - spread, value + spread)},
        model="m",
        parameters=None,
        runs=runs,
        date="2026-01-01",
        seconds=None,
        target_seconds=None,
        hardware="",
        recomputed=False,
        contribution="",
    )


def of_runs(path: str, scores: list[float], noise: float = 1) -> Entry:
    """An entry with the mean and the interval of the scores of its runs, whose spread around the mean has a factor."""
    summary = summarise(scores)
    return entry(path, summary["mean"], noise * (summary["high"] - summary["low"]) / 2, runs=len(scores))
