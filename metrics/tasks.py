"""The scoring of each kind of task: the truth, the accepted predictions, the scores and the trivial baselines.

A scoring binds a state (`sciml_datasets.metrics.state.Additive`) to the truth of one split. The declaration of a
benchmark has the task and its settings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property, partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sciml_datasets import task
from sciml_datasets.metrics.atom_columns import AtomColumns
from sciml_datasets.metrics.classification import Classification, counted_as, ranges, rank_of_truth
from sciml_datasets.metrics.exact_sums import LARGEST
from sciml_datasets.metrics.formats import Format
from sciml_datasets.metrics.grouped_regression import GroupedRegression
from sciml_datasets.metrics.integrated_centre_of_mass import best_factor, integrated_centre_of_mass
from sciml_datasets.metrics.rank_correlation import RankCorrelation
from sciml_datasets.metrics.reconstruction import PER_IMAGE, Reconstruction, mean_image
from sciml_datasets.metrics.regression import Regression
from sciml_datasets.metrics.regression_baselines import additive_baseline, group_mean_baseline, mean_baseline
from sciml_datasets.metrics.resampled_regression import ResampledRegression
from sciml_datasets.metrics.segmentation import Segmentation, mask_formats
from sciml_datasets.metrics.state import Additive, counts, sums
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
        self._labels = np.array(truth.column(label), np.int64)
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
        true, predicted = self._labels, self.state.predicted - 1
        size, total = self.state.num_classes, weights.sum()
        hits, of_truth, of_prediction = (
            np.bincount(classes, w, size)
            for classes, w in ((true, weights * (true == predicted)), (true, weights), (predicted, weights))
        )
        occurs, either = of_truth > 0, of_truth + of_prediction > 0
        right = {"top1_accuracy": true == predicted}
        right |= {f"{name}_accuracy": group[true] == group[predicted] for name, group in self._coarser.items()}
        if self.state.rank.all():
            right["top5_accuracy"] = self.state.rank <= self.state.overall.top_k
        return {
            **{name: float(weights[correct].sum() / total) for name, correct in right.items()},
            "balanced_accuracy": float((hits[occurs] / of_truth[occurs]).mean()),
            "macro_f1": float((2 * hits[either] / (of_truth + of_prediction)[either]).mean()),
        }

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
        training = np.array(self._truth.training.column(self._label), np.int64)
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


class SegmentationScoring:
    """The scoring of a mask for each sample.

    Args:
        truth: truth of the split.
        mask: feature of the records with the true mask.
        valid: feature that says which pixels count; empty where all do.
        stratum: feature with an index into ``strata``; empty where there are none.
        strata: names of the groups of samples that are also scored separately.
    """

    def __init__(self, truth: Truth, *, mask: str, valid: str, stratum: str, strata: tuple[str, ...]) -> None:
        self._truth, self._name, self._valid, self._stratum = truth, mask, valid, stratum
        self.state = Segmentation(len(truth), strata)
        self.formats: tuple[Format, ...] = mask_formats(mask, truth.shape(mask))

    def update(self, positions: NDArray[np.int64], predictions: NDArray[Any]) -> None:
        """See `Scoring.update`; the truth is read one sample at a time."""
        for i, position in enumerate(positions):
            one = slice(i, i + 1)
            names = tuple(filter(None, (self._name, self._valid, self._stratum)))
            read = dict(zip(names, self._truth.features(positions[one], names), strict=True))
            mask = read[self._name]
            valid = read.get(self._valid, np.ones_like(mask, bool))
            self.state.update([position], mask, predictions[one], valid, read.get(self._stratum))

    def result(self) -> dict[str, float]:
        """See `Segmentation.result`."""
        return self.state.result()

    def resampled(self, weights: NDArray[np.int64]) -> dict[str, float]:
        """See `Segmentation.resampled`."""
        return self.state.resampled(weights)

    def baselines(self) -> dict[str, dict[str, float]]:
        """The scores of the probability 0, and of 1, at all pixels of the samples that were given."""
        return {f"{name} {self._name}": self.state.constant(i).result() for i, name in enumerate(("no", "all"))}

    def scored(self, positions: NDArray[np.int64]) -> NDArray[np.bool_] | bool:
        """The valid pixels."""
        return not self._valid or np.asarray(self._truth.features(positions, (self._valid,))[0] != 0)

    def details(self) -> dict[str, Any]:
        """The pooled confusion matrix, and the reliability table where probabilities were given."""
        confusion = {"classes": [f"no {self._name}", self._name], "counts": self.state.scenes.sum(axis=0).tolist()}
        if not self.state.with_probability:
            return {"confusion": confusion}
        table = self.state.calibration.reliability()
        return {"confusion": confusion, "reliability": table[table[:, 2] > 0].tolist()}


@dataclass(eq=False)
class Regressions(Additive):
    """A regression over all samples of a split, and within the groups of each grouping."""

    num_samples: int
    num_groups: tuple[int, ...]
    overall: Regression = field(init=False, default_factory=Regression)
    ranks: RankCorrelation = field(init=False)
    grouped: tuple[GroupedRegression, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.ranks = RankCorrelation(self.num_samples)
        self.grouped = tuple(GroupedRegression(count) for count in self.num_groups)


class RegressionScoring:
    """The scoring of one number for each sample.

    Args:
        truth: truth of the split.
        target: column of the member list with the true number.
        groups: columns with groups of samples, for example drug and cell.
    """

    def __init__(self, truth: Truth, *, target: str, groups: tuple[str, ...]) -> None:
        self._truth, self._target, self._groups = truth, target, groups
        self._targets = truth.numbers(target)
        # Groups are numbered in the order of their names over both splits, so that a training mean finds its group.
        self._names = [sorted({*truth.column(name), *truth.training.column(name)}) for name in groups]
        self._members = [self._indices(truth, name) for name in range(len(groups))]
        sizes = tuple(map(len, self._names))
        self.state = Regressions(len(truth), sizes)
        self.formats: tuple[Format, ...] = (Format(f"values of {target}", (), "f", -LARGEST, LARGEST),)

    def _indices(self, truth: Truth, grouping: int) -> NDArray[np.int64]:
        number = {name: i for i, name in enumerate(self._names[grouping])}
        return np.array([number[name] for name in truth.column(self._groups[grouping])], np.int64)

    def update(self, positions: NDArray[np.int64], predictions: NDArray[Any]) -> None:
        """See `Scoring.update`."""
        self._add(self.state, positions, predictions)

    def _add(self, state: Regressions, positions: NDArray[np.int64], predictions: NDArray[Any]) -> None:
        targets = self._targets[positions]
        state.ranks.update(positions, targets, predictions)
        state.overall.update(targets, predictions)
        for grouped, members in zip(state.grouped, self._members, strict=True):
            grouped.update(members[positions], targets, predictions)

    def result(self) -> dict[str, float]:
        """The scores of `Regression.result`, of `RankCorrelation.result`, and of `GroupedRegression.result` with the
        grouping's name at the end."""
        return self._scores(self.state)

    def resampled(self, weights: NDArray[np.int64]) -> dict[str, float]:
        """The scores of `ResampledRegression.scores`: the medians over groups are left out."""
        return self._resampled.scores(weights)

    @cached_property
    def _resampled(self) -> ResampledRegression:
        return ResampledRegression(self.state.ranks.truth, self.state.ranks.prediction)

    def _scores(self, state: Regressions) -> dict[str, float]:
        scores = state.overall.result() | state.ranks.result()
        for name, grouped in zip(self._groups, state.grouped, strict=True):
            scores |= {f"{key}_{name}": value for key, value in grouped.result().items()}
        return scores

    def baselines(self) -> dict[str, dict[str, float]]:
        """The scores of the mean of the training split, of the mean of each group and, with two groupings, of the sum
        of their effects."""
        training = self._truth.training
        targets = training.numbers(self._target)
        seen = [self._indices(training, i) for i in range(len(self._groups))]
        sizes = self.state.num_groups
        predicted = {"training mean": mean_baseline(targets).predict(len(self._targets))}
        for name, groups, members, size in zip(self._groups, seen, self._members, sizes, strict=True):
            predicted[f"{name} mean"] = group_mean_baseline(groups, targets, size).predict(members)
        if len(self._groups) == 2:
            fitted = additive_baseline(seen[0], seen[1], targets, sizes[0], sizes[1])
            predicted[f"{self._groups[0]} and {self._groups[1]} effects"] = fitted.predict(*self._members)
        found = {}
        for name, values in predicted.items():
            state = Regressions(len(values), sizes)
            self._add(state, np.arange(len(values)), values)
            found[name] = self._scores(state)
        return found

    def scored(self, positions: NDArray[np.int64]) -> bool:
        """All elements are scored."""
        return True

    def details(self) -> dict[str, Any]:
        """Nothing more."""
        return {}


