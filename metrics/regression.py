"""Scores of a regression: predicted numbers against true ones, over all samples."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from sciml_datasets.metrics.moments import PairedMoments, paired
from sciml_datasets.metrics.state import Additive


@dataclass(eq=False)
class Regression(Additive):
    """Sums from which every score follows; Spearman's rho, which needs all samples, is in `RankCorrelation`.

    Attributes:
        moments: moments of all samples.

    Example:
        >>> from sciml_datasets.metrics import Regression
        >>> one, other = Regression(), Regression()  # the states of two workers
        >>> one.update(truth=[0.2, 0.4], prediction=[0.3, 0.4])
        >>> other.update(truth=[0.6, 0.8], prediction=[0.6, 0.7])
        >>> one.merge(other)
        >>> {name: round(score, 3) for name, score in one.result().items()}
        {'mse': 0.005, 'rmse': 0.071, 'mae': 0.05, 'r2': 0.9, 'pearson': 0.99}
    """

    moments: PairedMoments = field(init=False, default_factory=PairedMoments)

    def update(self, truth: ArrayLike, prediction: ArrayLike) -> None:
        """Add samples.

        Args:
            truth: (N,) float true values.
            prediction: (N,) float predicted values, in the same unit.

        Raises:
            ValueError: the shapes differ, or a value is no number of the size of float32; no sample is added.
        """
        self.moments.update(*paired(truth, prediction))

    def result(self) -> dict[str, float]:
        """The scores, with truth t and prediction p.

        - ``mse`` mean (t - p)^2 in the truth's unit squared, ``rmse`` its root and ``mae`` mean |t - p| in that unit.
        - ``r2``: coefficient of determination, 1 - sum (t - p)^2 / sum (t - mean t)^2, scikit-learn's r2_score; NaN,
          undefined, for constant truth.
        - ``pearson``: Pearson's r; NaN, undefined, where truth or prediction is constant.

        Raises:
            ValueError: no samples were added.
        """
        found = self.moments.statistics()
        return {
            "mse": float(found.mse[0]),
            "rmse": float(np.sqrt(found.mse[0])),
            "mae": float(found.mae[0]),
            "r2": float(found.r2[0]),
            "pearson": float(found.pearson[0]),
        }
