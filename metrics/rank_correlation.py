"""Exact rank correlation after Spearman: ranks need all samples at once, so the state keeps each at its position."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.metrics.array_formats import Format, check_number, checked
from sciml_datasets.metrics.moments import paired
from sciml_datasets.metrics.state import Additive, counts, repeated, sums

Floats = NDArray[np.float64]


@dataclass(eq=False)
class RankCorrelation(Additive):
    """Truth and prediction of each sample: 24 bytes a sample, independent of the samples added so far.

    Attributes:
        num_samples: number of samples of the split; each is identified by its position, so that workers' rows add up.
        truth, prediction: (num_samples,) float64 values, 0 where none was given.
        given: (num_samples,) int64, 1 where a sample was given.

    Example:
        >>> from sciml_datasets.metrics import RankCorrelation
        >>> state = RankCorrelation(num_samples=4)
        >>> state.update([0, 1], truth=[1.0, 2.0], prediction=[10.0, 20.0])
        >>> state.update([2, 3], truth=[3.0, 4.0], prediction=[40.0, 30.0])
        >>> round(state.result()["spearman"], 3)
        0.8
    """

    num_samples: int
    truth: Floats = field(init=False)
    prediction: Floats = field(init=False)
    given: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        check_number("num_samples", self.num_samples, least=0)
        self.truth, self.prediction = sums(self.num_samples), sums(self.num_samples)
        self.given = counts(self.num_samples)

    def update(self, positions: ArrayLike, truth: ArrayLike, prediction: ArrayLike) -> None:
        """Add samples.

        Args:
            positions: (N,) int positions of the samples in the split, each given once.
            truth: (N,) float true values.
            prediction: (N,) float predicted values; their unit may differ.

        Raises:
            ValueError: the shapes differ, a value is no number of the size of float32, or a position is out of range or
                given twice; no sample is added.
        """
        t, p = paired(truth, prediction)
        places = checked("positions", positions, Format("positions", (), "iu", 0, self.num_samples - 1), count=len(t))
        if (twice := repeated(places, self.given)).size:
            raise InputError(f"the sample at position {twice[0]} is given more than once: give each once")
        self.truth[places], self.prediction[places] = t, p
        self.given[places] = 1

    def result(self) -> dict[str, float]:
        """``spearman``: Spearman's rho of the samples that were given (Spearman 1904, doi:10.2307/1412159); NaN,
        undefined, where truth or prediction is constant.

        Raises:
            ValueError: no samples were added, or states were merged that hold the same sample.
        """
        if not self.given.any():
            raise ValueError("no samples were added: call update first")
        if self.given.max() > 1:
            twice = np.flatnonzero(self.given > 1)
            raise ValueError(f"{len(twice)} samples were given more than once, the first at position {twice[0]}")
        given = self.given == 1
        return {"spearman": spearman(self.truth[given], self.prediction[given])}


def spearman(truth: Floats, prediction: Floats) -> float:
    """Pearson's r of the midranks of two (N,) arrays; NaN where one of them is constant."""
    u, v = (ranks - ranks.mean() for ranks in (midranks(truth), midranks(prediction)))
    # Midranks and their mean are multiples of 1/2, so that those of a constant array, and only they, are exactly 0.
    length = np.sqrt(u @ u) * np.sqrt(v @ v)
    return float(np.clip(u @ v / length, -1, 1)) if length else np.nan


def midranks(values: Floats) -> Floats:
    """(N,) rank of each value from 1; equal values have the mean of their ranks."""
    _, group, size = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(size)
    return np.asarray((last - (size - 1) / 2)[group])
