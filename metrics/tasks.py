"""The kinds of tasks: how truth is read, which predictions are taken, which trivial baselines stand beside the scores.

A scoring binds a state (`sciml_datasets.metrics.additive.Additive`) to the truth of one split. The table of benchmarks
names the kind and its settings.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.benchmarks import Task
from sciml_datasets.metrics.additive import Additive
from sciml_datasets.metrics.classification import Classification
from sciml_datasets.metrics.segmentation import Segmentation
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


class SegmentationScoring:
    """A mask for each sample.

    Args:
        truth: of the split.
        mask: feature of the records with the true mask.
        valid: feature that says which pixels count.
        stratum: feature with an index into ``strata``.
        strata: names of the groups of samples that are scored by themselves as well.
    """

    def __init__(self, truth: Truth, *, mask: str, valid: str, stratum: str, strata: tuple[str, ...]) -> None:
        self._truth, self._features = truth, (mask, valid, stratum)
        self._name = mask
        self.state = Segmentation(len(truth), strata)
        shape = truth.shape(mask)
        self.formats: tuple[Format, ...] = (
            Format(f"probabilities of {mask}", shape, "f", 0, 1),
            Format(f"masks, 1 is {mask}", shape, "biu", 0, 1),
        )

    def update(self, positions: NDArray[np.int64], predictions: NDArray[Any]) -> None:
        """See `Scoring.update`; the truth is read one sample at a time."""
        for i, position in enumerate(positions):
            one = slice(i, i + 1)
            mask, valid, stratum = self._truth.features(positions[one], self._features)
            self.state.update([position], mask, predictions[one], valid, stratum)

    def result(self) -> dict[str, float]:
        """See `Segmentation.result`."""
        return self.state.result()

    def baselines(self) -> dict[str, dict[str, float]]:
        """All pixels one class; of the samples that were given."""
        found = {}
        for column, name in enumerate(("no ", "all ")):
            constant = Segmentation(self.state.num_scenes, self.state.strata)
            constant.scenes[..., column] = self.state.scenes.sum(axis=-1)
            constant.by_stratum[..., column] = self.state.by_stratum.sum(axis=-1)
            constant.given[:], constant.invalid[:] = self.state.given, self.state.invalid
            found[name + self._name] = constant.result()
        return found

    def details(self) -> dict[str, Any]:
        """The pooled confusion matrix, and the reliability table where probabilities were given."""
        confusion = {"classes": [f"no {self._name}", self._name], "counts": self.state.scenes.sum(axis=0).tolist()}
        if not self.state.with_probability:
            return {"confusion": confusion}
        table = self.state.calibration.reliability()
        return {"confusion": confusion, "reliability": table[table[:, 2] > 0].tolist()}


KINDS: dict[str, Callable[..., Scoring]] = {
    "classification": ClassificationScoring,
    "segmentation": SegmentationScoring,
}


def scoring(task: Task, truth: Truth) -> Scoring:
    """The scoring of a task against the truth of one split."""
    return KINDS[task.kind](truth, **task.settings)
