"""Models that a user might bring."""

from __future__ import annotations

from typing import Any


def normalised_network() -> Any:
    """A small convolutional network with plain batch norm for STEMDL's stacks."""
    import keras
    from keras import layers

    inputs = keras.Input((128, 128, 3))
    x = layers.AveragePooling2D(8)(layers.Rescaling(1 / 255)(inputs))
    # A bias before batch norm has no gradient but rounding errors, which Adam would blow up.
    x = layers.Conv2D(8, 3, strides=2, use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(x))
    return keras.Model(inputs, layers.Dense(231)(layers.Flatten()(x)), name="normalised")
