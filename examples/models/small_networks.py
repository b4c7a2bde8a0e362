"""Networks of one's own, one for each benchmark: a function that returns a Keras model, named on the command line.

cd examples/models
sciml train stemdl_demo --data-dir data --out run --model small_networks:stemdl
sciml train stemdl_reconstruction_demo --data-dir data --out run --model small_networks:stemdl_reconstruction
sciml train cloudmask_demo --data-dir data --out run --model small_networks:cloudmask
sciml train candle_uno_demo --data-dir data --out run --model small_networks:candle_uno

Batch norm and dropout are plain: training on several devices makes them one over the whole batch.
"""

from __future__ import annotations

import keras
from keras import layers


def stemdl() -> keras.Model:
    """Stacks (128, 128, 3), log-scaled patterns from 0 to 255, to 231 logits."""
    inputs = keras.Input((128, 128, 3))
    x = layers.AveragePooling2D(8)(layers.Rescaling(1 / 255)(inputs))
    # A bias before batch norm has no gradient but rounding errors, which Adam would blow up.
    x = layers.Conv2D(8, 3, strides=2, use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(x))
    x = layers.Dropout(0.2)(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(231)(x), name="small_stemdl")


def stemdl_reconstruction() -> keras.Model:
    """Scans of 8 x 8 patterns (64, 48, 48), amplitudes, to images (32, 32), the demo's shapes."""
    inputs = keras.Input((64, 48, 48))
    x = layers.Permute((2, 3, 1))(inputs)  # positions as channels
    x = layers.Conv2D(32, 3, strides=3, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(x))
    x = layers.UpSampling2D(2, interpolation="bilinear")(layers.Conv2D(16, 3, padding="same", activation="relu")(x))
    x = layers.Conv2D(1, 3, padding="same")(x)
    return keras.Model(inputs, layers.Reshape((32, 32))(x), name="small_stemdl_reconstruction")


def cloudmask() -> keras.Model:
    """Normalised patches (R, C, 9) to a logit for each pixel: of any size, so that it does for both data sets."""
    inputs = keras.Input((None, None, 9))
    x = layers.Conv2D(8, 1, activation="relu")(inputs)
    x = layers.Conv2D(8, 5, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(x))
    return keras.Model(inputs, layers.Conv2D(1, 1)(x), name="small_cloudmask")


def candle_uno(genes: int = 942, descriptors: int = 400) -> keras.Model:
    """Expression (genes,) and descriptors of a drug (descriptors,) to one number; the defaults are the demo's."""
    cell, drug = keras.Input((genes,)), keras.Input((descriptors,))
    towers = [layers.Dense(32, "relu")(values) for values in (cell, drug)]
    return keras.Model([cell, drug], layers.Dense(1)(layers.Concatenate()(towers)), name="small_candle_uno")
