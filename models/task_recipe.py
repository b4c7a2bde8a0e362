"""Consequences of the task of a benchmark: the shape of outputs, and a recipe where there is no reference model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sciml_datasets.benchmark import Task
from sciml_datasets.errors import InputError
from sciml_datasets.models.losses import (
    Predict,
    class_losses,
    image_losses,
    images,
    pixel_losses,
    pixel_probabilities,
    probabilities,
    responses,
    squared_errors,
)
from sciml_datasets.models.recipe import Recipe, TrainingSettings
from sciml_datasets.models.sample_source import Samples
from sciml_datasets.models.sources import Example, examples
from sciml_datasets.prepared.prepared import Prepared

SHAPES: Mapping[str, Callable[[Task, tuple[int, ...]], tuple[int, ...]]] = {
    "classification": lambda task, target: (task.settings["num_classes"],),
    "segmentation": lambda task, target: (*target, 1),
    "regression": lambda task, target: (*target, 1),
    "reconstruction": lambda task, target: target,
}
"""Kind of a task to the shape of the output for a target: a number for each class, a logit for each pixel of a mask, a
number, an image."""
LEARNED: Mapping[str, tuple[Callable[[Any, Any], Any], Callable[[Any], Predict], type[np.generic]]] = {
    "classification": (class_losses, probabilities, np.int64),
    "segmentation": (pixel_losses, pixel_probabilities, np.float32),
    "regression": (squared_errors, responses, np.float32),
    "reconstruction": (image_losses, images, np.float32),
}
"""Kind of a task to losses, predictions, and type of the target."""
TRAINING = TrainingSettings(epochs=10, batch_size=32, learning_rate=1e-3)


def output_shape(task: Task, target: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of a network's output for one sample; None for a task of another kind.

    Args:
        task: task of the benchmark.
        target: shape of the target of one sample.
    """
    return SHAPES[task.kind](task, target) if task.kind in SHAPES else None


def task_recipe(prepared: Prepared) -> Recipe:
    """A recipe for models of the user's where a benchmark has no reference: the supervised keys as they are stored.

    Inputs are float32, several where the keys name several; losses and predictions are those of the task.

    Args:
        prepared: the data set.

    Raises:
        InputError: the data set has no pair of supervised keys, or its task is none of those here.
    """
    benchmark, keys = prepared.benchmark, prepared.builder.info.supervised_keys
    if benchmark.task.kind not in LEARNED or not keys or not isinstance(keys[1], str):
        raise InputError(
            f"{benchmark.name} has no reference model, and its supervised keys {keys} and its task "
            f"{benchmark.task.kind} do not say how one is trained: give the benchmark a module model with RECIPES"
        )
    losses, predictions, kind = LEARNED[benchmark.task.kind]
    of_input, of_target = keys[:2]
    valid = benchmark.task.settings.get("valid", "") if benchmark.task.kind == "segmentation" else ""

    def inputs(example: Example) -> Any:
        if isinstance(of_input, str):
            return np.asarray(example[of_input], np.float32)
        return tuple(np.asarray(example[key], np.float32) for key in of_input)

    def samples(example: Example) -> Samples:
        target = np.asarray(example[of_target], kind)
        if valid:
            return inputs(example), target, np.asarray(example[valid] != 0, np.float32)
        weight = np.ones(target.shape if benchmark.task.kind == "segmentation" else (), np.float32)
        return inputs(example), target, weight

    def no_network() -> Any:
        raise InputError(f"{benchmark.name} has no reference model: give one with --model")

    return Recipe(no_network, examples(inputs, samples), losses, predictions, TRAINING)
