"""Scores of a regression: predicted numbers against true ones, over all samples."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sciml_datasets.metrics.additive import Additive, counts
from sciml_datasets.metrics.exact_sums import Floats
from sciml_datasets.metrics.formats import check_number
from sciml_datasets.metrics.moments import Moments, paired


@dataclass(eq=False)
class Regression(Additive):
    """Sums and a joint histogram from which every score follows.

    Attributes:
        low: lower end of the histogram, in the truth's unit; values below it enter the first bin.
        high: upper end; values above it enter the last bin. The more values lie outside, the wider Spearman's bound.
        bins: of the histogram, along each axis: Spearman's correlation is that of the bins' numbers.
        moments: of all samples.
        joint: (bins, bins) int64 samples by the bin of the truth and of the prediction.
    """

    low: float = 0.0
    high: float = 1.0
    bins: int = 512
    moments: Moments = field(init=False, default_factory=Moments)
    joint: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        check_number("bins", self.bins, least=1)
        check_number("high - low", self.high - self.low)
        if not self.low < self.high:
            raise ValueError(f"low={self.low} is not below high={self.high}: give the range of most values")
        self.joint = counts(self.bins, self.bins)

    def update(self, truth: ArrayLike, prediction: ArrayLike) -> None:
        """Add samples.

        Args:
            truth: (N,) float.
            prediction: (N,) float, in the same unit.

        Raises:
            ValueError: the shapes differ, or a value is no number of the size of float32; none is added.
        """
        t, p = paired(truth, prediction)
        self.moments.update(t, p)
        np.add.at(self.joint, (self._bin(t), self._bin(p)), 1)

    def _bin(self, values: Floats) -> NDArray[np.int64]:
        share = (np.clip(values, self.low, self.high) - self.low) / (self.high - self.low)
        return np.minimum((share * self.bins).astype(np.int64), self.bins - 1)

    def result(self) -> dict[str, float]:
        """The scores, with truth t and prediction p.

        - ``mse`` mean (t - p)^2 in the truth's unit squared, ``rmse`` its root and ``mae`` mean |t - p| in that unit.
        - ``r2``: coefficient of determination, 1 - sum (t - p)^2 / sum (t - mean t)^2, scikit-learn's r2_score; NaN,
          undefined, for constant truth.
        - ``pearson``: Pearson's r; NaN, undefined, where truth or prediction is constant.
        - ``spearman``: Spearman's rho (Spearman 1904, doi:10.2307/1412159), Pearson's r of midranks, of the binned
          values; NaN, undefined, where truth or prediction fills one bin only.
        - ``spearman_error``: bound on the distance of ``spearman`` to the rho of the values; see `binned_spearman`.

        Raises:
            ValueError: no samples were added.
        """
        found = self.moments.statistics()
        spearman, error = binned_spearman(self.joint)
        return {
            "mse": float(found.mse[0]),
            "rmse": float(np.sqrt(found.mse[0])),
            "mae": float(found.mae[0]),
            "r2": float(found.r2[0]),
            "pearson": float(found.pearson[0]),
            "spearman": spearman,
            "spearman_error": error,
        }


def binned_spearman(joint: NDArray[np.int64]) -> tuple[float, float]:
    """Spearman's rho of binned values, and a bound on its distance to that of the values themselves.

    The samples of a bin hold consecutive ranks, so its midrank is the mean of theirs, ties or not: over samples, the
    centred vector u of midranks of bins is the projection of the vector x of midranks of values on vectors constant in
    each bin. Hence x lies at the angle a = atan(|x - u| / |u|) to u, where |x - u|^2 is at most the sum over bins of
    n (n^2 - 1) / 12 for n samples, attained without ties; likewise b for the prediction. rho is the cosine of the angle
    between two such vectors, and angles obey the triangle inequality: binning turns that angle by at most a + b.
    The bound is exact up to rounding of float64.

    Args:
        joint: (R, C) int64 samples by bin of the one and of the other, in ascending order.

    Returns:
        rho and the bound, both NaN where all samples lie in one row or in one column.
    """
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    across, down = _centred_midranks(rows), _centred_midranks(columns)
    length, width = float(np.sqrt(rows @ across**2)), float(np.sqrt(columns @ down**2))
    if not length or not width:
        return np.nan, np.nan
    rho = float(np.clip(across @ joint @ down / length / width, -1, 1))
    turn = np.arctan2(_longest_remainder(rows), length) + np.arctan2(_longest_remainder(columns), width)
    angle = np.arccos(rho)
    nearest, farthest = np.cos(max(angle - turn, 0)), np.cos(min(angle + turn, np.pi))
    return rho, float(max(nearest - rho, rho - farthest))


def _centred_midranks(samples: NDArray[np.int64]) -> Floats:
    """(bins,) midrank of each bin less the mean rank."""
    return np.asarray(np.cumsum(samples) - samples / 2 - samples.sum() / 2)


def _longest_remainder(samples: NDArray[np.int64]) -> float:
    """The largest possible norm of the ranks less their bins' midranks."""
    n = samples.astype(np.float64)
    return float(np.sqrt((n * (n * n - 1)).sum() / 12))