@dataclass(eq=False)
class Images(Additive):
    """Scores of the images of a split and, where the task has them, of their atom columns.

    Attributes:
        each: (num_samples, len(PER_IMAGE)) float64 scores of each image, 0 where undefined or not given.
        defined: (num_samples, len(PER_IMAGE)) int64, 1 where they are defined.
    """

    num_samples: int
    height: int
    width: int
    data_range: float
    columns: Mapping[str, Any]
    pixels: Reconstruction = field(init=False)
    atoms: tuple[AtomColumns, ...] = field(init=False)
    each: NDArray[np.float64] = field(init=False)
    defined: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        shape = self.num_samples, len(PER_IMAGE)
        self.each, self.defined = sums(*shape), counts(*shape)
        self.pixels = Reconstruction(self.height, self.width, self.data_range)
        self.atoms = (AtomColumns(**self.columns),) if self.columns else ()

    def update(
        self, positions: NDArray[np.int64], truth: NDArray[np.floating], prediction: NDArray[np.floating]
    ) -> None:
        """Add images (N, H, W) at some positions of the split."""
        found = self.pixels.update(truth, prediction)
        self.each[positions], self.defined[positions] = np.nan_to_num(found, posinf=np.inf), ~np.isnan(found)
        for atoms in self.atoms:
            atoms.update(truth, prediction)

    def result(self) -> dict[str, float]:
        """See `Reconstruction.result` and `AtomColumns.result`."""
        scores = self.pixels.result()
        for atoms in self.atoms:
            scores |= atoms.result()
        return scores


