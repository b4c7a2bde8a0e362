"""The kinds of tasks: how truth is read, which predictions are taken, which trivial baselines stand beside the scores.

A scoring binds a state (`sciml_datasets.metrics.additive.Additive`) to the truth of one split. The table of benchmarks
names the kind and its settings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.benchmarks import Task
from sciml_datasets.metrics.additive import Additive
from sciml_datasets.metrics.classification import Classification
from sciml_datasets.metrics.truth import Truth


@dataclass(frozen=True, slots=True)
class Format:
    """One way in which predictions may be given.

    Attributes:
        meaning: of one prediction, in words.
        shape: of one prediction.
        kinds: NumPy's letters for the types: ``f`` floating, ``iu`` integer, ``b`` boolean.
        low, high: least and greatest value.
    """

    meaning: str
    shape: tuple[int, ...]
    kinds: str
    low: float = -math.inf
    high: float = math.inf

    def describe(self, count: str) -> str:
        """``(N, 231) float class scores``."""
        names = {"f": "float", "iu": "integer", "b": "boolean", "biu": "integer or boolean"}
        size = "".join(f", {length}" for length in self.shape) or ","
        text = f"({count}{size}) {names[self.kinds]} {self.meaning}"
        bounded = f" from {self.low:g} to {self.high:g}"
        return text + bounded if math.isfinite(self.high) else text


class Scoring(Protocol):
    """Scores predictions against the truth of one split; see the module's docstring."""

    formats: tuple[Format, ...]

    @property
    def state(self) -> Additive:
        """What adds up."""

    def update(self, positions: NDArray[np.int64], predictions: NDArray[Any]) -> None:
        """Add predictions, in one of the formats, for the samples at some positions of the split."""

    def result(self) -> dict[str, float]:
        """The scores by name."""

    def baselines(self) -> dict[str, dict[str, float]]:
        """The scores of trivial predictors on the same samples, by what they predict."""

    def details(self) -> dict[str, Any]:
        """What a result also holds, as JSON: a confusion matrix, a curve."""


class ClassificationScoring:
    """One class for each sample.

    Args:
        truth: of the split.
        label: column of the member list with the true class.
        num_classes: number of classes.
    """

    def __init__(self, truth: Truth, *, label: str, num_classes: int) -> None:
        self._truth, self._label = truth, label
        self._labels = np.array(truth.column(label), np.int64)
        self.state = Classification(num_classes)
        self.formats: tuple[Format, ...] = (
            Format("class scores", (num_classes,), "f"),
            Format("classes", (), "iu", 0, num_classes - 1),
        )

    def update(self, positions: NDArray[np.int64], predictions: NDArray[Any]) -> None:
        """See `Scoring.update`."""
        self.state.update(self._labels[positions], predictions)

    def result(self) -> dict[str, float]:
        """See `Classification.result`."""
        return self.state.result()

    def baselines(self) -> dict[str, dict[str, float]]:
        """Always the most frequent class of the training split."""
        training = np.array(self._truth.training.column(self._label), np.int64)
        majority = int(np.bincount(training).argmax())
        state = Classification(self.state.num_classes)
        state.update(self._labels, np.full(len(self._labels), majority))
        return {f"always class {majority}, the most frequent of the training split": state.result()}

    def details(self) -> dict[str, Any]:
        """The confusion matrix of the classes that occur in truth or predictions: rows are true, columns predicted."""
        classes = self.state.scored_classes()
        counts = self.state.confusion[np.ix_(classes, classes)]
        return {"confusion": {"classes": classes.tolist(), "counts": counts.tolist()}}


KINDS = {"classification": ClassificationScoring}


def scoring(task: Task, truth: Truth) -> Scoring:
    """The scoring of a task against the truth of one split."""
    return KINDS[task.kind](truth, **task.settings)
