"""Scores of a classification into a fixed number of classes.

Conventions: classes are integers from 0; truth and prediction are arrays over samples; the state is a sum over samples,
so it can be updated in any batches and merged across workers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOP_K = 5


@dataclass
class Classification:
    """Counts from which every score follows.

    Attributes:
        num_classes: number of classes.
        confusion: (num_classes, num_classes) int64, rows are true classes, columns predicted ones.
        in_top_k: samples whose true class is among the TOP_K highest scores; None once only labels were given.
    """

    num_classes: int
    confusion: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    in_top_k: int | None = 0

    def __post_init__(self) -> None:
        if not self.confusion.size:
            self.confusion = np.zeros((self.num_classes, self.num_classes), np.int64)

    def update(self, truth: NDArray[np.int64], prediction: NDArray[Any]) -> None:
        """Add samples.

        Args:
            truth: (N,) int true classes.
            prediction: (N, num_classes) float scores, the highest is the prediction and a tie goes to the lower class;
                or (N,) int predicted classes, which leave the top-k score undefined.
        """
        if prediction.ndim == 2:
            labels = prediction.argmax(axis=1)
            if self.in_top_k is not None:
                self.in_top_k += int((rank_of_truth(truth, prediction) < TOP_K).sum())
        else:
            labels = prediction.astype(np.int64)
            self.in_top_k = None
        cells = np.bincount(truth * self.num_classes + labels, minlength=self.num_classes**2)
        self.confusion += cells.reshape(self.confusion.shape)

    def merge(self, other: Classification) -> None:
        """Add the samples of another state."""
        self.confusion += other.confusion
        self.in_top_k = None if self.in_top_k is None or other.in_top_k is None else self.in_top_k + other.in_top_k

    def result(self) -> dict[str, float]:
        """The scores, each from 0 to 1; ``top5_accuracy`` only where class scores were given throughout.

        - ``top1_accuracy``: share of samples whose predicted class is the true one.
        - ``top5_accuracy``: share of samples whose true class is among the five highest scores.
        - ``macro_f1``: mean over classes of 2 TP / (2 TP + FP + FN), over the classes that occur in truth or prediction
          (scikit-learn's ``f1_score(average="macro")``).

        Raises:
            ValueError: no samples were added.
        """
        total = int(self.confusion.sum())
        if not total:
            raise ValueError("no samples were added: call update first")
        scores = {
            "top1_accuracy": float(np.trace(self.confusion) / total),
            "macro_f1": float(self.f1()[self.scored_classes()].mean()),
        }
        if self.in_top_k is not None:
            scores["top5_accuracy"] = self.in_top_k / total
        return scores

    def scored_classes(self) -> NDArray[np.int64]:
        """The classes that occur in truth or prediction, ascending."""
        return np.flatnonzero(self.confusion.sum(axis=0) + self.confusion.sum(axis=1))

    def f1(self) -> NDArray[np.float64]:
        """(num_classes,) F1 of each class, 0 where it does not occur."""
        hits = np.diagonal(self.confusion)
        occurrences = self.confusion.sum(axis=0) + self.confusion.sum(axis=1)
        return np.asarray(2 * hits / np.maximum(occurrences, 1))


def rank_of_truth(truth: NDArray[np.int64], scores: NDArray[Any]) -> NDArray[np.int64]:
    """(N,) how many classes come before the true one; of equal scores the lower class comes first."""
    own = np.take_along_axis(scores, truth[:, None], axis=1)
    before = (scores > own) | ((scores == own) & (np.arange(scores.shape[1]) < truth[:, None]))
    return np.asarray(before.sum(axis=1))
