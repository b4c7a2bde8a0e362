"""Scores of a surrogate: predicted fields against simulated ones, and the time that it saves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sciml_datasets.metrics.array_formats import as_array, check_number
from sciml_datasets.metrics.exact_sums import Digits, Floats, add_exactly, exact_sums, rounded
from sciml_datasets.metrics.moments import PairedMoments, paired, ratio
from sciml_datasets.metrics.state import Additive, sums


def _below_all() -> NDArray[np.float64]:
    return np.full((), -np.inf)


@dataclass(eq=False)
class Surrogate(Additive):
    """Sums over all points of all fields, which have equal weights.

    The maxima start at -infinity, which has no effect in `numpy.maximum`, as zero has none in addition.

    Attributes:
        spacing: distance of neighbouring points along each spatial axis, above 0. Relative H1 weighs differences by it,
            so the score depends on its unit: make lengths dimensionless as the simulation does.
        moments: moments of all points.
        slopes: (2, DIGITS) int64, exact sums of squares of the derivatives along all axes, for the truth and for the
            truth less the prediction.
        highest: () float64, maximum of the truth.
        lowest: () float64, maximum of the negative truth.
        max_error: () float64, maximum of |truth - prediction|.

    Example:
        >>> import numpy as np
        >>> from sciml_datasets.metrics import Surrogate
        >>> x = np.linspace(0, 1, 5)
        >>> simulated = np.stack([x, x**2])  # two fields on five points
        >>> state = Surrogate(spacing=(0.25,))
        >>> state.update(simulated, simulated + 0.1)
        >>> {name: round(score, 3) for name, score in state.result().items()}
        {'nrmse': 0.1, 'nrmse_std': 0.273, 'max_error': 0.1, 'relative_l2': 0.175, 'relative_h1': 0.08}
    """

    MAXIMA: ClassVar[frozenset[str]] = frozenset({"highest", "lowest", "max_error"})

    spacing: tuple[float, ...]
    moments: PairedMoments = field(init=False, default_factory=PairedMoments)
    slopes: Digits = field(init=False, default_factory=lambda: exact_sums(2))
    highest: NDArray[np.float64] = field(init=False, default_factory=_below_all)
    lowest: NDArray[np.float64] = field(init=False, default_factory=_below_all)
    max_error: NDArray[np.float64] = field(init=False, default_factory=sums)

    def __post_init__(self) -> None:
        if not self.spacing:
            raise ValueError(f"spacing is {self.spacing}: give the distance of points along each axis")
        for step in self.spacing:
            check_number("spacing", step, above=0)

    def update(self, truth: ArrayLike, prediction: ArrayLike) -> None:
        """Add fields.

        Args:
            truth: (N, ...) float true fields, with an axis of at least 3 points for each spacing.
            prediction: (N, ...) float predicted fields, in the same unit.

        Raises:
            ValueError: the shapes differ or are not those above, or a value is no number of the size of float32; no
                field is added.
        """
        shape = as_array("truth", truth).shape
        if len(shape) != 1 + len(self.spacing) or min(shape[1:]) < 3:
            expected = f"(N, ...) with {len(self.spacing)} axes of 3 points or more"
            raise ValueError(f"fields have the shape {shape}, expected {expected}")
        for t, p in zip(*paired(truth, prediction, shape[1:]), strict=True):  # one field at a time fits the cache
            error = t - p
            self.moments.update(t.ravel(), p.ravel())
            add_exactly(self.slopes, np.arange(2), np.array([[self._slopes(t), self._slopes(error)]]))
            np.maximum(self.highest, t.max(), out=self.highest)
            np.maximum(self.lowest, -t.min(), out=self.lowest)
            np.maximum(self.max_error, np.abs(error).max(), out=self.max_error)

    def _slopes(self, values: Floats) -> float:
        """The sum of the squared derivatives by differences of second order, central and one-sided at the ends."""
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
        found = self.moments.statistics()
        squares, error_squares = found.truth_squares, found.mse * found.samples
        truth_slopes, error_slopes = rounded(self.slopes)
        return {
            "nrmse": float(ratio(np.sqrt(found.mse), self.highest + self.lowest)[0]),
            "nrmse_std": float(np.sqrt(ratio(error_squares, found.truth_spread))[0]),
            "max_error": float(self.max_error),
            "relative_l2": float(np.sqrt(ratio(error_squares, squares))[0]),
            "relative_h1": float(np.sqrt(ratio(error_squares + error_slopes, squares + truth_slopes))[0]),
        }


def speed_up(
    simulator_seconds: float, surrogate_seconds: float, *, samples: int, training_seconds: float = 0.0
) -> dict[str, float]:
    """The factor by which the surrogate is faster than the simulator.

    Args:
        simulator_seconds: seconds per sample, above 0.
        surrogate_seconds: seconds per sample, above 0, on hardware that the report names beside the simulator's.
        samples: number of samples that the surrogate will predict, at least 1.
        training_seconds: seconds spent once on simulating the training samples and on training.

    Returns:
        ``speed_up``: simulator / surrogate seconds; ``speed_up_amortised``: the same ratio for the seconds of all
        samples, training included, after the effective speed-up of Fox et al. 2019 (arXiv:1902.10810), without its
        credit for the training samples.

    Raises:
        ValueError: a number is out of its range.
    """
    check_number("simulator_seconds", simulator_seconds, above=0)
    check_number("surrogate_seconds", surrogate_seconds, above=0)
    check_number("samples", samples, least=1)
    check_number("training_seconds", training_seconds, least=0)
    return {
        "speed_up": simulator_seconds / surrogate_seconds,
        "speed_up_amortised": samples * simulator_seconds / (samples * surrogate_seconds + training_seconds),
    }
