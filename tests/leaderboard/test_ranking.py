"""The order of a board: what is certain counts, a wide interval is no merit, and a rank needs runs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ranked_entries import CRITERION, entry, of_runs

from sciml_datasets.benchmark import Criterion
from sciml_datasets.leaderboard import Entry, boards, rank
from sciml_datasets.leaderboard.ranking import best_baseline, fewest_runs

HIGHER = Criterion(CRITERION, "accuracy", "higher")
LOWER = Criterion(CRITERION, "error", "lower", span=(0.0, None))


def ranks(*entries: Entry, criterion: Criterion = HIGHER, **rule: Any) -> list[tuple[str, int | None, bool]]:
    return [(one.entry.path, one.rank, one.tied) for one in rank(entries, criterion, **rule)]


def test_the_better_score_is_first() -> None:
    assert ranks(entry("a", 0.1), entry("b", 0.2)) == [("b", 1, False), ("a", 2, False)]
    assert ranks(entry("a", 0.1), entry("b", 0.2), criterion=LOWER) == [("a", 1, False), ("b", 2, False)]


def test_equal_scores_and_those_that_seeds_cannot_distinguish_are_ties() -> None:
    assert ranks(entry("a", 0.2), entry("b", 0.2), entry("c", 0.1)) == [("a", 1, True), ("b", 1, True), ("c", 3, False)]
    assert ranks(entry("a", 0.50, 0.02), entry("b", 0.51, 0.02)) == [("b", 1, True), ("a", 1, True)]
    assert ranks(entry("a", 0.50, 0.01), entry("b", 0.55, 0.01)) == [("b", 1, False), ("a", 2, False)]


def test_a_wide_interval_is_no_merit() -> None:
    """The finding: two runs with 0.080 +- 0.73 stood first beside 0.025 +- 0.007."""
    assert ranks(entry("wide", 0.080, 0.73), entry("narrow", 0.025, 0.007)) == [
        ("narrow", 1, False),
        ("wide", 2, False),
    ]
    wide, narrow = entry("wide", 0.025, 0.73), entry("narrow", 0.080, 0.007)
    assert ranks(wide, narrow, criterion=LOWER) == [("narrow", 1, False), ("wide", 2, False)]


def test_an_interval_that_reaches_down_to_a_trivial_predictor_counts_by_its_worse_end() -> None:
    entries = entry("wide", 0.50, 0.45), entry("narrow", 0.45, 0.01)
    assert [found[1] for found in ranks(*entries)] == [1, 1]
    assert ranks(*entries, trivial=0.1) == [("narrow", 1, False), ("wide", 2, False)]


def test_a_rank_needs_as_many_runs_as_the_policy_asks_for() -> None:
    found = ranks(entry("one", 0.9, runs=1), entry("five", 0.5, 0.01), fewest=5)
    assert found == [("five", 1, False), ("one", None, False)]
    assert [fewest_runs(name, real=True) for name in ("cloudmask", "stemdl", "candle_uno")] == [10, 5, 5]
    (board,) = boards([entry("one", 0.9, runs=4)])
    assert board.ranked[0].rank is None


def test_the_best_baseline_is_the_best_of_those_that_have_the_score() -> None:
    baselines = {"a": {CRITERION: 0.1}, "b": {CRITERION: 0.3}, "c": {CRITERION: None}, "d": {}}
    assert best_baseline(baselines, HIGHER) == 0.3
    assert best_baseline(baselines, LOWER) == 0.1
    assert best_baseline({}, HIGHER) is None


scores = st.floats(0.05, 0.95)
interval = st.tuples(scores, st.floats(0, 1))


@given(
    own=st.lists(scores, min_size=2, max_size=6),
    noise=st.floats(1, 20),
    others=st.lists(interval, max_size=5),
    trivial=st.none() | scores,
    criterion=st.sampled_from([HIGHER, LOWER]),
)
def test_noise_that_is_added_to_ones_own_runs_never_improves_ones_rank(
    own: list[float], noise: float, others: list[tuple[float, float]], trivial: float | None, criterion: Criterion
) -> None:
    rivals = [entry(str(i), *one) for i, one in enumerate(others)]
    before, after = (
        {one.entry.path: one.rank for one in rank([of_runs("own", own, factor), *rivals], criterion, trivial=trivial)}[
            "own"
        ]
        for factor in (1, noise)
    )
    assert before is not None
    assert after is not None
    assert after >= before


@pytest.mark.parametrize("number", [3000])
def test_a_large_board_is_ranked_in_little_time(number: int) -> None:
    entries = [entry(str(i), i / number, 0.001) for i in range(number)]
    assert len({place for _, place, _ in ranks(*entries)}) > number / 10
