"""Scores of the ranking by probabilities: ROC-AUC and average precision, in memory independent of the samples.

Probabilities are counted in bins, by true class. Probabilities of networks crowd near 0 and 1, where sigmoids saturate,
and before training near 0.5, so that bins follow the bits of the distance d to the nearest of these three as float32:
each octave of d has the same number of bins. The range of the values in a bin is kept beside the counts, so that
samples of one value are known to tie (constant, saturated and coarsely rounded probabilities). The effect of the order
of other samples within a bin is bounded, and the bound is stated beside each score.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.metrics.array_formats import Format, check_number, checked
from sciml_datasets.metrics.state import Additive, counts

MANTISSA = 23
"""Number of bits of a float32 after the leading one (IEEE 754)."""
OCTAVES = 125
"""Number of octaves of a distance from 0 up to 1/4 as float32: 124 of normal numbers, and the subnormal ones."""
COARSEST = 101
"""Number of octaves below 2^-26, which float32 does not resolve near 0.5 and 1: such distances there count as 0."""


@dataclass(eq=False)
class Ranking(Additive):
    """Histograms of probabilities of the positive class, and the range of values in each bin.

    Attributes:
        bits: number of bits that divide an octave: it has 2^bits bins.
        histogram: (bins, 2) int64, numbers of negative and of positive samples.
        extremes: (bins, 2) float64 maxima of the probability and of the negative probability; -1 where there is none.

    Example:
        >>> from sciml_datasets.metrics import Ranking
        >>> state = Ranking()
        >>> state.update([True, True, False, False], [0.9, 0.4, 0.6, 0.1])
        >>> scores = state.result()
        >>> scores["roc_auc"], scores["roc_auc_error"], round(scores["average_precision"], 3)
        (0.75, 0.0, 0.833)
    """

    MAXIMA: ClassVar[frozenset[str]] = frozenset({"extremes"})

    bits: int = 12
    histogram: NDArray[np.int64] = field(init=False)
    extremes: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        check_number("bits", self.bits, least=0)
        if self.bits > MANTISSA:
            raise InputError(f"bits is {self.bits}: a float32 has {MANTISSA} at most")
        bins = (OCTAVES + 3 * (OCTAVES - COARSEST) << self.bits) + 1
        self.histogram, self.extremes = counts(bins, 2), np.full((bins, 2), -1.0)

    def update(self, truth: ArrayLike, probability: ArrayLike) -> None:
        """Add samples.

        Args:
            truth: (N,) bool, or int 0 and 1, whether a sample is positive.
            probability: (N,) float from 0 to 1.

        Raises:
            ValueError: the shapes differ, or a value is none of these; no sample is added.
        """
        self.add(*positives_and_probabilities(truth, probability))

    def add(self, truth: NDArray[np.bool_], probability: NDArray[Any]) -> None:
        """Add samples as `update` does, from arrays that were checked."""
        place = self.places(probability)
        for end, values in enumerate((probability, -probability)):
            farthest = self.extremes[:, end]
            beyond = np.flatnonzero(values > farthest[place])
            # Where several values exceed the maximum of one bin any of them may be written, so the step is repeated
            # while some still do: many times as fast as `numpy.maximum.at`.
            while beyond.size:
                farthest[place[beyond]] = values[beyond]
                beyond = beyond[values[beyond] > farthest[place[beyond]]]
        np.add.at(self.histogram.reshape(-1), 2 * place + truth, 1)

    def places(self, probability: NDArray[Any]) -> NDArray[np.int32]:
        """(N,) bin of each probability; a higher probability never has a lower bin."""
        nearest = np.rint(probability + probability)  # twice the nearest of 0, 0.5 and 1
        # Exact: neither operand is more than twice the other (Sterbenz 1974), or one is 0.
        distance = (probability - nearest * probability.dtype.type(0.5)).astype(np.float32, copy=False)
        pattern = distance.view(np.int32)
        sign = pattern >> 31  # -1 below the nearest, else 0
        below = MANTISSA - self.bits
        place = ((pattern & 0x7FFFFFFF) + ((1 << below) - 1)) >> below  # up, so that 0 has a bin of its own
        anchor = nearest.astype(np.int32)
        finest = COARSEST << self.bits
        place -= finest
        np.maximum(place, (anchor > 0) * finest - finest, out=place)
        place ^= sign
        place -= sign  # negated where the sign is -1
        anchor *= 2 * (OCTAVES - COARSEST) << self.bits
        place += anchor
        place += finest
        return np.asarray(place)

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
        # Filled bins from the highest probability down; float64 holds the counts exactly up to 2^53.
        filled = np.flatnonzero(self.histogram.any(axis=1))[::-1]
        negative, positive = self.histogram[filled].T.astype(np.float64)
        tie = self.extremes[filled, 0] == -self.extremes[filled, 1]
        negatives, positives = negative.sum(), positive.sum()
        if not negatives or not positives:
            names = ("roc_auc", "roc_auc_error", "average_precision", "average_precision_error")
            return dict.fromkeys(names, math.nan)
        hits, false = positive.cumsum() - positive, negative.cumsum() - negative
        pairs = positives * negatives
        # Half of the pairs in one bin are taken to be right; all or none may be, except where the samples tie.
        together = positive * negative / pairs
        within, unknown = float(together.sum()), float(together[~tie].sum())
        before = float((positive * (negatives - false - negative)).sum() / pairs)

        # In a bin with p positives and n negatives after h hits and f false ones, precision at a positive is at most
        # (h + p) / (h + p + f), when the negatives come last and the positives tie; and at the i-th positive at least
        # (h + i) / (h + i + f + n), when they come first. Of the latter, the sum over i is p - (f + n) sum 1 / (h + f +
        # n + i), and the reciprocal of m + i is at most its integral from m + i - 1/2 to m + i + 1/2, as it is convex:
        # the sum is at most a logarithm. Where all tie, precision is that after the bin.
        some = positive > 0
        p, n, h, f, tie = positive[some], negative[some], hits[some], false[some], tie[some]
        after = p * (h + p) / (h + p + f + n)
        most = np.where(tie, after, p * (h + p) / (h + p + f))
        least = np.where(tie, after, p - (f + n) * np.log1p(p / (h + f + n + 0.5)))
        low, high = float(least.sum() / positives), float(most.sum() / positives)
        return {
            "roc_auc": before + within / 2,
            "roc_auc_error": unknown / 2,
            "average_precision": (low + high) / 2,
            "average_precision_error": (high - low) / 2,
        }


def positives_and_probabilities(truth: ArrayLike, probability: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """(N,) whether samples are positive, and (N,) probabilities from 0 to 1.

    Raises:
        InputError: they have another shape, type or range.
    """
    positive = checked("truth", truth, Format("whether a sample is positive", (), "biu", 0, 1))
    form = Format("probabilities", (), "f", 0, 1)
    return positive.astype(np.bool_), checked("probability", probability, form, count=len(positive))
