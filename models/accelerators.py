"""Accelerators that TensorFlow uses."""

from __future__ import annotations


def gpus() -> list[str]:
    """The names of the GPUs that TensorFlow uses."""
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_device_details(device).get("device_name", device.name) for device in devices]
