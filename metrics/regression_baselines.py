"""Predictors without features, fitted on training arrays: the baselines of regressions.

Targets and predictions are float64 in the same unit; rows, columns and groups are integers from 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.integer]
Floats = NDArray[np.float64]

TOLERANCE = 1e-12
"""Relative tolerance of the least-squares iteration."""


@dataclass(frozen=True)
class MeanBaseline:
    """Predicts the mean of the training targets."""

    mean: float

    def predict(self, count: int) -> Floats:
        """(count,) predictions."""
        return np.full(count, self.mean)


@dataclass(frozen=True, eq=False)
class GroupMeanBaseline:
    """Predicts the mean of the sample's group; ``means`` (num_groups,) hold the overall mean for unseen groups."""

    means: Floats

    def predict(self, groups: Integers) -> Floats:
        """(N,) predictions for (N,) groups."""
        return self.means[groups]


@dataclass(frozen=True, eq=False)
class AdditiveBaseline:
    """Predicts mean + effect of the row + effect of the column; effects (num_rows,) and (num_columns,) are 0 where
    unseen."""

    mean: float
    row_effects: Floats
    column_effects: Floats

    def predict(self, rows: Integers, columns: Integers) -> Floats:
        """(N,) predictions for (N,) rows and (N,) columns."""
        return self.mean + self.row_effects[rows] + self.column_effects[columns]


def mean_baseline(targets: NDArray[np.floating]) -> MeanBaseline:
    """Fit the mean of (N,) targets.

    Raises:
        ValueError: there are no targets.
    """
    return MeanBaseline(_mean(targets))


def group_mean_baseline(groups: Integers, targets: NDArray[np.floating], num_groups: int) -> GroupMeanBaseline:
    """Fit the mean of each of (N,) groups, for example of each drug, to (N,) targets.

    Raises:
        ValueError: there are no targets.
    """
    mean = _mean(targets)
    samples = np.bincount(groups, minlength=num_groups)
    excess = np.bincount(groups, targets - mean, minlength=num_groups)
    return GroupMeanBaseline(mean + excess / np.maximum(samples, 1))


def additive_baseline(
    rows: Integers, columns: Integers, targets: NDArray[np.floating], num_rows: int, num_columns: int
) -> AdditiveBaseline:
    """Fit effects of (N,) rows and of (N,) columns, for example of cells and drugs, to (N,) targets.

    Among all effects with the least sum of squared errors, those of least norm are found by LSQR (Paige & Saunders
    1982, doi:10.1145/355984.355989), without ridge: a row seen once is fitted to its one sample.

    Raises:
        ValueError: there are no targets.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import lsqr

    mean = _mean(targets)
    count = len(targets)
    places = np.stack([rows, columns + num_rows], axis=1).ravel()
    design = csr_array(
        (np.ones(2 * count), places, np.arange(0, 2 * count + 1, 2)), shape=(count, num_rows + num_columns)
    )
    effects = lsqr(design, targets - mean, atol=TOLERANCE, btol=TOLERANCE, conlim=0)[0]
    return AdditiveBaseline(mean, effects[:num_rows], effects[num_rows:])


def _mean(targets: NDArray[np.floating]) -> float:
    if not len(targets):
        raise ValueError("there are no targets to fit: give those of the training split")
    return float(targets.mean(dtype=np.float64))
