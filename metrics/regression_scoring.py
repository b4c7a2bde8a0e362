"""Scoring of a regression: one number for each sample."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.metrics.array_formats import Format
from sciml_datasets.metrics.exact_sums import LARGEST
from sciml_datasets.metrics.grouped_regression import GroupedRegression
from sciml_datasets.metrics.rank_correlation import RankCorrelation
from sciml_datasets.metrics.regression import Regression
from sciml_datasets.metrics.regression_baselines import additive_baseline, group_mean_baseline, mean_baseline
from sciml_datasets.metrics.resampled_regression import ResampledRegression
from sciml_datasets.metrics.state import Additive
from sciml_datasets.metrics.truth import Truth


@dataclass(eq=False)
class Regressions(Additive):
    """A regression over all samples of a split, and within the groups of each grouping."""

    num_samples: int
    num_groups: tuple[int, ...]
    overall: Regression = field(init=False, default_factory=Regression)
    ranks: RankCorrelation = field(init=False)
    grouped: tuple[GroupedRegression, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.ranks = RankCorrelation(self.num_samples)
        self.grouped = tuple(GroupedRegression(count) for count in self.num_groups)


class RegressionScoring:
    """The scoring of one number for each sample.

    Args:
        truth: truth of the split.
        target: column of the member list with the true number.
        groups: columns with groups of samples, for example drug and cell.
    """

    def __init__(self, truth: Truth, *, target: str, groups: tuple[str, ...]) -> None:
        self._truth, self._target, self._groups = truth, target, groups
        self._targets = truth.numbers(target)
        # Groups are numbered in the order of their names over both splits, so that a training mean finds its group.
        self._names = [sorted({*truth.column(name), *truth.training.column(name)}) for name in groups]
        self._members = [self._indices(truth, name) for name in range(len(groups))]
        sizes = tuple(map(len, self._names))
        self.state = Regressions(len(truth), sizes)
        self.formats: tuple[Format, ...] = (Format(f"values of {target}", (), "f", -LARGEST, LARGEST),)

    def _indices(self, truth: Truth, grouping: int) -> NDArray[np.int64]:
        number = {name: i for i, name in enumerate(self._names[grouping])}
        return np.array([number[name] for name in truth.column(self._groups[grouping])], np.int64)

    def update(self, positions: NDArray[np.int64], predictions: NDArray[Any]) -> None:
        """See `Scoring.update`."""
        self._add(self.state, positions, predictions)

    def _add(self, state: Regressions, positions: NDArray[np.int64], predictions: NDArray[Any]) -> None:
        targets = self._targets[positions]
        state.ranks.update(positions, targets, predictions)
        state.overall.update(targets, predictions)
        for grouped, members in zip(state.grouped, self._members, strict=True):
            grouped.update(members[positions], targets, predictions)

    def result(self) -> dict[str, float]:
        """The scores of `Regression.result`, of `RankCorrelation.result`, and of `GroupedRegression.result` with the
        grouping's name at the end."""
        return self._scores(self.state)

    def resampled(self, weights: NDArray[np.int64]) -> dict[str, float]:
        """The scores of `ResampledRegression.scores`: the medians over groups are left out."""
        return self._resampled.scores(weights)

    @cached_property
    def _resampled(self) -> ResampledRegression:
        return ResampledRegression(self.state.ranks.truth, self.state.ranks.prediction)

    def _scores(self, state: Regressions) -> dict[str, float]:
        scores = state.overall.result() | state.ranks.result()
        for name, grouped in zip(self._groups, state.grouped, strict=True):
            scores |= {f"{key}_{name}": value for key, value in grouped.result().items()}
        return scores

    def baselines(self) -> dict[str, dict[str, float]]:
        """The scores of the mean of the training split, of the mean of each group and, with two groupings, of the sum
        of their effects."""
        training = self._truth.training
        targets = training.numbers(self._target)
        seen = [self._indices(training, i) for i in range(len(self._groups))]
        sizes = self.state.num_groups
        predicted = {"training mean": mean_baseline(targets).predict(len(self._targets))}
        for name, groups, members, size in zip(self._groups, seen, self._members, sizes, strict=True):
            predicted[f"{name} mean"] = group_mean_baseline(groups, targets, size).predict(members)
        if len(self._groups) == 2:
            fitted = additive_baseline(seen[0], seen[1], targets, sizes[0], sizes[1])
            predicted[f"{self._groups[0]} and {self._groups[1]} effects"] = fitted.predict(*self._members)
        found = {}
        for name, values in predicted.items():
            state = Regressions(len(values), sizes)
            self._add(state, np.arange(len(values)), values)
            found[name] = self._scores(state)
        return found

    def scored(self, positions: NDArray[np.int64]) -> bool:
        """All elements are scored."""
        return True

    def details(self) -> dict[str, Any]:
        """Nothing more."""
        return {}
