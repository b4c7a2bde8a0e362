"""Boards: the submissions that may be compared, and their order, as pure functions.

Submissions are ranked together where they have the same data, to the last id, and the same criteria. What is ranked is
what is certain: the end of the 95 % interval over seeds on the worse side, so that a wide interval is no merit.

- A submission of fewer runs than `rules.FEWEST_RUNS` has no rank.
- A rank is one more than the number of submissions that are certainly better: whose interval, to its worse end, is
  better than the mean of this one. So submissions that their seeds cannot distinguish share a rank.
- Only an informative interval gives that benefit: one that lies within the range of the criterion and, where the data
  are at hand, is better than the best trivial predictor to its worse end. Else the worse end stands in for the mean.

Whoever adds noise to the runs moves the worse end away from the mean, which no rank improves.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sciml_datasets.benchmark import Benchmark, Criterion
from sciml_datasets.benchmarks import find
from sciml_datasets.leaderboard.entries import Entry, Score
from sciml_datasets.metrics.result_table import measured
from sciml_datasets.submissions import rules

Baselines = Mapping[str, Mapping[str, float | None]]
"""Scores of trivial predictors by name."""
ROUNDING = 1e-12
"""An end of an interval that is beyond the range by less is not."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """An entry and its rank.

    Attributes:
        entry: the submission.
        rank: rank from 1; several entries may share it. None for a submission of too few runs.
        tied: whether another entry has the same rank.
    """

    entry: Entry
    rank: int | None
    tied: bool


@dataclass(frozen=True, slots=True)
class Board:
    """The submissions that may be compared.

    Attributes:
        benchmark: benchmark of the submissions, as it is for their data.
        likeness: facts that the submissions share, by name.
        ranked: the ranked entries, the best first; then those without a rank.
        baselines: scores of the trivial predictors, from the data at hand; empty where they are not at hand.
    """

    benchmark: Benchmark
    likeness: dict[str, Any]
    ranked: Sequence[Ranked]
    baselines: Baselines = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the data set and the first digits of the hash of all facts that its submissions share."""
        digest = hashlib.sha256(json.dumps(self.likeness, sort_keys=True).encode()).hexdigest()
        return f"{self.likeness['dataset']}-{digest[:8]}"

    @property
    def real(self) -> bool:
        """Whether the data are real, not simulated."""
        return _real(self.likeness)

    @property
    def original(self) -> bool:
        """Whether published values refer to these data, or to those that a demo imitates: not to another study's."""
        return self.benchmark.is_original(self.likeness)

    @property
    def measured(self) -> str:
        """The predicted quantity with its unit; empty where it is always the same."""
        return measured(self.likeness)

    @property
    def shared(self) -> dict[str, Any]:
        """The facts that the submissions share, in words."""
        return self.likeness | ({"response": self.measured} if self.measured else {})

    @property
    def fewest_runs(self) -> int:
        """The least number of runs of a submission that has a rank."""
        return fewest_runs(self.benchmark.name, real=self.real)


def boards(
    entries: Sequence[Entry], baselines: Callable[[str, Mapping[str, Any]], Baselines] | None = None
) -> list[Board]:
    """One board for each group of comparable submissions; in a benchmark, boards of real data come first, and among
    them those of the data to which published values refer.

    Args:
        entries: the submissions.
        baselines: function of the benchmark's name and of the facts that submissions share, which gives the scores of
            the trivial predictors from the data at hand.
    """
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(json.dumps(entry.likeness, sort_keys=True), []).append(entry)
    found = []
    for group in groups.values():
        likeness = group[0].likeness
        benchmark = find(likeness["dataset"])[0].for_data(likeness)
        primary, trivial = benchmark.criteria[0], baselines(benchmark.name, likeness) if baselines else {}
        fewest = fewest_runs(benchmark.name, real=_real(likeness))
        ranked = rank(group, primary, fewest=fewest, trivial=best_baseline(trivial, primary))
        found.append(Board(benchmark, likeness, ranked, trivial))
    return sorted(found, key=lambda board: (board.benchmark.name, not board.real, not board.original, board.name))


def fewest_runs(benchmark: str, *, real: bool) -> int:
    """The least number of runs of a submission that has a rank."""
    if not real:
        return rules.FEWEST_RUNS_SIMULATED
    return rules.FEWEST_RUNS.get(benchmark, rules.FEWEST_RUNS_OTHERWISE)


def best_baseline(baselines: Baselines, criterion: Criterion) -> float | None:
    """The best score of a trivial predictor; None where there is none."""
    values = [value for scores in baselines.values() if (value := scores.get(criterion.name)) is not None]
    best = max if criterion.direction == "higher" else min
    return best(values) if values else None


def rank(
    entries: Sequence[Entry], criterion: Criterion, *, fewest: int = 1, trivial: float | None = None
) -> list[Ranked]:
    """Order the entries of one board by a criterion that each of them has; see the module's docstring.

    Args:
        entries: the submissions.
        criterion: the criterion.
        fewest: least number of runs of a submission that has a rank.
        trivial: score of the best trivial predictor; None where it is not known.
    """
    sign = 1 if criterion.direction == "higher" else -1

    def certain(score: Score) -> float:
        """The worse end of the interval; more is better."""
        return min(sign * score.low, sign * score.high)

    def informative(score: Score) -> bool:
        low, high = criterion.span
        within = (low is None or score.low >= low - ROUNDING) and (high is None or score.high <= high + ROUNDING)
        return within and (trivial is None or certain(score) > sign * trivial)

    scores = {entry.path: entry.scores[criterion.name] for entry in entries}
    ends = sorted(certain(scores[entry.path]) for entry in entries if entry.runs >= fewest)
    ranks: dict[str, int | None] = {}
    for entry in entries:
        score = scores[entry.path]
        counts = sign * score.value if informative(score) else certain(score)
        ranks[entry.path] = 1 + len(ends) - bisect_right(ends, counts) if entry.runs >= fewest else None
    taken = Counter(ranks.values())

    def order(entry: Entry) -> tuple[bool, int, float, float, str]:
        score, place = scores[entry.path], ranks[entry.path]
        return place is None, place or 0, -certain(score), -sign * score.value, entry.path

    return [
        Ranked(entry, place, place is not None and taken[place] > 1)
        for entry in sorted(entries, key=order)
        for place in [ranks[entry.path]]
    ]


def _real(likeness: Mapping[str, Any]) -> bool:
    return find(str(likeness["dataset"]))[1].simulated_samples == 0