class ReconstructionScoring:
    """The scoring of an image for each sample.

    Args:
        truth: truth of the split.
        image: feature of the records with the true image.
        data_range: largest less smallest value that the image can take.
        atom_columns: parameters by which its atom columns are found, as `AtomColumns` takes them; empty where it has
            none.
        scan: feature with the diffraction patterns (positions, H, W) from which the image is reconstructed, if any.
    """

    def __init__(
        self,
        truth: Truth,
        *,
        image: str,
        data_range: float,
        atom_columns: Mapping[str, Any] | None = None,
        scan: str = "",
    ) -> None:
        self._truth, self._image, self._scan = truth, image, scan
        height, width = truth.shape(image)[:2]
        self._none = partial(Images, len(truth), height, width, data_range, atom_columns or {})
        self.state = self._none()
        self.formats: tuple[Format, ...] = (Format(f"images of {image}", truth.shape(image), "f", -LARGEST, LARGEST),)

    def update(self, positions: NDArray[np.int64], predictions: NDArray[Any]) -> None:
        """See `Scoring.update`; the truth is read one sample at a time."""
        for i, position in enumerate(positions):
            (image,) = self._truth.features(np.array([position]), (self._image,))
            self.state.update(positions[i : i + 1], image, predictions[i : i + 1])

    def result(self) -> dict[str, float]:
        """See `Images.result`."""
        return self.state.result()

    def resampled(self, weights: NDArray[np.int64]) -> dict[str, float]:
        """The means over images; see `Scoring.resampled`."""
        defined = weights @ self.state.defined
        return {
            name: float(total / number)
            for name, total, number in zip(PER_IMAGE, weights @ self.state.each, defined, strict=True)
            if number
        }

    def baselines(self) -> dict[str, dict[str, float]]:
        """The scores of the mean image of the training split and, for a square scan, of the integrated centre of mass.

        Factor and constant of the latter are fitted to the training split.
        """
        mean = mean_image(image for image, *_ in self._samples(self._truth.training, ()))
        always, state = self._none(), self._none()
        for i, (image,) in enumerate(self._samples(self._truth, ())):
            always.update(np.array([i]), image[None], mean[None])
        found = {"mean image of the training split": always.result()}
        if self._scan and math.isqrt(positions := self._truth.shape(self._scan)[0]) ** 2 == positions:
            factor, constant = best_factor(self._centred(self._truth.training))
            for i, (centred, image) in enumerate(self._centred(self._truth)):
                state.update(np.array([i]), image[None], (factor * centred + constant)[None])
            found["integrated centre of mass"] = state.result()
        return found

    def _centred(self, truth: Truth) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Yield the integrated centre of mass and the true image of each sample."""
        for image, scan in self._samples(truth, (self._scan,)):
            yield integrated_centre_of_mass(scan, image.shape), image

    def _samples(self, truth: Truth, more: tuple[str, ...]) -> Iterator[list[NDArray[Any]]]:
        """Yield the image and further features of each sample, one sample at a time."""
        for position in range(len(truth)):
            yield [values[0] for values in truth.features(np.array([position]), (self._image, *more))]

    def scored(self, positions: NDArray[np.int64]) -> bool:
        """All elements are scored."""
        return True

    def details(self) -> dict[str, Any]:
        """The Fourier ring correlation over frequency, in cycles per pixel."""
        pixels = self.state.pixels
        curve = [None if np.isnan(value) else float(value) for value in pixels.frc()]
        return {"fourier_ring_correlation": {"frequency": pixels.frequencies().tolist(), "correlation": curve}}


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
