"""What was measured of the GPUs of a run: by the driver, and by TensorFlow's own allocator."""

from __future__ import annotations

from typing import Any

from sciml_datasets.metrics.gpu_meter import GpuMeter


def measured_gpus(meter: GpuMeter | None) -> dict[str, Any] | None:
    """The readings of a meter, and the largest memory in bytes that tensors took on one GPU; None without a GPU.

    The driver knows only what TensorFlow reserves, which is nearly all of a GPU at once.
    """
    found = meter.read() if meter is not None else None
    if found is None:
        return None
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    peaks = [int(tf.config.experimental.get_memory_info(f"GPU:{i}")["peak"]) for i in range(len(gpus))]
    return found | {"peak_memory_bytes": max(peaks, default=None)}
