"""Scores of a regression: predicted numbers against true ones, over all samples."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.metrics.additive import Additive, counts, sums
from sciml_datasets.metrics.moments import NUM_MOMENTS, Floats, mae, moments, mse, paired, pearson, r2


@dataclass(eq=False)
class Regression(Additive):
    """Sums and a joint histogram from which every score follows.

    Attributes:
        shift: a fixed number near the truth's mean, in the truth's unit; see `sciml_datasets.metrics.moments`.
        low: lower end of the histogram, in the truth's unit; values below it enter the first bin.
        high: upper end; values above it enter the last bin. The more values lie outside, the wider Spearman's bound.
        bins: of the histogram, along each axis: Spearman's correlation is that of the bins' numbers.
        total: (NUM_MOMENTS,) float64, moments.
        joint: (bins, bins) int64 samples by the bin of the truth and of the prediction.
    """

    shift: float = 0.0
    low: float = 0.0
    high: float = 1.0
    bins: int = 512
    total: NDArray[np.float64] = field(init=False)
    joint: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"low={self.low} is not below high={self.high}: give the range of most values")
        self.total = sums(NUM_MOMENTS)
        self.joint = counts(self.bins, self.bins)

    def update(self, truth: NDArray[np.floating], prediction: NDArray[np.floating]) -> None:
        """Add samples.

        Args:
            truth: (N,) float.
            prediction: (N,) float, in the same unit.

        Raises:
            ValueError: the shapes differ, or a value is NaN or infinite.
        """
        t, p = paired(truth, prediction)
        self.total += moments(t, p, self.shift).sum(axis=0)
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
        if not self.total[0]:
            raise ValueError("no samples were added: call update first")
        spearman, error = binned_spearman(self.joint)
        return {
            "mse": float(mse(self.total)),
            "rmse": float(np.sqrt(mse(self.total))),
            "mae": float(mae(self.total)),
            "r2": float(r2(self.total)),
            "pearson": float(pearson(self.total)),
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
