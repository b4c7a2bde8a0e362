"""Scores of the calibration of probabilities: whether they agree with observed frequencies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sciml_datasets.metrics.array_formats import check_number
from sciml_datasets.metrics.roc import positives_and_probabilities
from sciml_datasets.metrics.state import Additive, counts, sums


@dataclass(eq=False)
class Calibration(Additive):
    """Probabilities of the positive class beside the frequency with which it occurs.

    Attributes:
        bins: number of bins of equal width between 0 and 1; 15 as in Guo et al. 2017 (arXiv 1706.04599).
        samples, positives: (bins,) int64, numbers of samples and of positive samples in each bin.
        probabilities: (bins,) float64, sum of the probabilities in each bin.
        squared_error: () float64, sum of (probability - truth)^2.

    Example:
        >>> from sciml_datasets.metrics import Calibration
        >>> state = Calibration(bins=2)
        >>> state.update([True, True, False, False], [0.9, 0.7, 0.3, 0.1])
        >>> {name: round(score, 3) for name, score in state.result().items()}
        {'brier': 0.05, 'ece': 0.2}
        >>> state.reliability().round(3).tolist()  # mean probability, frequency and samples of each bin
        [[0.2, 0.0, 2.0], [0.8, 1.0, 2.0]]
    """

    bins: int = 15
    samples: NDArray[np.int64] = field(init=False)
    positives: NDArray[np.int64] = field(init=False)
    probabilities: NDArray[np.float64] = field(init=False)
    squared_error: NDArray[np.float64] = field(init=False, default_factory=sums)

    def __post_init__(self) -> None:
        check_number("bins", self.bins, least=1)
        self.samples, self.positives, self.probabilities = counts(self.bins), counts(self.bins), sums(self.bins)

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
        exact = probability.astype(np.float64)
        # Bins include their upper end, as in the reference implementation of the paper; 0 belongs to the first.
        cell = np.clip(np.ceil(exact * self.bins).astype(np.int64) - 1, 0, self.bins - 1)
        self.samples += np.bincount(cell, minlength=self.bins)
        self.positives += np.bincount(cell[truth], minlength=self.bins)
        self.probabilities += np.bincount(cell, exact, minlength=self.bins)
        exact -= truth
        self.squared_error += exact @ exact

    def result(self) -> dict[str, float]:
        """The scores, 0 is best.

        - ``brier``: mean of (probability - truth)^2 (Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2).
        - ``ece``: expected calibration error, mean over samples of |frequency - mean probability| of their bin (Guo et
          al. 2017), with the probability of the positive class.

        Raises:
            ValueError: no samples were added.
        """
        total = int(self.samples.sum())
        if not total:
            raise ValueError("no samples were added: call update first")
        gaps = np.abs(self.positives - self.probabilities)
        return {"brier": float(self.squared_error / total), "ece": float(gaps.sum() / total)}

    def reliability(self) -> NDArray[np.float64]:
        """(bins, 3) mean probability, frequency of the positive class, and samples; NaN in bins without samples."""
        some = np.where(self.samples > 0, self.samples, np.nan)
        return np.stack([self.probabilities / some, self.positives / some, self.samples.astype(np.float64)], axis=1)
