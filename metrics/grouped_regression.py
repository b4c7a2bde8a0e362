"""Scores of a regression within groups, for example within each drug, where a score over all samples misleads."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.metrics.additive import Additive, sums
from sciml_datasets.metrics.moments import NUM_MOMENTS, moments, paired, pearson, r2, truth_spread

MIN_GROUP = 3
"""Samples that a group needs: two points always lie on a line."""


@dataclass(eq=False)
class GroupedRegression(Additive):
    """Sums of each group.

    Attributes:
        num_groups: number of groups; groups are integers from 0.
        shift: a fixed number near the truth's mean, in the truth's unit; see `sciml_datasets.metrics.moments`.
        total: (num_groups, NUM_MOMENTS) float64, moments.
    """

    num_groups: int
    shift: float = 0.0
    total: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.total = sums(self.num_groups, NUM_MOMENTS)

    def update(
        self, groups: NDArray[np.integer], truth: NDArray[np.floating], prediction: NDArray[np.floating]
    ) -> None:
        """Add samples.

        Args:
            groups: (N,) int group of each sample.
            truth: (N,) float.
            prediction: (N,) float, in the same unit.

        Raises:
            ValueError: the shapes differ, a value is NaN or infinite, or a group is not from 0 to num_groups - 1.
        """
        t, p = paired(truth, prediction)
        if groups.shape != t.shape:
            raise ValueError(f"groups have the shape {groups.shape} but truth {t.shape}: give one of each")
        if ((groups < 0) | (groups >= self.num_groups)).any():
            raise ValueError(f"a group is not from 0 to {self.num_groups - 1}")
        np.add.at(self.total, groups, moments(t, p, self.shift))

    def result(self) -> dict[str, float]:
        """The scores.

        - ``median_r2``, ``median_pearson``: median over groups of R2 and of Pearson's r, as `Regression` has them.
        - ``groups_scored``: groups that enter; ``groups_left_out``: groups with samples that enter neither median, as
          they have fewer than MIN_GROUP or constant truth.
        - ``groups_without_pearson``: of the scored, groups with constant predictions, which only ``median_r2`` holds.

        A median over no groups is NaN: undefined.

        Raises:
            ValueError: no samples were added.
        """
        total = self.total[self.total[:, 0] > 0]
        if not len(total):
            raise ValueError("no samples were added: call update first")
        scored = total[(total[:, 0] >= MIN_GROUP) & (truth_spread(total) > 0)]
        correlations = pearson(scored)
        defined = correlations[~np.isnan(correlations)]
        return {
            "median_pearson": _median(defined),
            "median_r2": _median(r2(scored)),
            "groups_scored": len(scored),
            "groups_left_out": len(total) - len(scored),
            "groups_without_pearson": len(scored) - len(defined),
        }


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if len(values) else np.nan
