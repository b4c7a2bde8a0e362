"""Reference models for STEMDL classification: stack of three patterns in, logits of 231 classes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.models.recipe import Recipe, Samples
from sciml_datasets.models.samples import mirrored, unchanged
from sciml_datasets.stemdl.preprocessing import PIXELS, log_scaled

NUM_CLASSES = 231


def resnet50() -> Any:
    """ResNet-50 (He et al. 2016, doi:10.1109/CVPR.2016.90) with a head of 231 logits, without pretrained weights."""
    import keras

    inputs = keras.Input((PIXELS, PIXELS, 3))
    backbone = keras.applications.ResNet50(
        include_top=True, weights=None, classes=NUM_CLASSES, classifier_activation=None, input_shape=(PIXELS, PIXELS, 3)
    )
    return keras.Model(inputs, backbone(keras.layers.Rescaling(1 / 255)(inputs)), name="stemdl_resnet50")


def small_resnet() -> Any:
    """Nine convolutions in four residual stages, for the demo: minutes on two cores."""
    import keras
    from keras import layers

    def normalised(x: Any, filters: int, size: int, stride: int) -> Any:
        x = layers.Conv2D(filters, size, stride, padding="same", use_bias=False)(x)
        # The demo has few steps: the moving statistics must follow faster than Keras's default of 0.99 lets them.
        return layers.BatchNormalization(momentum=0.9, synchronized=True)(x)

    inputs = keras.Input((PIXELS, PIXELS, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.MaxPool2D(2)(layers.ReLU()(normalised(x, 16, 5, 2)))
    for filters, stride in ((24, 1), (48, 2), (96, 2), (128, 2)):
        y = layers.ReLU()(normalised(x, filters, 3, stride))
        y = normalised(y, filters, 3, 1)
        x = layers.ReLU()(layers.Add()([normalised(x, filters, 1, stride), y]))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(NUM_CLASSES)(x), name="stemdl_small_resnet")


def class_losses(target: Any, logits: Any) -> Any:
    """(N,) cross-entropy of logits (N, classes) with integer classes (N,)."""
    import tensorflow as tf

    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=logits)


def probabilities(network: Any) -> Callable[[Any], Any]:
    """A compiled function from a batch of inputs to class probabilities (N, classes) float32."""
    import tensorflow as tf

    def forward(inputs: Any) -> Any:
        return tf.nn.softmax(tf.cast(network(inputs, training=False), tf.float32))

    compiled: Callable[[Any], Any] = tf.function(forward, reduce_retracing=True)
    return compiled


def network_input(example: dict[str, Any]) -> NDArray[np.float32]:
    """(128, 128, 3) float32, the log-scaled patterns from 0 to 255."""
    return _channels_last(log_scaled(example["cbed_stack"]))


def preprocessed_input(example: dict[str, Any]) -> NDArray[np.float32]:
    """`network_input` of an example that is preprocessed already."""
    return _channels_last(example["cbed_stack"])


def _channels_last(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    return stack.transpose(1, 2, 0)  # a view: a batch copies it once


def _samples(inputs: Callable[[dict[str, Any]], NDArray[np.float32]], example: dict[str, Any]) -> Samples:
    return inputs(example), np.int64(example["space_group"]), np.float32(1)


_REFERENCE = Recipe(
    resnet50,
    network_input,
    partial(_samples, network_input),
    unchanged,  # as in the reference
    class_losses,
    probabilities,
    input_shape=(PIXELS, PIXELS, 3),
    output_shape=(NUM_CLASSES,),
    epochs=30,
    batch_size=64,
    learning_rate=1e-3,
    viewed=True,
)

RECIPES = {
    "stemdl": _REFERENCE,
    "stemdl_preprocessed": replace(
        _REFERENCE, inputs=preprocessed_input, samples=partial(_samples, preprocessed_input)
    ),
    "stemdl_demo": replace(
        _REFERENCE,
        build=small_resnet,
        # A mirrored crystal has the same space group or its enantiomorph, which such patterns cannot tell apart.
        augment=mirrored,
        epochs=12,
        batch_size=32,
        learning_rate=3e-3,
    ),
}
"""Data set name to recipe."""
