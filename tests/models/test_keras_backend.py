"""Keras runs on TensorFlow, whatever backend users of other frameworks have set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from processes import NOBODY, needs_namespaces

CHECK = """
import os
from sciml_datasets.models.keras_backend import keras_on_tensorflow
keras_on_tensorflow()
import keras
assert keras.backend.backend() == "tensorflow"
config = keras.config
assert (config.floatx(), config.image_data_format(), config.epsilon()) == ("float32", "channels_last", 1e-7)
print("KERAS_BACKEND is", os.environ.get("KERAS_BACKEND"))
"""
TOLD = """
from sciml_datasets import InputError
from sciml_datasets.models.keras_backend import keras_on_tensorflow
try: keras_on_tensorflow()
except InputError as error: print(error)
"""


def run(code: str, as_user: Sequence[str] = (), **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"} | variables
    command = [*as_user, sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_keras_runs_on_tensorflow_with_the_settings_of_the_models(tmp_path: Path) -> None:
    settings = {"backend": "torch", "floatx": "float16", "image_data_format": "channels_first", "epsilon": 1e-3}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    done = run(CHECK, KERAS_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "KERAS_BACKEND is None\n"


@needs_namespaces
def test_without_a_home_keras_leaves_nothing_behind(tmp_path: Path) -> None:
    code = f"import os; os.chdir({str(tmp_path)!r}); del os.environ['HOME']\n{CHECK}"
    done = run(code, NOBODY, KERAS_BACKEND="jax")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "KERAS_BACKEND is jax\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("[]", "it holds no object"),
        ('{"floatx": "bfloat16"}', "floatx is none of float32, float16, float64"),
        ('{"epsilon": 1}', "epsilon is no number with a point"),
    ],
)
def test_a_file_at_which_keras_fails_is_one_sentence(content: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text(content)
    done = run(TOLD, KERAS_HOME=str(tmp_path))
    assert done.stdout == f"{tmp_path}/keras.json: {fault}: correct it, or remove it, as Keras writes it again\n"


def test_where_keras_runs_already_a_sentence_says_what_to_set() -> None:
    done = run(f"import keras\n{TOLD}", KERAS_BACKEND="numpy")
    assert done.stdout == (
        "Keras runs on numpy in this process, expected tensorflow: set KERAS_BACKEND=tensorflow before Keras is "
        "imported\n"
    ), done.stderr
