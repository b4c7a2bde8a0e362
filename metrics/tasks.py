"""The scoring of each kind of task: the truth, the accepted predictions, the scores and the trivial baselines.

A scoring binds a state (`sciml_datasets.metrics.state.Additive`) to the truth of one split. The declaration of a
benchmark has the task and its settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sciml_datasets import task
from sciml_datasets.metrics.array_formats import Format
from sciml_datasets.metrics.classification_scoring import ClassificationScoring
from sciml_datasets.metrics.reconstruction_scoring import ReconstructionScoring
from sciml_datasets.metrics.regression_scoring import RegressionScoring
from sciml_datasets.metrics.segmentation_scoring import SegmentationScoring
from sciml_datasets.metrics.state import Additive
from sciml_datasets.metrics.truth import Truth
from sciml_datasets.task import Task


class Scoring(Protocol):
    """Scores predictions against the truth of one split; see the module's docstring."""

    formats: tuple[Format, ...]

    @property
    def state(self) -> Additive:
        """The additive state."""

    def update(self, positions: NDArray[np.int64], predictions: NDArray[Any]) -> None:
        """Add predictions, in one of the formats, of the samples at these positions of the split."""

    def result(self) -> dict[str, float]:
        """The scores by name."""

    def baselines(self) -> dict[str, dict[str, float]]:
        """The scores of trivial predictors on the same samples, by a description of the predictor."""

    def resampled(self, weights: NDArray[np.int64]) -> dict[str, float]:
        """The scores if each sample of the split counted ``weights`` (N,) times, where not all weights are 0.

        Scores that do not follow from what the state keeps of each sample are left out. All samples must have been
        given.
        """

    def details(self) -> dict[str, Any]:
        """Further content of a result, as JSON: a confusion matrix, a curve."""

    def scored(self, positions: NDArray[np.int64]) -> NDArray[np.bool_] | bool:
        """Mask of the elements of the predictions at these positions that are scored; the others may have any value."""


SCORINGS: Mapping[type[Task], Callable[..., Scoring]] = {
    task.Classification: ClassificationScoring,
    task.Segmentation: SegmentationScoring,
    task.Regression: RegressionScoring,
    task.Reconstruction: ReconstructionScoring,
}
"""Class of a task to the class that scores it; the attributes of the task are its arguments."""


def scoring(of: Task, truth: Truth) -> Scoring:
    """The scoring of a task against the truth of one split: by the task's own method ``scoring`` where it has one."""
    if hasattr(of, "scoring"):
        own: Scoring = of.scoring(truth)
        return own
    made = next(scores for kind, scores in SCORINGS.items() if isinstance(of, kind))
    return made(truth, **{one.name: getattr(of, one.name) for one in fields(of) if one.name != "alike"})
