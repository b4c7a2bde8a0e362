"""Consequences of the task of a benchmark: the shape of outputs, and a recipe where there is no reference model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sciml_datasets.benchmark import Classification, Reconstruction, Regression, Segmentation, Task
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

LEARNED: Mapping[type[Task], tuple[Callable[[Any, Any], Any], Callable[[Any], Predict], type[np.generic]]] = {
    Classification: (class_losses, probabilities, np.int64),
    Segmentation: (pixel_losses, pixel_probabilities, np.float32),
    Regression: (squared_errors, responses, np.float32),
    Reconstruction: (image_losses, images, np.float32),
}
"""Class of a task to losses, predictions, and type of the target."""
TRAINING = TrainingSettings(epochs=10, batch_size=32, learning_rate=1e-3)


def output_shape(task: Task, target: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of a network's output for one sample; None for a task of another kind.

    Args:
        task: task of the benchmark.
        target: shape of the target of one sample.
    """
    if isinstance(task, Classification):
        return (task.num_classes,)
    if isinstance(task, Segmentation | Regression):
        return (*target, 1)
    return target if isinstance(task, Reconstruction) else None


def task_recipe(prepared: Prepared) -> Recipe:
    """A recipe for models of the user's where a benchmark has no reference: the supervised keys as they are stored.

    Inputs are float32, several where the keys name several; losses and predictions are those of the task.

    Args:
        prepared: the data set.

    Raises:
        InputError: the data set has no pair of supervised keys, or its task is none of those here.
    """
    benchmark, keys = prepared.benchmark, prepared.builder.info.supervised_keys
    task = benchmark.task
    learned = next((of for kind, of in LEARNED.items() if isinstance(task, kind)), None)
    if learned is None or not keys or not isinstance(keys[1], str):
        raise InputError(
            f"{benchmark.name} has no reference model, and its supervised keys {keys} and its task "
            f"{task.kind} do not say how one is trained: give the benchmark a module model with RECIPES"
        )
    losses, predictions, kind = learned
    of_input, of_target = keys[:2]
    valid = task.valid if isinstance(task, Segmentation) else ""

    def inputs(example: Example) -> Any:
        if isinstance(of_input, str):
            return np.asarray(example[of_input], np.float32)
        return tuple(np.asarray(example[key], np.float32) for key in of_input)

    def samples(example: Example) -> Samples:
        target = np.asarray(example[of_target], kind)
        if valid:
            return inputs(example), target, np.asarray(example[valid] != 0, np.float32)
        weight = np.ones(target.shape if isinstance(task, Segmentation) else (), np.float32)
        return inputs(example), target, weight

    def no_network() -> Any:
        raise InputError(f"{benchmark.name} has no reference model: give one with --model")

    return Recipe(no_network, examples(inputs, samples), losses, predictions, TRAINING)
