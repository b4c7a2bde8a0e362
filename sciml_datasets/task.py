"""The tasks of benchmarks: the predicted quantity, and the names and ranges of the possible scores."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sciml_datasets.criterion import CORRELATION, ERROR, FIT

Span = tuple[float | None, float | None]
"""The lowest and the highest possible score; None where there is no bound."""

PROBABILITY_SCORES = ("roc_auc", "roc_auc_error", "average_precision", "average_precision_error", "brier", "ece")
"""Names of the scores that only probabilities have."""
_OF_CLASSES = ("top1_accuracy", "top1_error", "top5_accuracy", "top5_error", "balanced_accuracy")
_MEANS = (f"{mean}_{score}" for mean in ("macro", "micro", "weighted") for score in ("precision", "recall", "f1"))
_OF_PIXELS = ("accuracy", "precision", "recall", "f1", "iou", "miss_rate", "false_alarm_rate")
_SHARES = (*_OF_CLASSES, *_MEANS, *_OF_PIXELS, *PROBABILITY_SCORES, "column_recall", "column_precision")
RANGES: Mapping[str, Span] = {
    **dict.fromkeys(_SHARES, (0.0, 1.0)),
    **dict.fromkeys(("mse", "rmse", "mae", "r1", "relative_l2", "column_position_error", "pearson_undefined"), ERROR),
    **dict.fromkeys(("r2", "median_r2"), FIT),
    **dict.fromkeys(("pearson", "spearman", "median_pearson", "kuiper_skill", "ssim"), CORRELATION),
    "frc_resolution": (0.0, 0.5),
    "psnr": (None, None),
}
"""Name of a score, or the beginning of it before an underscore, to the range of the possible scores."""
ATOM_COLUMNS = ("min_distance", "threshold", "max_distance")
"""Names of the parameters in `Reconstruction.atom_columns`."""


@dataclass(frozen=True)
class Task:
    """A task: what is to be predicted. A benchmark uses one of the classes below, or a class of its own with a method
    ``scoring(truth)`` that returns a `sciml_datasets.metrics.tasks.Scoring`.

    Attributes:
        alike: names of groupings of the benchmark, or of columns of the member lists, for intervals of scores: samples
            of one group resemble each other and are drawn together, by each grouping independently
            (`sciml_datasets.metrics.intervals`). Where a grouping has several columns, each names a group.

    Example:
        >>> from sciml_datasets.benchmark import Classification, Task
        >>> from sciml_datasets.metrics.tasks import scoring
        >>> class Detection(Task):
        ...     def scoring(self, truth):
        ...         return scoring(Classification(label="found", num_classes=2), truth)
        >>> Detection().kind
        'detection'
    """

    alike: tuple[str, ...] = field(default=("id",), kw_only=True)

    @property
    def kind(self) -> str:
        """The name of the task in results: ``classification``."""
        return type(self).__name__.lower()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of the member lists from which scores are computed, see `RawFormat.facts`."""
        return ()

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features of the records from which scores are computed."""
        return ()

    @property
    def scores(self) -> tuple[str, ...] | None:
        """Names of all possible scores, of which `Benchmark.criteria` names some; None where they are not known."""
        return None

    def span(self, score: str) -> Span | None:
        """The range of a possible score, as `Criterion.span` gives it; None where it is not known."""
        known = [name for name in RANGES if score == name or score.startswith(f"{name}_")]
        return RANGES[max(known, key=len)] if known and score in (self.scores or ()) else None

    def mistakes(self) -> Iterator[str]:
        """A clause for each mistake in the settings: ``needs num_classes, the number of classes``."""
        yield from ()

    def expected(self, column: str, value: str) -> str:
        """The description of a valid value of one of `columns`; empty where the value is valid."""
        return ""


@dataclass(frozen=True)
class Classification(Task):
    """One class for each sample; see `sciml_datasets.metrics.classification_scoring.ClassificationScoring`.

    Attributes:
        label: column of the member lists with the true class, 0 to num_classes - 1.
        num_classes: number of classes.
        coarser: labels that follow from the class, by name: name of each group of classes to its last class.
        merged: classes that may count as one another, by name of the merging.

    Example:
        >>> from sciml_datasets.benchmark import Classification
        >>> Classification(label="mineral", num_classes=3).kind
        'classification'
    """

    label: str = ""
    num_classes: int = 0
    coarser: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    merged: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """See `Task.columns`."""
        return (self.label,)

    @property
    def scores(self) -> tuple[str, ...]:
        """See `Task.scores`."""
        return (
            *("top1_accuracy", "top1_error", "top5_accuracy", "top5_error", "balanced_accuracy"),
            *(f"{mean}_{score}" for mean in ("macro", "micro", "weighted") for score in ("precision", "recall", "f1")),
            *(f"{name}_accuracy" for name in self.coarser),
            *(f"{score}_{name}_merged" for name in self.merged for score in ("top1_accuracy", "macro_f1")),
        )

    def expected(self, column: str, value: str) -> str:
        """See `Task.expected`."""
        right = value.isdecimal() and int(value) < self.num_classes
        return "" if right else f"a class from 0 to {self.num_classes - 1}"

    def mistakes(self) -> Iterator[str]:
        """See `Task.mistakes`."""
        if not self.label:
            yield "needs label, the column of the member lists with the true class"
        if self.num_classes < 2:
            needed = f"has num_classes {self.num_classes}, expected the number of classes, at least 2"
            yield f"{needed}: {'correct' if self.num_classes else 'add'} num_classes="
            return
        for name, last in self.coarser.items():
            ends = list(last.values())
            if not ends or ends != sorted(set(ends)) or ends[0] < 0 or ends[-1] >= self.num_classes:
                yield (
                    f"has coarser labels {name} that do not suit {self.num_classes} classes: give each group its last "
                    f"class, in ascending order, at most {self.num_classes - 1}"
                )
        for name, merged in self.merged.items():
            for label in (*merged.keys(), *merged.values()):
                if not 0 <= label < self.num_classes:
                    yield f"has the class {label} in merged {name}: choose classes from 0 to {self.num_classes - 1}"


@dataclass(frozen=True)
class Segmentation(Task):
    """A mask for each sample; see `sciml_datasets.metrics.segmentation_scoring.SegmentationScoring`.

    Attributes:
        mask: feature (rows, columns) with the true mask, 0 or 1.
        valid: feature of the same shape that is not 0 where pixels count; empty where all do.
        stratum: feature with an index into ``strata``; empty where there are none.
        strata: names of the groups of samples that are also scored separately.

    Example:
        >>> from sciml_datasets.benchmark import Segmentation
        >>> Segmentation(mask="cloud", valid="valid").features
        ('cloud', 'valid')
    """

    mask: str = ""
    valid: str = ""
    stratum: str = ""
    strata: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """See `Task.features`."""
        return tuple(filter(None, (self.mask, self.valid, self.stratum)))

    @property
    def scores(self) -> tuple[str, ...]:
        """See `Task.scores`."""
        of_pixels = ("accuracy", "precision", "recall", "f1", "iou", "miss_rate", "false_alarm_rate", "kuiper_skill")
        of_scenes = ("accuracy_scene_mean", "accuracy_scene_min", "iou_scene_mean")
        of_strata = (f"{score}_{name}" for name in self.strata for score in ("accuracy", "iou", "kuiper_skill"))
        counts = ("valid_pixels", "invalid_pixels", "scenes_without_valid_pixels")
        return (*of_pixels, *of_scenes, *of_strata, *counts, *PROBABILITY_SCORES)

    def mistakes(self) -> Iterator[str]:
        """See `Task.mistakes`."""
        if not self.mask:
            yield "needs mask, the feature with the true mask"
        if bool(self.stratum) != bool(self.strata):
            yield "has one of stratum and strata, expected both or none"


@dataclass(frozen=True)
class Regression(Task):
    """One number for each sample; see `sciml_datasets.metrics.regression_scoring.RegressionScoring`.

    Attributes:
        target: column of the member lists with the true number.
        groups: columns with groups of samples, for example drug and cell, within which scores are also computed.

    Example:
        >>> from sciml_datasets.benchmark import Regression
        >>> Regression(target="response", groups=("drug", "cell")).columns
        ('response', 'drug', 'cell')
    """

    target: str = ""
    groups: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """See `Task.columns`."""
        return (self.target, *self.groups)

    @property
    def scores(self) -> tuple[str, ...]:
        """See `Task.scores`."""
        within = ("median_pearson", "median_r2", "groups_scored", "groups_left_out", "groups_without_pearson")
        of_groups = (f"{score}_{name}" for name in self.groups for score in within)
        return ("mse", "rmse", "mae", "r2", "pearson", "spearman", *of_groups)

    def expected(self, column: str, value: str) -> str:
        """See `Task.expected`."""
        if column != self.target:
            return ""
        try:
            return "" if math.isfinite(float(value)) else "a finite number"
        except ValueError:
            return "a finite number"

    def mistakes(self) -> Iterator[str]:
        """See `Task.mistakes`."""
        if not self.target:
            yield "needs target, the column of the member lists with the true number"


@dataclass(frozen=True)
class Reconstruction(Task):
    """An image for each sample; see `sciml_datasets.metrics.reconstruction_scoring.ReconstructionScoring`.

    Attributes:
        image: feature (rows, columns) with the true image.
        data_range: largest less smallest value that the image can take, in its own unit.
        scan: feature (positions, rows, columns) with the diffraction patterns from which the image is reconstructed;
            empty where there is none.
        atom_columns: parameters by which its atom columns are found, as
            `sciml_datasets.metrics.atom_columns.AtomColumns` takes them; empty where it has none.

    Example:
        >>> from sciml_datasets.benchmark import Reconstruction
        >>> Reconstruction(image="potential", data_range=1.0).scores[:3]
        ('pearson', 'r1', 'relative_l2')
    """

    image: str = ""
    data_range: float = 0.0
    scan: str = ""
    atom_columns: Mapping[str, Any] = field(default_factory=dict)

    @property
    def features(self) -> tuple[str, ...]:
        """See `Task.features`."""
        return tuple(filter(None, (self.image, self.scan)))

    @property
    def scores(self) -> tuple[str, ...]:
        """See `Task.scores`."""
        of_images = ("pearson", "r1", "relative_l2", "mse", "mae", "psnr", "ssim", "frc_resolution")
        counts = ("pearson_pooled", "pearson_undefined", "relative_undefined")
        of_atoms = ("column_position_error", "column_recall", "column_precision")
        return (*of_images, *counts, *(of_atoms if self.atom_columns else ()))

    def mistakes(self) -> Iterator[str]:
        """See `Task.mistakes`."""
        if not self.image:
            yield "needs image, the feature with the true image"
        if not 0 < self.data_range < math.inf:
            yield f"has data_range {self.data_range}, expected largest less smallest value that the image can take"
        if self.atom_columns and sorted(self.atom_columns) != sorted(ATOM_COLUMNS):
            given = ", ".join(map(str, self.atom_columns))
            yield f"has the atom_columns {given}, expected {', '.join(ATOM_COLUMNS)}: give these three"
