"""Scores of several folds, or of several runs with other seeds, in one summary."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def summarise(scores: Sequence[float], confidence: float = 0.95, test_share: float | None = None) -> dict[str, float]:
    """Mean, spread and confidence interval.

    The interval is Student's t: mean +- t * standard error with n - 1 degrees of freedom. Folds share training samples,
    so their scores are not independent and the plain interval is too narrow; with ``test_share`` the standard error is
    the corrected one of Nadeau & Bengio 2003 (doi:10.1023/A:1024068626366), sqrt((1 / n + r) s^2), where r is the
    number of test samples over that of training samples.

    Args:
        scores: (n,) one for each fold or run, n at least 2.
        confidence: of the interval, between 0 and 1.
        test_share: part of the samples that a fold tests, for example 0.1 for ten folds; None for independent runs.

    Returns:
        ``count``, ``mean``, ``standard_deviation`` (n - 1), ``standard_error``, ``low``, ``high``, ``min``, ``max``.

    Raises:
        ValueError: there are fewer than two scores, one is not finite, or a share is not between 0 and 1.
    """
    from scipy.special import stdtrit

    values = np.asarray(scores, np.float64)
    count = len(values)
    if count < 2:
        raise ValueError(f"{count} scores: a spread needs at least two")
    if not np.isfinite(values).all():
        raise ValueError(f"a score is not finite: {values.tolist()}")
    if not 0 < confidence < 1 or not (test_share is None or 0 < test_share < 1):
        raise ValueError(f"confidence {confidence} and test share {test_share}: expected numbers between 0 and 1")
    deviation = float(values.std(ddof=1))
    ratio = 0.0 if test_share is None else test_share / (1 - test_share)
    error = math.sqrt(1 / count + ratio) * deviation
    margin = float(stdtrit(count - 1, (1 + confidence) / 2)) * error
    mean = float(values.mean())
    return {
        "count": count,
        "mean": mean,
        "standard_deviation": deviation,
        "standard_error": error,
        "low": mean - margin,
        "high": mean + margin,
        "min": float(values.min()),
        "max": float(values.max()),
    }
