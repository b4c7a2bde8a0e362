"""Reference models for STEMDL classification: patterns in, logits of 231 classes out.

Three references are published, to be chosen with ``--set reference=NAME``. All take torchvision's ResNet-50, and
patterns from 0 to 255 as they are. ``ornl``, the default (mlcommons/science, benchmarks/stemdl/ornl), sees one
projection at a time: a random one in training, the mean of all logits in evaluation. ``stfc`` (stemdl/stfc there) sees
the stack, and its loss is a squared difference; ``stack`` (stfc-sciml/sciml-bench) is its later form, of cross-entropy.
``scaled`` is this project's own: ``ornl`` with patterns from 0 to 1, without erasing and dropout, its rate a cosine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.models import resnet
from sciml_datasets.models.augmentation import Augmentation, mirrored, unchanged
from sciml_datasets.models.device_transform import DeviceTransform
from sciml_datasets.models.losses import Predict, class_losses, one_hot_losses, outputs_of, probabilities
from sciml_datasets.models.random_erasing import erased, erased_batch, rectangle
from sciml_datasets.models.recipe import Recipe, TrainingSettings, changed
from sciml_datasets.models.sample_source import Samples
from sciml_datasets.models.sources import examples
from sciml_datasets.models.stemdl_augmentation import (
    all_augmentations,
    mirrored_and_permuted,
    one_projection,
    permuted,
    rotated,
    which_projection,
)
from sciml_datasets.stemdl import array_transforms
from sciml_datasets.stemdl.log_scaling import PIXELS, log_scaled

NUM_CLASSES = 231
ERASED = 0.8
"""Share of ORNL's training samples that lose a rectangle."""
DROPPED = 0.5
"""Share of ORNL's logits that is dropped in training."""
SMALL_WIDTH = 256
"""Hidden units of the demo's network."""


def resnet50(channels: int = 1, *, scale: float = 1.0, dropout: float = 0.0) -> Any:
    """ResNet-50 (`sciml_datasets.models.resnet`) with a head of 231 logits, without pretrained weights.

    Of one channel it has 23,975,079 parameters to train, of three 23,981,351; batch norm keeps 53,120 statistics more.

    Args:
        channels: 1 for one projection at a time, as ORNL's; 3 for the whole stack, as STFC's.
        scale: factor that patterns are multiplied with.
        dropout: share of the logits that is dropped in training.
    """
    shape, name = (PIXELS, PIXELS, channels), "stemdl_resnet50"
    return resnet.resnet50(shape, NUM_CLASSES, scale=scale, dropout=dropout, new_stem=channels != 3, name=name)


def small_network() -> Any:
    """A perceptron of the polar harmonics of the patterns, for the demo: a minute on two cores.

    The features of the three projections are joined by mean and maximum, so that their order does not count; nor does
    how the crystal is turned about the beam.
    """
    import keras
    from keras import layers, ops

    from sciml_datasets.models.polar_harmonics import PolarHarmonics

    def normalised(x: Any) -> Any:
        # The demo has few steps: the moving statistics must follow faster than Keras's default of 0.99 lets them.
        return layers.BatchNormalization(momentum=0.9)(x)

    inputs = keras.Input((PIXELS, PIXELS, 3))
    x = layers.Permute((3, 1, 2))(layers.Rescaling(1 / 255)(inputs))
    x = normalised(PolarHarmonics()(ops.reshape(x, (-1, PIXELS, PIXELS))))
    x = layers.ReLU()(normalised(layers.Dense(SMALL_WIDTH, use_bias=False)(layers.Dropout(0.5)(x))))
    x = ops.reshape(x, (-1, 3, SMALL_WIDTH))
    x = layers.Concatenate()([ops.mean(x, axis=1), ops.max(x, axis=1)])
    return keras.Model(inputs, layers.Dense(NUM_CLASSES)(layers.Dropout(0.5)(x)), name="stemdl_small_network")


def stack_probabilities(network: Any) -> Predict:
    """A compiled function from a batch of stacks (N, R, C, 3) to class probabilities (N, classes) float32.

    A network of one channel sees the projections one by one; the mean of the three logits counts, as in ORNL's
    reference.
    """
    if network.input_shape[-1] != 1:
        return probabilities(network)
    import tensorflow as tf

    def forward(stacks: Any) -> Any:
        shape = tf.shape(stacks)
        projections = tf.reshape(tf.transpose(stacks, (0, 3, 1, 2)), (-1, shape[1], shape[2], 1))
        logits = outputs_of(network, projections)
        return tf.nn.softmax(tf.reduce_mean(tf.reshape(logits, (-1, shape[3], logits.shape[-1])), axis=1))

    compiled: Predict = tf.function(forward, reduce_retracing=True)
    return compiled


def network_input(example: dict[str, Any]) -> NDArray[np.float32]:
    """(128, 128, 3) float32, the log-scaled patterns from 0 to 255."""
    return _channels_last(log_scaled(example["cbed_stack"]))


def preprocessed_input(example: dict[str, Any]) -> NDArray[np.float32]:
    """`network_input` of an example that is preprocessed already."""
    return _channels_last(example["cbed_stack"])


