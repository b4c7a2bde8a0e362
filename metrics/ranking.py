"""Scores of how well probabilities rank: ROC-AUC and average precision, in memory that does not grow with the samples.

Probabilities are counted in bins of equal width, one histogram for each true class. What the order within a bin could
change is bounded and stated beside each score. Probabilities of exactly 0 and 1, at which networks saturate, have bins
of their own, where all samples tie and nothing is uncertain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sciml_datasets.metrics.additive import Additive, counts
from sciml_datasets.metrics.formats import Format, check_number, checked


@dataclass(eq=False)
class Ranking(Additive):
    """Histograms of probabilities of the positive class.

    Attributes:
        bins: number of bins between 0 and 1; with a power of two no rounding moves a probability to another bin.
        histogram: (2, bins + 2) int64, samples that are negative and positive.
    """

    bins: int = 4096
    histogram: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        check_number("bins", self.bins, least=1)
        self.histogram = counts(2, self.bins + 2)

    def update(self, truth: ArrayLike, probability: ArrayLike) -> None:
        """Add samples.

        Args:
            truth: (N,) bool, or int 0 and 1, whether a sample is positive.
            probability: (N,) float from 0 to 1.

        Raises:
            ValueError: the shapes differ, or a value is not of these; none is added.
        """
        self.add(*positives_and_probabilities(truth, probability))

    def add(self, truth: NDArray[np.bool_], probability: NDArray[Any]) -> None:
        """`update` with arrays that were checked."""
        cell = np.minimum(np.ceil(probability * self.bins).astype(np.int32), self.bins)
        cell += probability == 1
        cell += truth.astype(np.int32) * (self.bins + 2)
        self.histogram += np.bincount(cell, minlength=self.histogram.size).reshape(self.histogram.shape)

    def result(self) -> dict[str, float]:
        """The scores; NaN where one of the classes does not occur.

        - ``roc_auc``: probability that a positive ranks before a negative, ties counted half (Hanley & McNeil 1982,
          doi:10.1148/radiology.143.1.7063747); scikit-learn's ``roc_auc_score``.
        - ``average_precision``: sum over thresholds of (recall step) x precision, without interpolation; scikit-learn's
          ``average_precision_score``.
        - ``roc_auc_error``, ``average_precision_error``: the exact value is at most this far away.

        Raises:
            ValueError: no samples were added.
        """
        if not self.histogram.any():
            raise ValueError("no samples were added: call update first")
        # From the highest probability down; float64 holds the counts exactly up to 2^53.
        negative, positive = self.histogram[:, ::-1].astype(np.float64)
        negatives, positives = negative.sum(), positive.sum()
        if not negatives or not positives:
            names = ("roc_auc", "roc_auc_error", "average_precision", "average_precision_error")
            return dict.fromkeys(names, math.nan)
        hits, false = positive.cumsum() - positive, negative.cumsum() - negative
        pairs = positives * negatives
        # Of a pair in one bin half is taken to be right; all or none may be, but where the samples tie.
        together = positive * negative / pairs
        within, unknown = float(together.sum()), float(together[1:-1].sum())
        before = float((positive * (negatives - false - negative)).sum() / pairs)

        # In a bin with p positives and n negatives after h hits and f false ones, precision at a positive is at most
        # (h + p) / (h + p + f), when the negatives come last and the positives tie; and at the i-th positive at least
        # (h + i) / (h + i + f + n), when they come first. Of the latter, the sum over i is p - (f + n) sum 1 / (h + f +
        # n + i), and a sum of reciprocals is at most the integral, a logarithm. Where all tie, precision is that after
        # the bin.
        tie = np.zeros(len(positive), np.bool_)
        tie[[0, -1]] = True
        some = positive > 0
        p, n, h, f, tie = positive[some], negative[some], hits[some], false[some], tie[some]
        after = p * (h + p) / (h + p + f + n)
        most = np.where(tie, after, p * (h + p) / (h + p + f))
        least = np.where(tie, after, p - (f + n) * np.log1p(p / np.maximum(h + f + n, 1e-300)))
        low, high = float(least.sum() / positives), float(most.sum() / positives)
        return {
            "roc_auc": before + within / 2,
            "roc_auc_error": unknown / 2,
            "average_precision": (low + high) / 2,
            "average_precision_error": (high - low) / 2,
        }


def positives_and_probabilities(truth: ArrayLike, probability: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Both (N,): whether samples are positive, and probabilities from 0 to 1.

    Raises:
        InputError: they are others.
    """
    positive = checked("truth", truth, Format("whether a sample is positive", (), "biu", 0, 1))
    form = Format("probabilities", (), "f", 0, 1)
    return positive.astype(np.bool_), checked("probability", probability, form, count=len(positive))
