"""Scores of a surrogate: predicted fields against simulated ones, and what they save."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.metrics.additive import Additive, sums
from sciml_datasets.metrics.moments import NUM_MOMENTS, Floats, moments, mse, paired, ratio, truth_spread


def _below_all() -> NDArray[np.float64]:
    return np.full((), -np.inf)


@dataclass(eq=False)
class Surrogate(Additive):
    """Sums over all points of all fields, which count alike.

    The maxima start at -infinity, which `numpy.maximum` leaves without effect as addition does zero.

    Attributes:
        spacing: distance of neighbouring points along each spatial axis, above 0. Relative H1 weighs differences by it,
            so the score depends on its unit: make lengths dimensionless as the simulation does.
        shift: a fixed number near the truth's mean, in the truth's unit; see `sciml_datasets.metrics.moments`.
        total: (NUM_MOMENTS,) float64, moments.
        truth_squares: () float64, sum of squares of the truth.
        truth_slopes: () float64, sum of squares of the truth's derivatives along all axes.
        error_slopes: () float64, the same of truth less prediction.
        highest: () float64, maximum of the truth.
        lowest: () float64, maximum of the negative truth.
        max_error: () float64, maximum of |truth - prediction|.
    """

    MAXIMA: ClassVar[frozenset[str]] = frozenset({"highest", "lowest", "max_error"})

    spacing: tuple[float, ...]
    shift: float = 0.0
    total: NDArray[np.float64] = field(init=False)
    truth_squares: NDArray[np.float64] = field(init=False, default_factory=sums)
    truth_slopes: NDArray[np.float64] = field(init=False, default_factory=sums)
    error_slopes: NDArray[np.float64] = field(init=False, default_factory=sums)
    highest: NDArray[np.float64] = field(init=False, default_factory=_below_all)
    lowest: NDArray[np.float64] = field(init=False, default_factory=_below_all)
    max_error: NDArray[np.float64] = field(init=False, default_factory=sums)

    def __post_init__(self) -> None:
        if not self.spacing or not all(step > 0 for step in self.spacing):
            raise ValueError(f"spacing={self.spacing}: give the distance of points along each axis, above 0")
        self.total = sums(NUM_MOMENTS)

    def update(self, truth: NDArray[np.floating], prediction: NDArray[np.floating]) -> None:
        """Add fields.

        Args:
            truth: (N, ...) float, an axis for each spacing, of at least 3 points.
            prediction: (N, ...) float, in the same unit.

        Raises:
            ValueError: the shapes differ or are others, or a value is NaN or infinite.
        """
        if truth.ndim != 1 + len(self.spacing) or min(truth.shape[1:]) < 3:
            expected = f"(N, ...) with {len(self.spacing)} axes of 3 points or more"
            raise ValueError(f"fields have the shape {truth.shape}, expected {expected}")
        for t, p in zip(*paired(truth, prediction), strict=True):  # one at a time bounds the memory
            error = t - p
            self.total += moments(t.ravel(), p.ravel(), self.shift).sum(axis=0)
            self.truth_squares += (t * t).sum()
            self.truth_slopes += self._slopes(t)
            self.error_slopes += self._slopes(error)
            np.maximum(self.highest, t.max(), out=self.highest)
            np.maximum(self.lowest, -t.min(), out=self.lowest)
            np.maximum(self.max_error, np.abs(error).max(), out=self.max_error)

    def _slopes(self, values: Floats) -> float:
        """Sum of the squared derivatives; differences are of second order, central and one-sided at the ends."""
        slopes = (np.gradient(values, step, axis=axis, edge_order=2) for axis, step in enumerate(self.spacing))
        return float(sum((slope * slope).sum() for slope in slopes))

    def result(self) -> dict[str, float]:
        """The scores over all points of all fields, with truth y and error e = y - prediction.

        - ``nrmse`` = sqrt(mean e^2) / (max y - min y), ``nrmse_std`` = sqrt(mean e^2) / standard deviation of y: root
          mean squared error, normalized; both NaN, undefined, for constant truth.
        - ``max_error`` = max |e|, in the truth's unit.
        - ``relative_l2`` = |e| / |y| with Euclidean norms, the error of Li et al. 2021 (arXiv:2010.08895) over all
          fields at once; ``relative_h1``: the same with the Sobolev norm of H1, |y|^2 plus the squares of the
          derivatives along all axes (Li et al. 2022, arXiv:2106.06898). NaN, undefined, where truth is 0 throughout.

        Raises:
            ValueError: no samples were added.
        """
        if not self.total[0]:
            raise ValueError("no samples were added: call update first")
        squares, error_squares = self.truth_squares, self.total[6]
        return {
            "nrmse": float(ratio(np.sqrt(mse(self.total)), self.highest + self.lowest)),
            "nrmse_std": float(np.sqrt(ratio(error_squares, truth_spread(self.total)))),
            "max_error": float(self.max_error),
            "relative_l2": float(np.sqrt(ratio(error_squares, squares))),
            "relative_h1": float(np.sqrt(ratio(error_squares + self.error_slopes, squares + self.truth_slopes))),
        }


def speed_up(
    simulator_seconds: float, surrogate_seconds: float, *, samples: int, training_seconds: float = 0.0
) -> dict[str, float]:
    """How much faster the surrogate is than the simulator.

    Args:
        simulator_seconds: per sample, above 0.
        surrogate_seconds: per sample, above 0, on hardware that the report names beside the simulator's.
        samples: that the surrogate will predict, at least 1.
        training_seconds: spent once: simulating the training samples as well as training.

    Returns:
        ``speed_up``: simulator / surrogate seconds; ``speed_up_amortised``: the same of all samples' seconds, training
        included, after the effective speed-up of Fox et al. 2019 (arXiv:1902.10810), without its credit for the
        training samples.

    Raises:
        ValueError: a number is out of its range.
    """
    if min(simulator_seconds, surrogate_seconds) <= 0 or samples < 1 or training_seconds < 0:
        raise ValueError("give seconds per sample above 0, at least one sample and no negative training time")
    return {
        "speed_up": simulator_seconds / surrogate_seconds,
        "speed_up_amortised": samples * simulator_seconds / (samples * surrogate_seconds + training_seconds),
    }
