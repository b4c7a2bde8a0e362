"""Keras on TensorFlow, whatever KERAS_BACKEND and keras.json say: the models here train by TensorFlow's loops."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sciml_datasets.errors import InputError

VARIABLE = "KERAS_BACKEND"
BACKEND, FLOAT, LAYOUT = "tensorflow", "float32", "channels_last"
"""Settings that the models here are made for, of those that keras.json may have."""


def keras_on_tensorflow() -> None:
    """Import Keras with TensorFlow as its backend, for this process alone.

    Raises:
        InputError: Keras is imported already, with another backend.
    """
    before = os.environ.get(VARIABLE)
    if "keras" not in sys.modules:
        os.environ[VARIABLE] = BACKEND
    try:
        with _no_garbage_collection():
            keras = importlib.import_module("keras")
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before
    if keras.backend.backend() != BACKEND:
        raise InputError(
            f"Keras runs on {keras.backend.backend()} in this process, expected {BACKEND}: set {VARIABLE}={BACKEND} "
            "before Keras is imported"
        )
    keras.config.set_floatx(FLOAT)
    keras.config.set_image_data_format(LAYOUT)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Leave out the search for unreachable objects: of the half million that TensorFlow makes on import there are none,
    and looking at them again and again is a quarter of its time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
