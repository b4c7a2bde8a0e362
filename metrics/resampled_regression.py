"""Scores of a regression whose samples count a number of times each, many times over: for the bootstrap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.metrics.moments import ratio

Floats = NDArray[np.float64]


class ResampledRegression:
    """Sorts once what each resample needs in order.

    Args:
        truth, prediction: (N,) float64.
    """

    def __init__(self, truth: Floats, prediction: Floats) -> None:
        # About their means, so that sums of squares keep their digits.
        t, p, error = truth - truth.mean(), prediction - prediction.mean(), truth - prediction
        self._terms = np.stack([t, p, t * t, p * p, t * p, error * error, np.abs(error)])
        self._ordered = [_Order(truth), _Order(prediction)]

    def scores(self, weights: NDArray[np.int64]) -> dict[str, float]:
        """``mse``, ``rmse``, ``mae``, ``r2``, ``pearson`` and ``spearman`` as `Regression` and `RankCorrelation` define
        them, to rounding.

        Args:
            weights: (N,) how often each sample counts, not 0 throughout.
        """
        w = weights.astype(np.float64)
        n = w.sum()
        t, p, tt, pp, tp, squared, absolute = self._terms @ w / n
        # Exactly 0 for constants, whose scores are undefined.
        varied = np.ptp(self._terms[:2, weights > 0], axis=1) > 0
        spread, width = np.where(varied, [tt - t * t, pp - p * p], 0.0)
        return {
            "mse": float(squared),
            "rmse": float(np.sqrt(squared)),
            "mae": float(absolute),
            "r2": float(1 - ratio(squared, spread)),
            "pearson": float(np.clip(ratio(tp - t * p, np.sqrt(spread * width)), -1, 1)),
            "spearman": _correlation(self._ordered[0].midranks(w), self._ordered[1].midranks(w), w),
        }


class _Order:
    """The order of values and where each run of equal ones begins."""

    def __init__(self, values: Floats) -> None:
        self._order = np.argsort(values, kind="stable")
        self._starts = np.flatnonzero(np.diff(values[self._order], prepend=np.nan) != 0)
        self._sizes = np.diff(self._starts, append=len(values))

    def midranks(self, w: Floats) -> Floats:
        """(N,) midranks, less 1/2, among samples that count ``w`` times."""
        runs = np.add.reduceat(w[self._order], self._starts)
        ranks = np.empty_like(w)
        ranks[self._order] = np.repeat(np.cumsum(runs) - runs / 2, self._sizes)
        return ranks


def _correlation(u: Floats, v: Floats, w: Floats) -> float:
    u, v = u - w @ u / w.sum(), v - w @ v / w.sum()
    # Midranks are multiples of one half: of constant values they are the mean, without rounding.
    return float(np.clip(ratio(w @ (u * v), np.sqrt(w @ (u * u)) * np.sqrt(w @ (v * v))), -1, 1))
