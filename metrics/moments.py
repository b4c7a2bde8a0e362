"""Truth and prediction side by side: the sums from which Pearson's r and R2 follow.

Squares are summed about a fixed number near the truth's mean, the shift, so that little cancels when the square of the
mean is taken off. What rounding has left of a spread below ROUNDING of the squares (a standard deviation below a
millionth of the distance between mean and shift) counts as no spread: the values are constant.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-12
NUM_MOMENTS = 8
Floats = NDArray[np.float64]


def paired(truth: NDArray[np.generic], prediction: NDArray[np.generic]) -> tuple[Floats, Floats]:
    """Both as float64.

    Raises:
        ValueError: the shapes differ, or a value is NaN or infinite.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"truth has the shape {truth.shape} but prediction {prediction.shape}: give one of each")
    both = truth.astype(np.float64), prediction.astype(np.float64)
    for name, values in zip(("truth", "prediction"), both, strict=True):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds {np.count_nonzero(~np.isfinite(values))} values that are NaN or infinite")
    return both


def ratio(part: Floats, whole: Floats) -> Floats:
    """Elementwise part / whole, NaN where whole is 0: undefined."""
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) != 0))


def moments(truth: Floats, prediction: Floats, shift: float) -> Floats:
    """(..., NUM_MOMENTS) 1, t, p, t^2, p^2, t p, (t - p)^2, |t - p| of each sample less the shift; they add."""
    t, p = truth - shift, prediction - shift
    error = truth - prediction
    return np.stack([np.ones_like(t), t, p, t * t, p * p, t * p, error * error, np.abs(error)], axis=-1)


def mse(total: Floats) -> Floats:
    """(...) mean squared error of (..., NUM_MOMENTS) added moments."""
    return np.asarray(total[..., 6] / total[..., 0])


def mae(total: Floats) -> Floats:
    """(...) mean absolute error of (..., NUM_MOMENTS) added moments."""
    return np.asarray(total[..., 7] / total[..., 0])


def pearson(total: Floats) -> Floats:
    """(...) Pearson's r, -1 to 1, of (..., NUM_MOMENTS) added moments; NaN where truth or prediction is constant."""
    n, t, p, tt, pp, tp = np.moveaxis(total[..., :6], -1, 0)
    scale = np.sqrt(_spread(n, t, tt)) * np.sqrt(_spread(n, p, pp))
    return ratio(tp - t * p / n, scale).clip(-1, 1)


def r2(total: Floats) -> Floats:
    """(...) R2 = 1 - sum (t - p)^2 / sum (t - mean t)^2 of (..., NUM_MOMENTS) added moments; NaN for constant truth."""
    return 1 - ratio(total[..., 6], truth_spread(total))


def truth_spread(total: Floats) -> Floats:
    """(...) sum of (t - mean t)^2 of (..., NUM_MOMENTS) added moments, 0 where truth is constant."""
    return _spread(total[..., 0], total[..., 1], total[..., 3])


def _spread(n: Floats, linear: Floats, squares: Floats) -> Floats:
    about_mean = squares - linear * linear / n
    return np.where(about_mean > ROUNDING * squares, about_mean, 0)
