"""Scores of binary masks: cloud or clear for every pixel of scenes.

Conventions: truth and valid are (N, H, W) masks, 0 or not 0; pixels that are not valid are not scored. A prediction is
a mask, or the probability of the positive class, positive above `THRESHOLD`. A score whose denominator is zero is
undefined and NaN, never 0 or 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.metrics.array_formats import Format, as_array, check_number, checked
from sciml_datasets.metrics.calibration import Calibration
from sciml_datasets.metrics.roc import Ranking
from sciml_datasets.metrics.state import Additive, counts, repeated

THRESHOLD = 0.5
"""Probability above which a pixel is positive; equal to it, it is not, as in sciml-bench (docs/criteria.md)."""
BLOCK_PIXELS = 1 << 17
"""Number of probabilities that are counted at a time: intermediate arrays stay in the cache."""
Mask = NDArray[Any]


@dataclass(eq=False)
class Segmentation(Additive):
    """Counts for each scene, and histograms of probabilities.

    Attributes:
        num_scenes: number of scenes of the split; each is identified by its position, so that workers' rows add up.
        strata: names of the groups for which scores are also reported, for example night and day.
        scenes: (num_scenes, 2, 2) int64 numbers of valid pixels by truth and prediction.
        stratum: (num_scenes,) int64, index into ``strata`` plus 1, 0 where there is none.
        invalid: (num_scenes,) int64 numbers of pixels that are not valid.
        given: (num_scenes,) int64, 1 where a scene was scored.
        with_probability: () int64, number of scenes whose prediction was a probability.
        ranking, calibration: states of the scores of those scenes.

    Example:
        >>> import numpy as np
        >>> from sciml_datasets.metrics import Segmentation
        >>> cloud = np.array([[[0, 0, 1, 1], [0, 1, 1, 1]]])  # one scene of 2 x 4 pixels
        >>> probability = np.array([[[0.1, 0.6, 0.9, 0.8], [0.2, 0.7, 0.4, 0.9]]])
        >>> state = Segmentation(num_scenes=1)
        >>> state.update([0], cloud, probability, valid=np.ones_like(cloud))
        >>> scores = state.result()
        >>> scores["accuracy"], round(scores["iou"], 3), round(scores["kuiper_skill"], 3)
        (0.75, 0.667, 0.467)
    """

    num_scenes: int
    strata: tuple[str, ...] = ()
    scenes: NDArray[np.int64] = field(init=False)
    stratum: NDArray[np.int64] = field(init=False)
    invalid: NDArray[np.int64] = field(init=False)
    given: NDArray[np.int64] = field(init=False)
    with_probability: NDArray[np.int64] = field(init=False, default_factory=counts)
    ranking: Ranking = field(init=False, default_factory=Ranking)
    calibration: Calibration = field(init=False, default_factory=Calibration)

    def __post_init__(self) -> None:
        check_number("num_scenes", self.num_scenes, least=0)
        self.scenes = counts(self.num_scenes, 2, 2)
        self.stratum, self.invalid, self.given = (counts(self.num_scenes) for _ in range(3))

    def update(
        self,
        positions: ArrayLike,
        truth: ArrayLike,
        prediction: ArrayLike,
        valid: ArrayLike,
        stratum: ArrayLike | None = None,
    ) -> None:
        """Add scenes.

        Args:
            positions: (N,) positions of the scenes in the split, each given once.
            truth: (N, H, W) mask of the positive pixels.
            prediction: (N, H, W) mask, or float probability from 0 to 1; any value where pixels are not valid.
            valid: (N, H, W) mask of the valid pixels.
            stratum: (N,) index into ``strata``; None where there are no strata.

        Raises:
            ValueError: there are strata and ``stratum`` is None, or the other way round; the shapes differ or are not
                those above; a position, stratum or probability is out of range, or a scene is given twice; no scene is
                added.
        """
        if bool(self.strata) != (stratum is not None):
            raise InputError(f"the strata are {self.strata}: give each scene one, or none where there are none")
        places = checked("positions", positions, Format("positions", (), "iu", 0, self.num_scenes - 1))
        shape = as_array("truth", truth).shape[1:]
        if len(shape) != 2:
            raise InputError(f"truth of the shape {np.shape(truth)}: expected (N, H, W)")
        count, pixels = len(places), Format("masks", shape, "biuf")
        true, scored = (checked(*named, pixels, count=count) for named in (("truth", truth), ("valid", valid)))
        predicted = as_array("prediction", prediction)
        if predicted.shape != true.shape or predicted.dtype.kind not in "biuf":
            expected = ", or ".join(form.describe(str(count)) for form in mask_formats("positives", shape))
            raise InputError(
                f"prediction of the shape {predicted.shape} and type {predicted.dtype}: expected {expected}"
            )
        if predicted.dtype.kind == "f" and (number := _improbable(predicted, scored)):
            raise InputError(f"prediction holds {number} values at valid pixels that are not from 0 to 1")
        groups = None
        if stratum is not None:
            groups = checked("stratum", stratum, Format("strata", (), "biu", 0, len(self.strata) - 1), count=count)
        if (twice := repeated(places, self.given)).size:
            raise InputError(f"the scene at position {twice[0]} is given more than once: give each once")
        for i, place in enumerate(places):
            self._add(int(place), true[i] != 0, predicted[i], scored[i] != 0)
            if groups is not None:
                self.stratum[place] += int(groups[i]) + 1

    def _add(self, position: int, truth: Mask, prediction: Mask, valid: Mask) -> None:
        """Add one scene."""
        positive = prediction > THRESHOLD if prediction.dtype.kind == "f" else prediction != 0
        # Counting the bits of masks is many times faster than a histogram of pairs.
        cloudy, predicted = truth & valid, positive & valid
        scored, true, called = map(np.count_nonzero, (valid, cloudy, predicted))
        hits = np.count_nonzero(cloudy & predicted)
        confusion = np.array([[scored - true - called + hits, called - hits], [true - hits, hits]], np.int64)
        self.scenes[position] += confusion
        self.invalid[position] += valid.size - scored
        self.given[position] += 1
        if prediction.dtype.kind == "f":
            self.with_probability += 1
            rows = max(1, BLOCK_PIXELS // valid.shape[1])
            for start in range(0, len(valid), rows):
                block = slice(start, start + rows)
                inside = valid[block]
                within, probability = truth[block][inside], prediction[block][inside]
                self.ranking.add(within, probability)
                self.calibration.add(within, probability)

    def result(self) -> dict[str, float]:
        """The scores, pooled over pixels unless stated otherwise.

        - ``accuracy``, ``precision``, ``recall``, ``f1``, ``iou`` (Jaccard 1912: TP / (TP + FP + FN)).
        - ``miss_rate``: FN / (FN + TP), the type-2 error; ``false_alarm_rate``: FP / (FP + TN), the type-1 error.
        - ``kuiper_skill``: recall - false-alarm rate, from -1 to 1 (Peirce 1884, doi:10.1126/science.ns-4.93.453;
          Hanssen & Kuipers 1965); also called true skill statistic.
        - ``accuracy_scene_mean``, ``accuracy_scene_min``, ``iou_scene_mean``: mean or minimum over the scenes for which
          the score is defined.
        - ``accuracy_<stratum>``, ``iou_<stratum>``, ``kuiper_skill_<stratum>``: scores of one stratum.
        - ``valid_pixels``, ``invalid_pixels``, ``scenes_without_valid_pixels``: counts.
        - with probabilities throughout, the scores of `Ranking` and `Calibration`.

        Raises:
            ValueError: no scenes were added, or states were merged that hold the same scene.
        """
        if not self.given.any():
            raise ValueError("no scenes were added: call update first")
        if self.given.max() > 1:
            twice = np.flatnonzero(self.given > 1)
            raise ValueError(f"{len(twice)} scenes were given more than once, the first at position {twice[0]}")
        valid = self.scenes.sum(axis=(1, 2))
        scores = self.resampled(self.given) | {
            "valid_pixels": int(valid.sum()),
            "invalid_pixels": int(self.invalid.sum()),
            "scenes_without_valid_pixels": int(np.count_nonzero((valid == 0) & (self.given > 0))),
        }
        if self.with_probability == np.count_nonzero(self.given) and valid.any():
            scores |= self.ranking.result() | self.calibration.result()
        return scores

    def resampled(self, weights: NDArray[np.int64]) -> dict[str, float]:
        """The scores from the confusion of scenes, if each scene counted ``weights`` (num_scenes,) times."""
        scores = mask_scores(np.tensordot(weights, self.scenes, 1))
        each = np.repeat(self.scenes, weights, axis=0)
        (negatives, false), (missed, hits) = each.transpose(1, 2, 0)
        accuracies = _defined(negatives + hits, each.sum(axis=(1, 2)))
        overlaps = _defined(hits, hits + false + missed)
        scores |= {
            "accuracy_scene_mean": float(accuracies.mean()) if len(accuracies) else math.nan,
            "accuracy_scene_min": float(accuracies.min()) if len(accuracies) else math.nan,
            "iou_scene_mean": float(overlaps.mean()) if len(overlaps) else math.nan,
        }
        for number, name in enumerate(self.strata, 1):
            of_stratum = mask_scores(np.tensordot(weights * (self.stratum == number), self.scenes, 1))
            scores |= {f"{key}_{name}": of_stratum[key] for key in ("accuracy", "iou", "kuiper_skill")}
        return scores

    def constant(self, probability: int) -> Segmentation:
        """The state of the same scenes if all pixels had the same probability.

        Args:
            probability: 0 or 1.
        """
        state = Segmentation(self.num_scenes, self.strata)
        state.scenes[..., probability] = self.scenes.sum(axis=-1)
        state.given[:], state.invalid[:], state.stratum[:] = self.given, self.invalid, self.stratum
        state.with_probability += int((self.given > 0).sum())
        negatives, positives = self.scenes.sum(axis=(0, 2))
        place = -probability  # the first bin, or the last
        state.ranking.histogram[place] = negatives, positives
        state.ranking.extremes[place] = probability, -probability
        table = state.calibration
        table.samples[place], table.positives[place] = negatives + positives, positives
        table.probabilities[place] = probability * (negatives + positives)
        table.squared_error += negatives if probability else positives
        return state


def mask_formats(positive: str, shape: tuple[int, ...]) -> tuple[Format, ...]:
    """The formats in which masks of ``positive`` pixels may be predicted."""
    return (
        Format(f"probabilities of {positive}", shape, "f", 0, 1),
        Format(f"masks of {positive}", shape, "biu", 0, 1),
    )


def _improbable(prediction: Mask, valid: Mask) -> int:
    """The number of values at valid pixels that are not from 0 to 1; they are counted only where one exists."""
    if not prediction.size or (prediction.min() >= 0 and prediction.max() <= 1):
        return 0
    inside = prediction[valid != 0]
    return int(np.count_nonzero(~((inside >= 0) & (inside <= 1))))


def mask_scores(confusion: NDArray[np.int64]) -> dict[str, float]:
    """The scores of a confusion matrix (2, 2), rows are truth, columns predictions; see `Segmentation.result`."""
    (true_negatives, false_positives), (false_negatives, hits) = confusion.tolist()
    recall = _ratio(hits, hits + false_negatives)
    false_alarms = _ratio(false_positives, false_positives + true_negatives)
    return {
        "accuracy": _ratio(hits + true_negatives, int(confusion.sum())),
        "iou": _ratio(hits, hits + false_positives + false_negatives),
        "f1": _ratio(2 * hits, 2 * hits + false_positives + false_negatives),
        "precision": _ratio(hits, hits + false_positives),
        "recall": recall,
        "miss_rate": _ratio(false_negatives, hits + false_negatives),
        "false_alarm_rate": false_alarms,
        "kuiper_skill": recall - false_alarms,
    }


def _defined(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """The defined ratios part / whole: those whose whole is not 0."""
    return np.asarray(part[whole > 0] / whole[whole > 0])


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
