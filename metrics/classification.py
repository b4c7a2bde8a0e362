"""Scores of a classification into a fixed number of classes.

Conventions: classes are integers from 0; truth and prediction are arrays over samples. Every score runs from 0 to 1 and
agrees with scikit-learn's of the same name; the macro and weighted means run over the classes that occur in truth or
prediction, as scikit-learn's do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sciml_datasets.metrics.array_formats import Format, check_number, checked
from sciml_datasets.metrics.state import Additive, counts


@dataclass(eq=False)
class Classification(Additive):
    """Counts from which every score follows.

    Attributes:
        num_classes: number of classes.
        top_k: number of the highest scores that the top-k accuracy considers.
        confusion: (num_classes, num_classes) int64, rows are true classes, columns predicted ones.
        ranked: () int64, number of samples with class scores.
        in_top_k: () int64, number of those samples whose true class is among the ``top_k`` highest scores.

    Example:
        >>> from sciml_datasets.metrics import Classification
        >>> state = Classification(num_classes=3, top_k=2)
        >>> state.update(truth=[0, 2], prediction=[[0.7, 0.2, 0.1], [0.1, 0.5, 0.4]])
        >>> state.update(truth=[1, 1], prediction=[[0.1, 0.8, 0.1], [0.2, 0.6, 0.2]])
        >>> scores = state.result()
        >>> scores["top1_accuracy"], scores["top2_accuracy"]
        (0.75, 1.0)
        >>> state.confusion.tolist()  # rows are true classes
        [[1, 0, 0], [0, 2, 0], [0, 1, 0]]
    """

    num_classes: int
    top_k: int = 5
    confusion: NDArray[np.int64] = field(init=False)
    ranked: NDArray[np.int64] = field(init=False, default_factory=counts)
    in_top_k: NDArray[np.int64] = field(init=False, default_factory=counts)

    def __post_init__(self) -> None:
        check_number("num_classes", self.num_classes, least=1)
        check_number("top_k", self.top_k, least=1)
        self.confusion = counts(self.num_classes, self.num_classes)

    def update(self, truth: ArrayLike, prediction: ArrayLike) -> None:
        """Add samples.

        Args:
            truth: (N,) int true classes.
            prediction: (N, num_classes) float scores, the highest is the prediction and a tie goes to the lower class;
                or (N,) int predicted classes, which leave the top-k score undefined.

        Raises:
            ValueError: the shapes differ or are not those above, a class is not from 0 to num_classes - 1, or a score
                is NaN or infinite; no sample is added.
        """
        classes = Format("classes", (), "biu", 0, self.num_classes - 1)
        scores = Format("class scores", (self.num_classes,), "biuf")
        true = checked("truth", truth, classes).astype(np.int64)
        predicted = checked("prediction", prediction, scores, classes, count=len(true))
        if predicted.ndim == 2:
            labels = predicted.argmax(axis=1)
            self.ranked += len(true)
            self.in_top_k += int((rank_of_truth(true, predicted) < self.top_k).sum())
        else:
            labels = predicted.astype(np.int64)
        cells = np.bincount(true * self.num_classes + labels, minlength=self.num_classes**2)
        self.confusion += cells.reshape(self.confusion.shape)

    def result(self) -> dict[str, float]:
        """The scores; ``top<k>_accuracy``, k being ``top_k``, only where class scores were given throughout.

        - ``top1_accuracy``: share of samples whose predicted class is the true one; ``top1_error`` is 1 less it.
        - ``top5_accuracy``: share of samples whose true class is among the five highest scores; ``top5_error`` is 1
          less it.
        - ``balanced_accuracy``: mean recall of the classes that occur in truth.
        - ``<mean>_precision`` TP / (TP + FP), ``<mean>_recall`` TP / (TP + FN), ``<mean>_f1`` 2 TP / (2 TP + FP + FN),
          0 where the denominator is; ``macro``: mean over classes, ``weighted``: mean weighted by true samples,
          ``micro``: from the sums over classes.

        Raises:
            ValueError: no samples were added.
        """
        total = int(self.confusion.sum())
        if not total:
            raise ValueError("no samples were added: call update first")
        hits = np.diagonal(self.confusion)
        true, predicted = self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        accuracy = float(hits.sum() / total)
        scores = {
            "top1_accuracy": accuracy,
            "top1_error": 1 - accuracy,
            "balanced_accuracy": float((hits[true > 0] / true[true > 0]).mean()),
        }
        by_class = {"precision": _ratio(hits, predicted), "recall": _ratio(hits, true), "f1": self.f1()}
        scored = self.scored_classes()
        for name, values in by_class.items():
            scores[f"macro_{name}"] = float(values[scored].mean())
            scores[f"weighted_{name}"] = float(values @ true / total)
            scores[f"micro_{name}"] = accuracy  # each wrong sample is one false positive and one false negative
        if self.ranked == total:
            among = float(self.in_top_k / total)
            scores |= {f"top{self.top_k}_accuracy": among, f"top{self.top_k}_error": 1 - among}
        return scores

    def scored_classes(self) -> NDArray[np.int64]:
        """The classes that occur in truth or prediction, ascending."""
        return np.flatnonzero(self.confusion.sum(axis=0) + self.confusion.sum(axis=1))

    def f1(self) -> NDArray[np.float64]:
        """(num_classes,) F1 of each class, 0 where it does not occur."""
        return _ratio(2 * np.diagonal(self.confusion), self.confusion.sum(axis=0) + self.confusion.sum(axis=1))

    def constant(self, ranking: ArrayLike) -> Classification:
        """The state of the same samples if all had the same prediction.

        Args:
            ranking: (num_classes,) all classes by falling score, the predicted one first.
        """
        state = Classification(self.num_classes, self.top_k)
        order, true = np.asarray(ranking), self.confusion.sum(axis=1)
        state.confusion[:, order[0]] = true
        state.ranked += true.sum()
        state.in_top_k += true[order[: self.top_k]].sum()
        return state

    def coarser(self, group_of: NDArray[np.int64]) -> Classification:
        """The classification into groups of classes, for example of space groups into crystal systems.

        Args:
            group_of: (num_classes,) int group of each class, from 0.

        Raises:
            ValueError: a class has no group, or a group is negative.
        """
        largest = np.iinfo(np.int64).max
        group_of = checked("group_of", group_of, Format("groups", (), "iu", 0, largest), count=self.num_classes)
        state = Classification(int(group_of.max()) + 1)
        np.add.at(state.confusion, (group_of[:, None], group_of[None, :]), self.confusion)
        return state


def ranges(last: Mapping[str, int], num_classes: int) -> NDArray[np.int64]:
    """(num_classes,) group of each class where groups are ranges of classes, for `Classification.coarser`.

    Args:
        last: name of each group to its last class, ascending; the first one begins with class 1.
        num_classes: number of classes; class 0 belongs to no group and gets 0, the groups count from 1.
    """
    groups = 1 + np.searchsorted(list(last.values()), np.arange(num_classes))
    groups[0] = 0
    return groups


def counted_as(alike: Mapping[int, int], num_classes: int) -> NDArray[np.int64]:
    """(num_classes,) class that each class counts as where some count as others, for `Classification.coarser`.

    Args:
        alike: class to the class that counts as it.
        num_classes: number of classes.
    """
    classes = np.arange(num_classes)
    classes[list(alike.values())] = list(alike)
    return classes


def rank_of_truth(truth: NDArray[np.int64], scores: NDArray[Any]) -> NDArray[np.int64]:
    """(N,) number of classes ranked before the true one; among equal scores the lower class is first."""
    own = np.take_along_axis(scores, truth[:, None], axis=1)
    before = (scores > own) | ((scores == own) & (np.arange(scores.shape[1]) < truth[:, None]))
    return np.asarray(before.sum(axis=1))


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Elementwise part / whole, 0 where whole is 0."""
    return np.asarray(part / np.maximum(whole, 1))
