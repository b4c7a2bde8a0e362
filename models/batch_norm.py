"""Batch norm over the whole batch: several devices normalise as one would."""

from __future__ import annotations

from typing import Any


def normalise_as_one(layer: Any, replicas: int) -> None:
    """Let a Keras BatchNormalization layer take mean and variance over the batch of all replicas.

    The variance is the mean of squared differences from the mean, for one replica as for many; as in Keras, the moving
    variance follows it without Bessel's correction. Keras's own synchronised batch norm takes the mean square less the
    squared mean, which loses digits where the mean is large beside the deviation, and joins no statistics of masked
    inputs.

    Args:
        layer: `keras.layers.BatchNormalization`.
        replicas: number of devices that train together.
    """
    import tensorflow as tf

    def added(values: Any) -> Any:
        context = tf.distribute.get_replica_context()
        if replicas == 1 or context is None:
            return values
        return context.all_reduce(tf.distribute.ReduceOp.SUM, values)

    def moments(inputs: Any, mask: Any) -> tuple[Any, Any]:
        """(channels,) mean and variance of what is not masked."""
        axes = layer._reduction_axes

        def total(values: Any) -> Any:
            """Sums over the samples of sums within each, of which float64 loses nothing: their order does not count."""
            if axes[0] == 0 and len(axes) > 1:
                values = tf.reduce_sum(values, axes[1:], keepdims=True)
            return tf.reduce_sum(tf.cast(values, tf.float64), axes, keepdims=True)

        def ratio(sums: Any, count: Any) -> Any:
            return tf.cast(tf.math.divide_no_nan(sums, count), inputs.dtype)

        ones = tf.ones_like(inputs)
        counted = ones if mask is None else tf.where(tf.cast(mask, tf.bool)[..., None], ones, 0)
        own = total(inputs if mask is None else inputs * counted), total(counted)
        sums, count = tf.unstack(added(tf.stack(own)))
        mean = ratio(sums, count)
        # Differences from the mean add up to 0, so that the variance has no gradient by way of it.
        squares = tf.math.squared_difference(inputs, tf.stop_gradient(mean))
        variance = ratio(added(total(squares if mask is None else squares * counted)), count)
        return tf.squeeze(mean, axes), tf.squeeze(variance, axes)

    layer._moments = moments
