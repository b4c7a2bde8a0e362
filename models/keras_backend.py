"""Keras on TensorFlow, whatever KERAS_BACKEND and keras.json say: the models here train by TensorFlow's loops."""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sciml_datasets.errors import InputError
from sciml_datasets.models.keras_json import BACKEND, EPSILON, FLOAT, LAYOUT, SHARED, faults, keras_folder
from sciml_datasets.paths import home_folder

VARIABLE = "KERAS_BACKEND"


def keras_on_tensorflow() -> None:
    """Import Keras with TensorFlow as its backend, for this process alone, and with the settings that the models here
    are made for.

    Raises:
        InputError: Keras is imported already, with another backend, or its import would fail at ``keras.json``.
    """
    if "keras" not in sys.modules:
        with TemporaryDirectory(prefix="sciml-") as temporary:
            folder = keras_folder(os.environ, home_folder())
            if folder.parent == SHARED and "KERAS_HOME" not in os.environ:
                folder = Path(temporary)  # TensorFlow's older Keras would make a folder called ~ where it is run
            _check(folder / "keras.json")
            with _environment({VARIABLE: BACKEND, "KERAS_HOME": str(folder)}), _no_garbage_collection():
                importlib.import_module("keras")
    keras = importlib.import_module("keras")
    if keras.backend.backend() != BACKEND:
        raise InputError(
            f"Keras runs on {keras.backend.backend()} in this process, expected {BACKEND}: set {VARIABLE}={BACKEND} "
            "before Keras is imported"
        )
    keras.config.set_floatx(FLOAT)
    keras.config.set_image_data_format(LAYOUT)
    keras.config.set_epsilon(EPSILON)


def _check(path: Path) -> None:
    """Refuse a file at which the import of Keras would end in an error of its own."""
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):  # Keras takes its defaults
        return
    if found := [*faults(content)]:
        raise InputError(f"{path}: {'; '.join(found)}: correct it, or remove it, as Keras writes it again")


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Context with these environment variables."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


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
