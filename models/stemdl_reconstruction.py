"""Reference models for STEMDL reconstruction: a scan of diffraction patterns in, the projected potential out.

Shapes are those of the prepared data: scans (positions, H, W), images (H', W').
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.models.losses import images
from sciml_datasets.models.recipe import NetworkSpec, Recipe, TrainingSettings, changed
from sciml_datasets.models.sample_source import Samples
from sciml_datasets.models.sources import examples

SCAN, POTENTIAL = "cbed", "projected_potential"
HUBER = 1.0
"""Standard deviations from which on the loss grows linearly."""
PARAMETERS = 10_000_000
"""Number of parameters of the full-size model, about; the setting ``parameters`` takes another number."""
LAYERS = 4
"""Number of layers of a dense block."""
LEVELS = 5
GROWTHS = range(4, 200, 4)


def network_input(example: dict[str, Any]) -> NDArray[np.float32]:
    """(positions, H, W) float32: sqrt(x - min) of each pattern, the amplitude, as the reference reads it.

    Patterns are z-scored: their lowest value stands for no intensity.
    """
    scan: NDArray[np.float32] = example[SCAN].astype(np.float32)
    scan -= scan.min(axis=(1, 2), keepdims=True)
    return np.sqrt(scan, out=scan)


def _samples(example: dict[str, Any]) -> Samples:
    return network_input(example), example[POTENTIAL].astype(np.float32), np.float32(1)


def turned(samples: Samples, random: np.random.Generator) -> Samples:
    """Turn and mirror a square scan of square patterns, and the image with it, in one of the eight ways of a square.

    Positions, patterns and image turn together, as when the specimen and the detector are turned. The direct beam keeps
    its place at [H // 2, W // 2].
    """
    scan, image, weight = samples
    side, pixels = math.isqrt(len(scan)), scan.shape[1]
    grid = scan.reshape(side, side, pixels, pixels)
    transpose, *mirrored = random.random(3) < 0.5
    if transpose:
        grid, image = grid.transpose(1, 0, 3, 2), image.T
    for axis in np.flatnonzero(mirrored).tolist():
        grid, image = np.flip(grid, (axis, axis + 2)), np.flip(image, axis)
        if pixels % 2 == 0:
            grid = np.roll(grid, 1, axis + 2)
    return grid.reshape(scan.shape), image, weight


def huber(target: Any, image: Any) -> Any:
    """(N,) Huber loss, mean over the pixels, of images (N, H, W)."""
    import tensorflow as tf

    error = tf.abs(target - image)
    bounded = tf.minimum(error, HUBER)
    return tf.reduce_mean(bounded * (error - 0.5 * bounded), axis=(1, 2))


def fc_densenet(scan: tuple[int, ...], image: tuple[int, ...], parameters: int) -> Any:
    """A fully convolutional DenseNet (Jegou et al. 2017, arXiv 1611.09326), positions as channels.

    Dense blocks of LAYERS layers on LEVELS levels, joined by skips; batch norm, ReLU and 3 x 3 convolution in each
    layer. Only what a block adds goes up again, to the lowest level with no fewer pixels than the image, which is
    resized where the numbers differ.

    Args:
        scan: (positions, H, W) of the input, H and W multiples of 2^(LEVELS - 1).
        image: (H', W') of the output.
        parameters: the growth rate, a multiple of 4, is chosen so that their number is the nearest to this.

    Raises:
        InputError: the patterns have another size, or no such network has about so many parameters.
    """
    if any(length % (1 << (LEVELS - 1)) for length in scan[1:]):
        raise InputError(
            f"patterns have {scan[1]} x {scan[2]} pixels, expected multiples of {1 << (LEVELS - 1)} for the reference "
            "network: give --model another one"
        )
    growth = min(GROWTHS, key=lambda rate: abs(_parameters(scan, image, rate) - parameters))
    nearest = _parameters(scan, image, growth)
    if not nearest / 2 <= parameters <= 2 * nearest:
        raise InputError(
            f"parameters={parameters}: the nearest that the reference network can have is {nearest}: set that, or give "
            "--model another one"
        )
    return _fc_densenet(scan, image, growth)


def _fc_densenet(scan: tuple[int, ...], image: tuple[int, ...], growth: int) -> Any:
    import keras
    from keras import layers

    def dense(x: Any) -> tuple[Any, Any]:
        """Everything, and what the block has added."""
        added = []
        for _ in range(LAYERS):
            y = layers.ReLU()(layers.BatchNormalization()(x))
            added.append(layers.Conv2D(growth, 3, padding="same", kernel_initializer="he_normal")(y))
            x = layers.Concatenate()([x, added[-1]])
        return x, layers.Concatenate()(added)

    halvings = _halvings(scan, image)
    inputs = keras.Input(scan)
    x = layers.Conv2D(LAYERS * growth, 3, padding="same", kernel_initializer="he_normal")(
        layers.Permute((2, 3, 1))(inputs)
    )
    skipped = []
    for level in range(LEVELS - 1):
        x, _ = dense(x)
        skipped.append(x)
        y = layers.ReLU()(layers.BatchNormalization()(x))
        y = layers.Conv2D(_width(growth, level), 1, kernel_initializer="he_normal")(y)
        x = layers.MaxPool2D(2)(y)
    _, x = dense(x)
    for skip in reversed(skipped[halvings:]):
        x = layers.Conv2DTranspose(LAYERS * growth, 3, 2, padding="same", kernel_initializer="he_normal")(x)
        _, x = dense(layers.Concatenate()([x, skip]))
    full = keras.config.dtype_policy().variable_dtype  # that of weights, in which images are as well
    x = layers.Conv2D(1, 1, dtype=full)(x)
    if x.shape[1:3] != image:
        x = layers.Resizing(*image, dtype=full)(x)
    x = layers.Reshape(image, dtype=full)(x)
    return keras.Model(inputs, x, name="stemdl_fc_densenet")


def _width(growth: int, level: int) -> int:
    """Channels of what goes down a level: as many as the block had."""
    return LAYERS * growth * (level + 2)


def _halvings(scan: tuple[int, ...], image: tuple[int, ...]) -> int:
    """The number of times, up to LEVELS - 1, that a pattern can be halved and keep no fewer pixels than the image."""
    enough = [
        halvings
        for halvings in range(LEVELS)
        if all(length >> halvings >= least for length, least in zip(scan[1:], image, strict=True))
    ]
    return max(enough, default=0)


def _parameters(scan: tuple[int, ...], image: tuple[int, ...], growth: int) -> int:
    """Number of parameters of `_fc_densenet`, counted without building it."""

    def convolution(size: int, before: int, after: int) -> int:
        return size * before * after + after

    def dense(width: int) -> int:
        widths = [width + layer * growth for layer in range(LAYERS)]
        return sum(4 * before + convolution(9, before, growth) for before in widths)

    width = LAYERS * growth
    total = convolution(9, scan[0], width)
    skips = []
    for level in range(LEVELS - 1):
        total += dense(width)
        width += LAYERS * growth
        skips.append(width)
        total += 4 * width + convolution(1, width, _width(growth, level))
        width = _width(growth, level)
    total += dense(width)
    for skip in skips[_halvings(scan, image) :]:
        total += convolution(9, LAYERS * growth, LAYERS * growth) + dense(LAYERS * growth + skip)
    return total + convolution(1, LAYERS * growth, 1)


def small_network(scan: tuple[int, ...], image: tuple[int, ...]) -> Any:
    """For the demo: each pattern becomes a vector where it was taken, and convolutions join the vectors of the scan.

    Args:
        scan: (positions, H, W) of the input, the positions a square number.
        image: (H', W') of the output, a power of two times the scan's side.
    """
    import keras
    from keras import layers

    side = math.isqrt(scan[0])

    def normalised(x: Any, filters: int, size: int) -> Any:
        x = layers.Conv2D(filters, size, padding="same", use_bias=False)(x)
        # The demo has few steps: the moving statistics must follow faster than Keras's default of 0.99 lets them.
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))

    inputs = keras.Input(scan)
    x = layers.Reshape((side, side, scan[1] * scan[2]))(inputs)
    x = normalised(x, 96, 1)
    for filters in (128, 128):
        x = normalised(x, filters, 3)
    for filters in (96, 32):
        x = layers.UpSampling2D(2, interpolation="bilinear")(x)
        x = normalised(normalised(x, filters, 3), filters, 3)
    full = keras.config.dtype_policy().variable_dtype
    x = layers.Reshape(image, dtype=full)(layers.Conv2D(1, 3, padding="same", dtype=full)(x))
    return keras.Model(inputs, x, name="stemdl_reconstruction_small_network")


def _reference_network(spec: NetworkSpec) -> Any:
    return fc_densenet(spec.input_shape, spec.target_shape, spec.parameters)


def _demo_network(spec: NetworkSpec) -> Any:
    return small_network(spec.input_shape, spec.target_shape)


_REFERENCE = Recipe(
    _reference_network,
    examples(network_input, _samples),
    huber,
    images,
    TrainingSettings(epochs=30, batch_size=1, learning_rate=1e-4, precision="mixed_bfloat16", parameters=PARAMETERS),
)

RECIPES = {
    "stemdl_reconstruction": _REFERENCE,
    "stemdl_reconstruction_demo": changed(
        _REFERENCE,
        {
            "network": _demo_network,
            "source": {"augment": turned},
            "training": TrainingSettings(epochs=20, batch_size=16, learning_rate=3e-3),
        },
    ),
}
"""Data set name to recipe."""
