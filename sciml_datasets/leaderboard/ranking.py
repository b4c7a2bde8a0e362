"""Boards: the submissions that may be compared, and their order, as pure functions.

Submissions are ranked together where they have the same data, to the last id, and the same criteria. A rank is one more
than the number of submissions that are certainly better, which means that their 95 % interval over seeds is entirely on
the better side. The interval of a single run is a point. So submissions that their seeds cannot distinguish share a
rank.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sciml_datasets.benchmark import Benchmark, Criterion
from sciml_datasets.benchmarks import find
from sciml_datasets.leaderboard.entries import Entry, Score
from sciml_datasets.metrics.result_table import measured


@dataclass(frozen=True, slots=True)
class Ranked:
    """An entry and its rank.

    Attributes:
        entry: the submission.
        rank: rank from 1; several entries may share it.
        tied: whether another entry has the same rank.
    """

    entry: Entry
    rank: int
    tied: bool


@dataclass(frozen=True, slots=True)
class Board:
    """The submissions that may be compared.

    Attributes:
        benchmark: benchmark of the submissions, as it is for their data.
        likeness: facts that the submissions share, by name.
        ranked: the ranked entries, the best first.
    """

    benchmark: Benchmark
    likeness: dict[str, Any]
    ranked: Sequence[Ranked]

    @property
    def name(self) -> str:
        """Name of the data set and the first digits of the hash of all facts that its submissions share."""
        digest = hashlib.sha256(json.dumps(self.likeness, sort_keys=True).encode()).hexdigest()
        return f"{self.likeness['dataset']}-{digest[:8]}"

    @property
    def real(self) -> bool:
        """Whether the data are real, not simulated."""
        return find(self.likeness["dataset"])[1].simulated_samples == 0

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
    def baselines(self) -> dict[str, dict[str, float | None]]:
        """Scores of the trivial predictors by name, from the most trusted submission."""
        best = max((one.entry for one in self.ranked), key=lambda entry: entry.recomputed)
        found: dict[str, dict[str, float | None]] = {}
        for row in best.criteria:
            for name, score in row["baselines"].items():
                found.setdefault(name, {})[row["name"]] = score
        return found


def boards(entries: Sequence[Entry]) -> list[Board]:
    """One board for each group of comparable submissions; in a benchmark, boards of real data come first, and among
    them those of the data to which published values refer."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(json.dumps(entry.likeness, sort_keys=True), []).append(entry)
    found = []
    for group in groups.values():
        benchmark = find(group[0].likeness["dataset"])[0].for_data(group[0].likeness)
        found.append(Board(benchmark, group[0].likeness, rank(group, benchmark.criteria[0])))
    return sorted(found, key=lambda board: (board.benchmark.name, not board.real, not board.original, board.name))


def rank(entries: Sequence[Entry], criterion: Criterion) -> list[Ranked]:
    """Order the entries of one board by a criterion that each of them has; see the module's docstring."""
    sign = 1 if criterion.direction == "higher" else -1
    scores = {entry.path: entry.scores[criterion.name] for entry in entries}

    def better(one: Score, other: Score) -> bool:
        return one.low > other.high if sign > 0 else one.high < other.low

    ranks = {entry.path: 1 + sum(better(other, scores[entry.path]) for other in scores.values()) for entry in entries}
    taken = list(ranks.values())
    ordered = sorted(entries, key=lambda entry: (ranks[entry.path], -sign * scores[entry.path].value, entry.path))
    return [Ranked(entry, ranks[entry.path], taken.count(ranks[entry.path]) > 1) for entry in ordered]
