"""Errors of predictions at places drawn at random, and how alike those of two submissions are.

What is compared is what the truth does not explain: the part of the predictions that is left when the straight line in
the truth is taken out, so that neither a scale, nor an offset, nor the regression to the mean of weak models counts.
Of class scores the margins of the true class are compared, over the highest other ones: noise in scores that decide
nothing does not count. The likeness is the median of the correlations in blocks: predictions that differ grossly at a
few places change a few blocks only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.metrics.truth import Truth
from sciml_datasets.task import Classification, Reconstruction, Regression, Segmentation, Task

NUM_PLACES = 1024
NUM_RECORDS = 64
"""Number of samples whose records are read for the truth, where it is an array."""
MOST_MARGINS = 8
"""Number of classes over which the margin of the true one is compared."""
BLOCK, FEWEST_BLOCKS = 8, 3
"""Number of places in a block, and least number of blocks."""
ROUNDING = 1e-5
"""Share of a block's predictions below which what is left is rounding of float32."""


@dataclass(frozen=True, slots=True)
class Places:
    """Places of the test split at which predictions are compared.

    Attributes:
        of: id to indices into the flattened prediction of that sample.
        truth: the truth there, by id in the order of ``of``.
        size: number of values in the prediction of a sample.
        margins: number of margins of the first place over the highest others, which are then compared; 0 for the values
            themselves.
    """

    of: Mapping[str, NDArray[np.int64]]
    truth: NDArray[np.float64]
    size: int
    margins: int = 0


def draw_places(task: Task, truth: Truth, rng: np.random.Generator) -> Places | None:
    """Places of a split, drawn at random; None for a task whose truth has another form."""
    if isinstance(task, Regression):
        chosen = rng.permutation(len(truth))[:NUM_PLACES]
        numbers = truth.numbers(task.target)[chosen]
        return Places({truth.ids[i]: np.zeros(1, np.int64) for i in chosen}, numbers, 1)
    if isinstance(task, Classification):
        chosen = rng.permutation(len(truth))[:NUM_PLACES]
        labels, classes = truth.numbers(task.label).astype(np.int64), np.arange(task.num_classes)
        of = {truth.ids[i]: np.append(labels[i], np.delete(classes, labels[i])) for i in chosen}
        margins = min(MOST_MARGINS, task.num_classes - 1, max(1, NUM_PLACES // len(of)))
        return Places(of, np.zeros(len(of) * margins), task.num_classes, margins)
    if isinstance(task, Segmentation | Reconstruction):
        return _in_arrays(task, truth, rng)
    return None


def _in_arrays(task: Segmentation | Reconstruction, truth: Truth, rng: np.random.Generator) -> Places:
    """Pixels of masks that count, or of images."""
    name, valid = (task.mask, task.valid) if isinstance(task, Segmentation) else (task.image, "")
    of, found = {}, []
    chosen = rng.permutation(len(truth))[:NUM_RECORDS]
    for i in chosen:
        array, *counts = (
            each[0].reshape(-1) for each in truth.features(np.array([i]), (name, valid)[: 1 + bool(valid)])
        )
        pixels = np.flatnonzero(counts[0]) if counts else np.arange(array.size)
        of[truth.ids[i]] = pixels = rng.permutation(pixels)[: NUM_PLACES // len(chosen)]
        found.append(array[pixels])
    return Places(of, np.concatenate(found).astype(np.float64), int(np.prod(truth.shape(name))))


def unexplained(places: Places, predicted: Mapping[str, NDArray[Any]]) -> list[float]:
    """What is left of predictions without a straight line in the truth, block by block, each of norm 1; 0 in a block
    that the truth explains. Nothing where a prediction is missing or not finite, or there are too few.

    Args:
        places: the places.
        predicted: id to the predictions there.
    """
    if predicted.keys() != places.of.keys():
        return []
    with np.errstate(invalid="ignore", over="ignore"):  # of what is not finite, which is left out below
        values = np.concatenate([predicted[key] for key in places.of]).astype(np.float64)
        if places.margins:
            rows = values.reshape(-1, places.size)
            highest = -np.sort(-rows[:, 1:], axis=1)[:, : places.margins]
            values = (rows[:, :1] - highest).T.reshape(-1)
    count = len(values) // BLOCK
    if count < FEWEST_BLOCKS or len(values) != len(places.truth) or not np.isfinite(values).all():
        return []
    blocks, truth = (each[: count * BLOCK].reshape(count, BLOCK) for each in (values, places.truth))
    largest = np.abs(blocks).max(axis=1, keepdims=True)
    blocks, truth = (each - each.mean(axis=1, keepdims=True) for each in (blocks, truth))
    spread = (truth * truth).sum(axis=1, keepdims=True)
    slope = (blocks * truth).sum(axis=1, keepdims=True) / np.where(spread > 0, spread, 1)
    left = blocks - slope * truth
    norm = np.linalg.norm(left, axis=1, keepdims=True)
    told = norm > ROUNDING * largest
    unit = np.where(told, left / np.where(told, norm, 1), 0)
    return [round(float(value), 9) for value in unit.reshape(-1)]


def likeness(one: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """(M,) the median over blocks of the correlation of one run (K,) with others (M, K), from `unexplained`."""
    blocks = others.reshape(len(others), -1, BLOCK)
    correlations = np.einsum("bk,mbk->mb", one.reshape(-1, BLOCK), blocks)
    return np.asarray(np.median(correlations, axis=1), np.float64)
