"""Dropout over the whole batch: several devices drop what one would."""

from __future__ import annotations

from typing import Any


def drop_as_one(layer: Any, replicas: int) -> None:
    """Let a Keras Dropout layer of several replicas draw its mask for the whole batch, and use the rows of its part.

    Keras draws on each replica for its own part, the same mask everywhere: the numbers depended on how many devices
    share the work, and the first sample of each of them lost the same units.

    Args:
        layer: `keras.layers.Dropout`; its seed stays in step on all replicas, since all draw alike.
        replicas: that train together, each on as many samples.
    """
    import keras
    import tensorflow as tf

    alone = layer.call

    def call(inputs: Any, training: bool = False) -> Any:
        context = tf.distribute.get_replica_context()
        if not training or layer.rate == 0 or context is None or context.num_replicas_in_sync != replicas:
            return alone(inputs, training=training)
        shape = tf.shape(inputs)
        whole = tf.ones(tf.concat([shape[:1] * replicas, shape[1:]], 0), inputs.dtype)
        kept = keras.random.dropout(whole, layer.rate, layer.noise_shape, seed=layer.seed_generator)
        first = context.replica_id_in_sync_group * shape[0]
        return inputs * kept[first : first + shape[0]]

    layer.call = call
