"""Determinism: two runs with one seed give the same bits, and a warning where layers draw by themselves."""

from __future__ import annotations

from typing import Any

from sciml_datasets.messages import warn
from sciml_datasets.models.random_layers import drawing_by_themselves
from sciml_datasets.models.recipe import TrainingSettings
from sciml_datasets.models.steps import compiles


def make_deterministic(training: TrainingSettings, *, alone: bool) -> None:
    """Let two runs with one seed give the same bits, on the same number of threads.

    TensorFlow's graph optimizer turns the sum of large gradients into an accumulator, to which they are added in the
    order in which they come about: graphs stay as they are traced. One thread that starts operations is enough for one
    device, and starts them in one order; replicas that wait for each other need more.

    Args:
        training: settings that say whether XLA compiles the step. What it compiles for CPUs has one order, and it
            refuses max pooling where deterministic operations are asked for, though only its code for GPUs is not
            deterministic.
        alone: whether there is one device.
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus or not compiles(training, replicas=1 if alone else 2):
        tf.config.experimental.enable_op_determinism()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    if alone and tf.config.threading.get_inter_op_parallelism_threads() != 1:
        try:
            tf.config.threading.set_inter_op_parallelism_threads(1)
        except RuntimeError:  # TensorFlow is at work in this process already: config.yaml has its threads
            return


def report_draws(network: Any, training: TrainingSettings, replicas: int) -> None:
    """A warning where devices or XLA change the numbers that layers draw."""
    names = drawing_by_themselves(network)
    if names and (replicas > 1 or compiles(training, replicas)):
        warn(
            f"{', '.join(names)}: drawn by Keras itself, otherwise on several devices and under XLA than on one device "
            "without it: for the same numbers use Keras's own layers of dropout and noise, or one device and xla=off"
        )
