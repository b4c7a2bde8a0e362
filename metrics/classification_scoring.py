"""Scoring of a classification: one class for each sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.metrics.array_formats import Format
from sciml_datasets.metrics.classification import Classification, counted_as, ranges, rank_of_truth
from sciml_datasets.metrics.state import Additive, counts
from sciml_datasets.metrics.truth import Truth


@dataclass(eq=False)
class Classes(Additive):
    """A classification of all samples of a split, with the prediction of each.

    Attributes:
        num_samples, num_classes: numbers of samples and of classes of the split.
        overall: counts of all samples.
        predicted: (num_samples,) int64 predicted class plus 1, 0 where none was given.
        rank: (num_samples,) int64 number of classes ranked before the true one, plus 1; 0 where no scores were given.
    """

    num_samples: int
    num_classes: int
    overall: Classification = field(init=False)
    predicted: NDArray[np.int64] = field(init=False)
    rank: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.overall = Classification(self.num_classes)
        self.predicted, self.rank = counts(self.num_samples), counts(self.num_samples)

    def update(self, positions: NDArray[np.int64], truth: NDArray[np.int64], prediction: NDArray[Any]) -> None:
        """Add samples, see `Classification.update`."""
        self.overall.update(truth, prediction)
        if prediction.ndim == 2:
            self.rank[positions] = 1 + rank_of_truth(truth, prediction)
            prediction = prediction.argmax(axis=1)
        self.predicted[positions] = 1 + prediction.astype(np.int64)

    def result(self) -> dict[str, float]:
        """See `Classification.result`."""
        return self.overall.result()


class ClassificationScoring:
    """The scoring of one class for each sample.

    Args:
        truth: truth of the split.
        label: column of the member list with the true class.
        num_classes: number of classes.
        coarser: labels that follow from the class, by name: name of each group of classes to its last class, see
            `ranges`.
        merged: classes that may count as one another, by name of the merging; see `counted_as`.
    """

    def __init__(
        self,
        truth: Truth,
        *,
        label: str,
        num_classes: int,
        coarser: Mapping[str, Mapping[str, int]],
        merged: Mapping[str, Mapping[int, int]],
    ) -> None:
        self._truth, self._label = truth, label
        self._coarser = {name: ranges(last, num_classes) for name, last in coarser.items()}
        self._merged = {name: counted_as(alike, num_classes) for name, alike in merged.items()}
        self._labels = truth.classes(label, num_classes)
        self.state = Classes(len(truth), num_classes)
        self.formats: tuple[Format, ...] = (
            Format("class scores", (num_classes,), "f"),
            Format("classes", (), "iu", 0, num_classes - 1),
        )

    def update(self, positions: NDArray[np.int64], predictions: NDArray[Any]) -> None:
        """See `Scoring.update`."""
        self.state.update(positions, self._labels[positions], predictions)

    def result(self) -> dict[str, float]:
        """The scores of `Classification.result`, and the same for coarser labels and merged classes.

        - ``<name>_accuracy``: share of samples whose predicted class has the same coarser label as the true one.
        - ``top1_accuracy_<name>_merged``, ``macro_f1_<name>_merged``: the scores as if those classes were one.
        """
        return self._scores(self.state.overall)

    def resampled(self, weights: NDArray[np.int64]) -> dict[str, float]:
        """The accuracies, also of the coarser labels, and the means over classes; see `Scoring.resampled`."""
        names, correct = self._correct
        size, total = self.state.num_classes, weights.sum()
        hits, of_truth, of_prediction = (
            np.bincount(classes, w, size)
            for classes, w in (
                (self._labels, weights * correct[0]),
                (self._labels, weights),
                (self.state.predicted - 1, weights),
            )
        )
        occurs, either = of_truth > 0, of_truth + of_prediction > 0
        return {
            **dict(zip(names, (correct @ weights / total).tolist(), strict=True)),
            "balanced_accuracy": _mean(hits[occurs] / of_truth[occurs]),
            "macro_f1": _mean(2 * hits[either] / (of_truth + of_prediction)[either]),
        }

    @cached_property
    def _correct(self) -> tuple[list[str], NDArray[np.int64]]:
        """The accuracies by name, that of the classes first, and (accuracies, N) whether a sample is correct by it."""
        true, predicted = self._labels, self.state.predicted - 1
        correct = {"top1_accuracy": true == predicted}
        correct |= {f"{name}_accuracy": group[true] == group[predicted] for name, group in self._coarser.items()}
        if self.state.rank.all():
            correct["top5_accuracy"] = self.state.rank <= self.state.overall.top_k
        return list(correct), np.array(list(correct.values()), np.int64)

    def _scores(self, state: Classification) -> dict[str, float]:
        scores = state.result()
        for name, group_of in self._coarser.items():
            scores[f"{name}_accuracy"] = state.coarser(group_of).result()["top1_accuracy"]
        for name, group_of in self._merged.items():
            found = state.coarser(group_of).result()
            scores |= {f"{score}_{name}_merged": found[score] for score in ("top1_accuracy", "macro_f1")}
        return scores

    def baselines(self) -> dict[str, dict[str, float]]:
        """The scores of predicting always the most frequent class of the training split, followed by the next most
        frequent ones."""
        training = self._truth.training.classes(self._label, self.state.num_classes)
        frequency = np.bincount(training, minlength=self.state.num_classes)
        ranking = np.argsort(-frequency, kind="stable")
        state = Classification(self.state.num_classes)
        state.update(self._labels, self._labels)
        constant = self._scores(state.constant(ranking))
        return {f"always class {ranking[0]}, the most frequent of the training split": constant}

    def scored(self, positions: NDArray[np.int64]) -> bool:
        """All elements are scored."""
        return True

    def details(self) -> dict[str, Any]:
        """The confusion matrix of the classes that occur in truth or predictions: rows are true, columns predicted."""
        classes = self.state.overall.scored_classes()
        cells = self.state.overall.confusion[np.ix_(classes, classes)]
        return {"confusion": {"classes": classes.tolist(), "counts": cells.tolist()}}


def _mean(values: NDArray[np.float64]) -> float:
    """The mean as `numpy.mean` computes it, without its checks, which take longer than a sum over few classes."""
    return float(np.add.reduce(values) / len(values))
