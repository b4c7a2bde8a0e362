"""Losses of targets and outputs, and what outputs mean as predictions, for the tasks that benchmarks share.

Losses are functions from targets and outputs, (N, ...) each, to one loss for each weight. Predictions are functions
from a Keras model to a function that maps a batch of inputs to what the evaluator scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Predict = Callable[[Any], Any]
"""A function from a batch of inputs to predictions (N, ...)."""


def class_losses(target: Any, logits: Any) -> Any:
    """(N,) cross-entropy of logits (N, classes) with integer classes (N,)."""
    import tensorflow as tf

    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=logits)


def one_hot_losses(target: Any, scores: Any) -> Any:
    """(N,) mean squared differences of scores (N, classes) from the one-hot class, as in STFC's reference of STEMDL.

    A known flaw of it: nothing keeps the scores of wrong classes from outweighing the one of the right class.
    """
    import tensorflow as tf

    return tf.reduce_mean((tf.one_hot(target, scores.shape[-1]) - scores) ** 2, axis=-1)


def pixel_losses(target: Any, logits: Any) -> Any:
    """(N, R, C) binary cross-entropy of logits (N, R, C, 1) with masks (N, R, C)."""
    import tensorflow as tf

    return tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.cast(target, tf.float32), logits=logits[..., 0])


def squared_errors(target: Any, outputs: Any) -> Any:
    """(N,) squared differences of outputs (N, 1) and targets (N,)."""
    import tensorflow as tf

    return tf.math.squared_difference(outputs[:, 0], tf.cast(target, tf.float32))


def squared_deviations(target: Any, outputs: Any, *, spread: float) -> Any:
    """(N,) squared differences of outputs (N, 1) and targets (N,), in squares of ``spread``.

    They are divided before they are squared: their squares may be beyond float32 in the unit of the target.
    """
    import tensorflow as tf

    return tf.square((outputs[:, 0] - tf.cast(target, tf.float32)) / spread)


def image_losses(target: Any, images: Any) -> Any:
    """(N,) squared differences of images (N, R, C), mean over the pixels."""
    import tensorflow as tf

    return tf.reduce_mean(tf.math.squared_difference(images, tf.cast(target, tf.float32)), axis=(1, 2))


ACTIVATIONS: Mapping[Callable[..., Any], str] = {
    class_losses: "softmax",
    one_hot_losses: "softmax",
    pixel_losses: "sigmoid",
}
"""Losses of logits, to what is applied to the logits outside of the network: by the losses, by the predictions."""

CRITERIA: Mapping[Callable[..., Any], str] = {squared_errors: "mse", image_losses: "mse"}
"""Losses whose mean is a criterion, to its name."""


def probabilities(network: Any) -> Predict:
    """A compiled function from a batch of inputs to class probabilities (N, classes) float32, of logits."""
    import tensorflow as tf

    return _compiled(lambda inputs: tf.nn.softmax(outputs_of(network, inputs)))


def pixel_probabilities(network: Any) -> Predict:
    """A compiled function from a batch of inputs to probabilities (N, R, C) float32, of logits (N, R, C, 1)."""
    import tensorflow as tf

    return _compiled(lambda inputs: tf.math.sigmoid(outputs_of(network, inputs)[..., 0]))


def responses(network: Any) -> Predict:
    """A compiled function from a batch of inputs to numbers (N,) float32, of outputs (N, 1)."""
    return _compiled(lambda inputs: outputs_of(network, inputs)[:, 0])


def images(network: Any) -> Predict:
    """A compiled function from a batch of inputs to images (N, R, C) float32, the outputs as they are."""
    return _compiled(lambda inputs: outputs_of(network, inputs))


def outputs_of(network: Any, inputs: Any) -> Any:
    """The outputs of a network in prediction, float32."""
    import tensorflow as tf

    return tf.cast(network(inputs, training=False), tf.float32)


def _compiled(forward: Callable[[Any], Any]) -> Predict:
    import tensorflow as tf

    compiled: Predict = tf.function(forward, reduce_retracing=True)
    return compiled
