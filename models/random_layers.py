"""Layers that draw: the same numbers whatever compiles the step, and however many devices share the batch.

Keras draws floats by an algorithm that TensorFlow chooses, and XLA makes other floats of the same bits; each replica
draws alike for its own samples. Here they are counted: integers of one fixed algorithm, numbered by the sample's place
in the whole batch, so that each device draws what belongs to its samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

PHILOX = 1
"""The algorithm in TensorFlow's numbering (``tf.random.Algorithm``)."""
WORDS = 4
"""Integers that Philox gives for one value of its counter."""
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
"""Constants of the activation for which alpha dropout is meant (Klambauer et al. 2017, arXiv 1706.02515)."""


def random_bits(state: Any, first: Any, rows: Any, width: Any) -> Any:
    """(rows, width) uint32 of Philox 4x32-10 (Salmon et al. 2011, doi:10.1145/2063384.2063405).

    Args:
        state: (2,) integers, a seed and which draw this is: the key and the higher half of the counter. The lower half
            counts through the rows, each of which begins with a value of its own.
        first: number of the first row, from 0.
        rows, width: shape of the result.
    """
    import tensorflow as tf

    seed, draw = tf.unstack(tf.cast(state, tf.uint64))
    steps = -(-width // WORDS)
    counter = tf.stack([tf.cast(first * steps, tf.uint64), draw])
    shape = (rows, steps * WORDS)
    # Of TensorFlow's random operations those for integers alone give the same in and out of XLA.
    drawn = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=shape, key=seed[None], counter=counter, alg=PHILOX, dtype=tf.uint32
    )
    return drawn[:, :width]


def draw_as_one(layer: Any) -> None:
    """Let a Keras layer of dropout or noise draw by `random_bits`, for its samples of the whole batch.

    Other layers are left as they are, see `drawing_by_themselves`. The first axis of the input must be that of
    the samples.

    Args:
        layer: layer of any kind; the state of its seed generator stays in step on all replicas.
    """
    if drawing := _drawing(layer):
        draws = layer.rate > 0 if hasattr(layer, "rate") else layer.stddev > 0
        layer.call = lambda inputs, training=False: drawing(layer, inputs) if training and draws else inputs


def drawing_by_themselves(network: Any) -> list[str]:
    """Names of the layers of a network, or of the network itself, that draw in training as Keras does: alike on each
    replica and otherwise under XLA. What draws without a seed generator of its own is not found.

    Args:
        network: a Keras model; a layer's name stands for the layers within it.
    """
    parts = {network.name: [network]} | {layer.name: layer._flatten_layers() for layer in network.layers}
    return [name for name, found in parts.items() if any(map(_draws_by_itself, found))]


def _drawing(layer: Any) -> Callable[[Any, Any], Any] | None:
    """A function that takes the place of a layer's ``call``; None where that is not Keras's own of a known kind."""
    from keras import layers

    kinds: dict[Any, Callable[[Any, Any], Any]] = {
        layers.Dropout: _dropout,
        layers.SpatialDropout1D: _dropout,
        layers.SpatialDropout2D: _dropout,
        layers.SpatialDropout3D: _dropout,
        layers.AlphaDropout: _alpha_dropout,
        layers.GaussianDropout: _gaussian_dropout,
        layers.GaussianNoise: _gaussian_noise,
    }
    called = type(layer).call
    return next((draw for kind, draw in kinds.items() if isinstance(layer, kind) and called is kind.call), None)


def _draws_by_itself(layer: Any) -> bool:
    if not layer._seed_generators or _drawing(layer):
        return False
    # Cells of recurrent layers have a generator, whether they drop anything or not.
    rates = [getattr(layer, name, None) for name in ("rate", "stddev", "dropout", "recurrent_dropout")]
    numbers = [rate for rate in rates if isinstance(rate, int | float)]
    return any(numbers) or not numbers


def _dropout(layer: Any, inputs: Any) -> Any:
    import tensorflow as tf

    if layer.rate == 1:
        return tf.zeros_like(inputs)
    spatial = hasattr(layer, "_get_noise_shape")
    kept = _kept(layer, inputs, layer._get_noise_shape(inputs) if spatial else layer.noise_shape)
    return tf.where(kept, inputs * (1 / (1 - layer.rate)), tf.zeros_like(inputs))


def _alpha_dropout(layer: Any, inputs: Any) -> Any:
    """What is dropped takes the lowest value of SELU; mean 0 and variance 1 stay."""
    import tensorflow as tf

    lowest = -SELU_ALPHA * SELU_SCALE
    scale = ((1 - layer.rate) * (1 + layer.rate * lowest**2)) ** -0.5
    kept = _kept(layer, inputs, layer.noise_shape)
    return scale * tf.where(kept, inputs, lowest * tf.ones_like(inputs)) - scale * lowest * layer.rate


def _gaussian_dropout(layer: Any, inputs: Any) -> Any:
    return inputs * (1 + math.sqrt(layer.rate / (1 - layer.rate)) * _normal(layer, inputs))


def _gaussian_noise(layer: Any, inputs: Any) -> Any:
    return inputs + layer.stddev * _normal(layer, inputs)


def _kept(layer: Any, inputs: Any, noise_shape: Any) -> Any:
    """Booleans that are true with probability 1 - rate, of the layer's noise shape."""
    import tensorflow as tf

    shape = tf.shape(inputs)
    noise = [
        shape[axis] if length is None else length
        for axis, length in enumerate(noise_shape or [None] * len(inputs.shape))
    ]
    bits = _bits(layer, noise[0], tf.reduce_prod(tf.stack(noise)[1:]))
    return tf.reshape(bits, noise) >= tf.constant(min(round(layer.rate * 2**32), 2**32 - 1), tf.uint32)


def _normal(layer: Any, inputs: Any) -> Any:
    """Noise of mean 0 and variance 1, shaped and typed as the inputs (Box and Muller, doi:10.1214/aoms/1177706645)."""
    import tensorflow as tf

    shape = tf.shape(inputs)
    width = tf.reduce_prod(shape[1:])
    bits = tf.cast(tf.bitwise.right_shift(_bits(layer, shape[0], 2 * width), tf.constant(8, tf.uint32)), tf.float32)
    radius, angle = tf.split((bits + 0.5) * 2.0**-24, 2, axis=1)  # between 0 and 1, neither of them
    normal = tf.sqrt(-2 * tf.math.log(radius)) * tf.cos(2 * math.pi * angle)
    return tf.cast(tf.reshape(normal, shape), inputs.dtype)


def _bits(layer: Any, rows: Any, width: Any) -> Any:
    """The next draw of a layer: the rows of this replica."""
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    replica = 0 if context is None else context.replica_id_in_sync_group
    # One row stands for all samples.
    first = 0 if isinstance(rows, int) and rows == 1 else replica * rows
    return random_bits(layer.seed_generator.next(), first, rows, width)
