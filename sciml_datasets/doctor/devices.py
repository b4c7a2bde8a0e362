"""Devices that TensorFlow sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sciml_datasets.doctor.child import Answer, answer, python_telling
from sciml_datasets.doctor.observation import Observation
from sciml_datasets.doctor.remedies import pip_install

SECONDS = 120.0
"""Time limit of the import, which may take a minute from a busy file server."""
CODE = """
from sciml_datasets.models.keras_backend import keras_on_tensorflow
keras_on_tensorflow()
import tensorflow as tf
devices = []
for device in tf.config.list_physical_devices():
    details = tf.config.experimental.get_device_details(device) if device.device_type == "GPU" else {}
    devices.append([device.device_type, details.get("device_name", "")])
found = {"version": tf.__version__, "devices": devices}
"""
DRIVER = Path("/dev/nvidiactl")
"""Device file of NVIDIA's driver."""
HIDING = "CUDA_VISIBLE_DEVICES"


def observe_devices(environ: Mapping[str, str]) -> Iterator[Observation]:
    """The devices of TensorFlow, which is imported in a child process as `sciml train` imports it.

    Args:
        environ: environment variables.
    """
    found = answer(python_telling(CODE), SECONDS, {"TF_CPP_MIN_LOG_LEVEL": "3"})
    yield from devices_of(found, environ, driver=DRIVER.exists())


def devices_of(found: Answer, environ: Mapping[str, str], *, driver: bool) -> Iterator[Observation]:
    """A row for TensorFlow and one for its GPUs, from what the child process has answered."""
    if found.failure:
        remedy = f"correct keras.json where it is wrong, else {pip_install('--force-reinstall', 'tensorflow', 'keras')}"
        yield Observation("TensorFlow", f"it cannot be used: {found.failure}", "wrong", remedy)
        return
    content = found.value
    kinds = [kind for kind, _ in content["devices"]]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    yield Observation("TensorFlow", f"{content['version']}: {counts}")
    names = [name for kind, name in content["devices"] if kind == "GPU"]
    if names:
        yield Observation("GPU", ", ".join(names))
    elif not driver:
        yield Observation("GPU", "none, and no driver of NVIDIA")
    elif HIDING in environ:
        yield Observation("GPU", f"none; {HIDING} is set, which may hide them", "note", f"unset {HIDING}")
    else:
        remedy = pip_install("sciml-datasets[gpu]")
        yield Observation("GPU", "NVIDIA's driver is there, and TensorFlow sees no GPU", "wrong", remedy)
