"""Keras runs on TensorFlow, whatever backend users of other frameworks have set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = """
import os
from sciml_datasets.models.keras_backend import keras_on_tensorflow
keras_on_tensorflow()
import keras
assert keras.backend.backend() == "tensorflow"
assert (keras.config.floatx(), keras.config.image_data_format()) == ("float32", "channels_last")
print("KERAS_BACKEND is", os.environ.get("KERAS_BACKEND"))
"""
TOLD = """
import keras
from sciml_datasets import InputError
from sciml_datasets.models.keras_backend import keras_on_tensorflow
try: keras_on_tensorflow()
except InputError as error: print(error)
"""


def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"} | variables
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("backend", ["jax", None])
def test_keras_runs_on_tensorflow_for_this_process_alone(backend: str | None, tmp_path: Path) -> None:
    settings = {"backend": "torch", "floatx": "float16", "image_data_format": "channels_first", "epsilon": 1e-7}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    chosen = {} if backend is None else {"KERAS_BACKEND": backend}
    done = run(CHECK, KERAS_HOME=str(tmp_path), **chosen)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"KERAS_BACKEND is {backend}\n"


def test_where_keras_runs_already_a_sentence_says_what_to_set() -> None:
    done = run(TOLD, KERAS_BACKEND="numpy")
    assert done.stdout == (
        "Keras runs on numpy in this process, expected tensorflow: set KERAS_BACKEND=tensorflow before Keras is "
        "imported\n"
    ), done.stderr
