"""The file ``keras.json``, which Keras reads when it is imported, and writes where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

BACKEND, FLOAT, LAYOUT, EPSILON = "tensorflow", "float32", "channels_last", 1e-7
"""Settings that the models here are made for, of those that the file may have."""
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "floatx": (FLOAT, "float16", "float64"),
    "image_data_format": (LAYOUT, "channels_first"),
}
"""Values that Keras takes, the default first; at another one its import fails."""
SHARED = Path("/tmp")
"""Folder of all users, in which Keras has its own where it may not write to the home folder."""


def keras_folder(environ: Mapping[str, str], home: Path | None) -> Path:
    """The folder of the file, as keras.src.backend.config (Keras 3) finds it.

    Args:
        environ: environment variables.
        home: home folder of the user; None where it is not known.
    """
    if "KERAS_HOME" in environ:
        return Path(environ["KERAS_HOME"])
    return (home if home is not None and os.access(home, os.W_OK) else SHARED) / ".keras"


def faults(content: Any) -> Iterator[str]:
    """A clause for each value in the content of the file at which the import of Keras fails.

    Example:
        >>> from sciml_datasets.models.keras_json import faults
        >>> [*faults({"floatx": "bfloat16", "epsilon": 1})]
        ['floatx is none of float32, float16, float64', 'epsilon is no number with a point']
    """
    if not isinstance(content, dict):
        yield "it holds no object"
        return
    for name, values in ALLOWED.items():
        if content.get(name, values[0]) not in values:
            yield f"{name} is none of {', '.join(values)}"
    if not isinstance(content.get("epsilon", EPSILON), float):
        yield "epsilon is no number with a point"
