"""Scores of a regression within groups, for example within each drug, where a score over all samples misleads."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sciml_datasets.metrics.array_formats import Format, check_number, checked
from sciml_datasets.metrics.moments import PairedMoments, paired
from sciml_datasets.metrics.state import Additive

MIN_GROUP = 3
"""Least number of samples of a group: two points are always on a line."""


@dataclass(eq=False)
class GroupedRegression(Additive):
    """Sums of each group.

    Attributes:
        num_groups: number of groups; groups are integers from 0.
        moments: moments of each group.

    Example:
        >>> from sciml_datasets.metrics import GroupedRegression
        >>> state = GroupedRegression(num_groups=2)  # two drugs; the second was measured on one cell line
        >>> state.update([0, 0, 0, 1], truth=[0.2, 0.4, 0.9, 0.5], prediction=[0.3, 0.4, 0.8, 0.5])
        >>> scores = state.result()
        >>> round(scores["median_r2"], 3), scores["groups_scored"], scores["groups_left_out"]
        (0.923, 1, 1)
    """

    num_groups: int
    moments: PairedMoments = field(init=False)

    def __post_init__(self) -> None:
        check_number("num_groups", self.num_groups, least=0)
        self.moments = PairedMoments(self.num_groups)

    def update(self, groups: ArrayLike, truth: ArrayLike, prediction: ArrayLike) -> None:
        """Add samples.

        Args:
            groups: (N,) int group of each sample.
            truth: (N,) float true values.
            prediction: (N,) float predicted values, in the same unit.

        Raises:
            ValueError: the shapes differ, a value is no number of the size of float32, or a group is not from 0 to
                num_groups - 1; no sample is added.
        """
        t, p = paired(truth, prediction)
        members = checked("groups", groups, Format("groups", (), "iu", 0, self.num_groups - 1), count=len(t))
        self.moments.update(t, p, members.astype(np.int64))

    def result(self) -> dict[str, float]:
        """The scores.

        - ``median_r2``, ``median_pearson``: median over groups of R2 and of Pearson's r, as `Regression` has them.
        - ``groups_scored``: number of groups in the medians; ``groups_left_out``: number of groups with samples that
          are in neither median, as they have fewer than MIN_GROUP samples or constant truth.
        - ``groups_without_pearson``: number of scored groups with constant predictions, which are in ``median_r2``
          only.

        A median over no groups is NaN: undefined.

        Raises:
            ValueError: no samples were added.
        """
        found = self.moments.statistics()
        scored = (found.samples >= MIN_GROUP) & (found.truth_spread > 0)
        correlations = found.pearson[scored]
        defined = correlations[~np.isnan(correlations)]
        return {
            "median_pearson": _median(defined),
            "median_r2": _median(found.r2[scored]),
            "groups_scored": int(scored.sum()),
            "groups_left_out": int((~scored).sum()),
            "groups_without_pearson": len(correlations) - len(defined),
        }


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if len(values) else np.nan