def _channels_last(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    return stack.transpose(1, 2, 0)  # a view: a batch copies it once


def stored_stack(example: dict[str, Any]) -> NDArray[np.float32]:
    """(3, P, P) patterns as they are stored."""
    stack: NDArray[np.float32] = example["cbed_stack"]
    return stack


def _scaled_on_device(xp: Any, stacks: Any) -> Any:
    return xp.moveaxis(array_transforms.log_scaled(xp, stacks), 1, -1)


def _cast_on_device(xp: Any, stacks: Any) -> Any:
    return xp.moveaxis(xp.asarray(stacks, dtype=xp.float32), 1, -1)


class Projections:
    """(128, 128, 3) float32 as `network_input` makes it, of full-size patterns; of one projection, that one alone.

    The transform takes nearly all the time of a sample, and ORNL's reference trains on one projection of three. To
    NumPy it is an array.
    """

    shape = (PIXELS, PIXELS, 3)
    ndim = 3

    def __init__(self, stack: NDArray[np.float32]) -> None:
        self._stack = stack

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple) and len(key) == 2 and key[0] is Ellipsis and isinstance(key[-1], slice):
            return _channels_last(log_scaled(self._stack[key[-1]]))
        return self._all[key]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[np.float32]:
        return np.array(self._all, dtype, copy=copy)

    @cached_property
    def _all(self) -> NDArray[np.float32]:
        return _channels_last(log_scaled(self._stack))


def _projections(example: dict[str, Any]) -> Projections:
    return Projections(example["cbed_stack"])


def _samples(inputs: Callable[[dict[str, Any]], Any], example: dict[str, Any]) -> Samples:
    return inputs(example), np.int64(example["space_group"]), np.float32(1)


def _one_projection_erased(sample: Samples, random: np.random.Generator) -> Samples:
    inputs, *rest = one_projection(sample, random)
    return (erased(inputs, random, ERASED), *rest)


def _erased_batch(xp: Any, batch: Samples, drawn: Any) -> Samples:
    inputs, *rest = batch
    return (erased_batch(xp, inputs, drawn[1]), *rest)


one_projection_erased = Augmentation(
    _one_projection_erased,
    lambda random: (which_projection(random), rectangle(PIXELS, PIXELS, random, ERASED)),
    lambda stack, drawn: stack[drawn[0] : drawn[0] + 1],
    _erased_batch,
)
"""`one_projection`, which loses a rectangle with probability ERASED, as in ORNL's reference."""


_PUBLISHED: dict[str, Any] = {
    "batch_size": 32,
    "learning_rate": 1e-3,
    "schedule": "constant",
    "warmup_share": 0.0,
    "optimizer": "adamw",
    "weight_decay": 5e-5,
    "epsilon": 1e-8,
}
_OURS: dict[str, Any] = {
    "epochs": 30,
    "batch_size": 64,
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "warmup_share": 0.1,
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "epsilon": 1e-7,
}
_REFERENCES: dict[str, dict[str, Any]] = {
    "ornl": {
        "network": partial(resnet50, dropout=DROPPED),
        "source": {"drawn": one_projection_erased},
        "losses": class_losses,
        "training": _PUBLISHED | {"epochs": 90},
    },
    "stfc": {
        "network": partial(resnet50, 3),
        "source": {"drawn": None},
        "losses": one_hot_losses,
        "training": _PUBLISHED | {"epochs": 1, "optimizer": "adam", "weight_decay": 0.0},
    },
    "stack": {
        "network": partial(resnet50, 3),
        "source": {"drawn": None},
        "losses": class_losses,
        "training": _PUBLISHED | {"epochs": 10},
    },
    "scaled": {
        "network": partial(resnet50, scale=1 / 255),
        "source": {"drawn": one_projection},
        "losses": class_losses,
        "training": _OURS,
    },
}
# A mirrored crystal has the same space group or its enantiomorph, which zero-order Laue zones cannot tell apart.
_AUGMENTATIONS: dict[str, dict[str, Any]] = {
    "none": {"source": {"augment": unchanged}},
    "mirrored": {"source": {"augment": mirrored}},
    "permuted": {"source": {"augment": permuted}},
    "rotated": {"source": {"augment": rotated}},
    "mirrored_permuted": {"source": {"augment": mirrored_and_permuted}},
    "all": {"source": {"augment": all_augmentations}},
}
_CLASS_WEIGHTS: dict[str, dict[str, Any]] = {"off": {}, "balanced": {"source": {"balanced_by": "space_group"}}}

_CHOICES = {"augmentation": _AUGMENTATIONS, "class_weights": _CLASS_WEIGHTS}

_STORED = partial(_samples, stored_stack)
_DEMO = Recipe(
    small_network,
    examples(  # not augmented, as in the references
        network_input,
        partial(_samples, _projections),
        viewed=True,
        transform=DeviceTransform(stored_stack, _STORED, _scaled_on_device),
    ),
    class_losses,
    stack_probabilities,
    TrainingSettings(epochs=20, batch_size=32, learning_rate=3e-3),
    choices={"reference": {"small": {}, **_REFERENCES}, **_CHOICES},
)
_REFERENCE = changed(replace(_DEMO, choices={"reference": _REFERENCES, **_CHOICES}), _REFERENCES["ornl"])
_PREPROCESSED = {
    "inputs": preprocessed_input,
    "samples": partial(_samples, preprocessed_input),
    "transform": DeviceTransform(stored_stack, _STORED, _cast_on_device),
}

RECIPES = {
    "stemdl": _REFERENCE,
    "stemdl_preprocessed": changed(_REFERENCE, {"source": _PREPROCESSED}),
    "stemdl_demo": _DEMO,
}
"""Data set name to recipe."""
