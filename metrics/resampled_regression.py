"""Scores of many weighted regressions over the same samples, for the bootstrap: the weights are counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.metrics.moments import ratio

Floats = NDArray[np.float64]


class ResampledRegression:
    """Scores of resamples of one regression; the samples are sorted once for all resamples.

    Args:
        truth, prediction: (N,) float64 values.
    """

    def __init__(self, truth: Floats, prediction: Floats) -> None:
        self._order = np.argsort(truth, kind="stable")
        truth, prediction = truth[self._order], prediction[self._order]
        # Values are taken about their means, so that sums of squares keep their digits.
        t, p, error = truth - truth.mean(), prediction - prediction.mean(), truth - prediction
        self._terms = np.stack([t, p, t * t, p * p, t * p, error * error, np.abs(error)])
        self._then = np.argsort(prediction, kind="stable")
        self._runs = _Runs(truth), _Runs(prediction[self._then])

    def scores(self, weights: NDArray[np.int64]) -> dict[str, float]:
        """The scores ``mse``, ``rmse``, ``mae``, ``r2``, ``pearson`` and ``spearman`` as `Regression` and
        `RankCorrelation` define them, up to rounding.

        Args:
            weights: (N,) number of times that each sample counts, not 0 throughout.
        """
        w = weights[self._order].astype(np.float64)
        n = w.sum()
        t, p, tt, pp, tp, squared, absolute = self._terms @ w / n
        spread, width = (self._spread(*of, w) for of in ((0, tt - t * t, tt), (1, pp - p * p, pp)))
        # Ranks less half their number are 0 on average, and 0 throughout for constant values, without rounding.
        u, v = self._runs[0].midranks(w) - n / 2, np.empty_like(w)
        v[self._then] = self._runs[1].midranks(w[self._then]) - n / 2
        wu = w * u
        return {
            "mse": float(squared),
            "rmse": float(np.sqrt(squared)),
            "mae": float(absolute),
            "r2": float(1 - ratio(squared, spread)),
            "pearson": float(np.clip(ratio(tp - t * p, np.sqrt(spread * width)), -1, 1)),
            "spearman": float(np.clip(ratio(wu @ v, np.sqrt(wu @ u) * np.sqrt(w * v @ v)), -1, 1)),
        }

    def _spread(self, row: int, spread: float, square: float, w: Floats) -> Floats:
        """The variance of truth or prediction, exactly 0 where it is constant: small variances are checked again."""
        if spread < 1e-9 * square and np.ptp(self._terms[row, w > 0]) == 0:
            spread = 0.0
        return np.asarray(max(spread, 0.0))


class _Runs:
    """The places at which runs of equal values begin among (N,) ascending values."""

    def __init__(self, values: Floats) -> None:
        self._starts = np.flatnonzero(np.diff(values, prepend=np.nan) != 0)
        self._sizes = np.diff(self._starts, append=len(values))

    def midranks(self, w: Floats) -> Floats:
        """(N,) midranks, less 1/2, among samples that count ``w`` times."""
        if len(self._starts) == len(w):
            return np.cumsum(w) - w / 2
        runs = np.add.reduceat(w, self._starts)
        return np.repeat(np.cumsum(runs) - runs / 2, self._sizes)
