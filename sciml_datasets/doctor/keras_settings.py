"""Settings of Keras: its backend, and the file ``keras.json`` that it reads when it is imported."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sciml_datasets.doctor.observation import Observation

BACKEND = "tensorflow"
VARIABLE = "KERAS_BACKEND"
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "floatx": ("float32", "float16", "float64"),
    "image_data_format": ("channels_last", "channels_first"),
}
"""Values that Keras takes, the default first; at another one its import fails."""
_OVERRIDDEN = "`sciml train` and `predict` take {} all the same"


def observe_keras(environ: Mapping[str, str], home: Path | None) -> Iterator[Observation]:
    """The backend and the settings that Keras is given.

    Args:
        environ: environment variables.
        home: home folder of the user; None where it is not known.
    """
    backend = environ.get(VARIABLE)
    if backend in (None, "", BACKEND):
        yield Observation(VARIABLE, backend or "not set")
    else:
        found = f"{backend}: {_OVERRIDDEN.format(BACKEND)}"
        yield Observation(VARIABLE, found, "note", f"unset {VARIABLE}, for programs of your own on {BACKEND}")
    yield from _file(keras_json(environ, home))


def keras_json(environ: Mapping[str, str], home: Path | None) -> Path:
    """The path of ``keras.json``, as keras.src.backend.config (Keras 3) finds it."""
    if "KERAS_HOME" in environ:
        return Path(environ["KERAS_HOME"]) / "keras.json"
    base = home if home is not None and os.access(home, os.W_OK) else Path("/tmp")
    return base / ".keras" / "keras.json"


def _file(path: Path) -> Iterator[Observation]:
    subject, remedy = "keras.json", f"correct {path}, or remove it: Keras writes it anew"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        yield Observation(subject, f"{path}: none, Keras writes it")
        return
    except ValueError:
        yield Observation(subject, f"{path}: no JSON, Keras takes its defaults", "note", remedy)
        return
    except OSError as error:
        yield Observation(subject, f"{path}: {error.strerror}", "wrong", remedy)
        return
    faults = [*_faults(content)]
    if faults:
        yield Observation(subject, f"{path}: {'; '.join(faults)}: Keras cannot be imported", "wrong", remedy)
        return
    wanted = {"backend": BACKEND} | {name: values[0] for name, values in ALLOWED.items()}
    others = {name: content[name] for name, value in wanted.items() if content.get(name, value) != value}
    if others:
        shown = ", ".join(f"{name} is {value}" for name, value in others.items())
        defaults = _OVERRIDDEN.format(", ".join(wanted[name] for name in others))
        yield Observation(subject, f"{path}: {shown}: {defaults}", "note", f"correct {path}, for programs of your own")
    else:
        yield Observation(subject, f"{path}: {', '.join(wanted.values())}")


def _faults(content: Any) -> Iterator[str]:
    """A clause for each value at which the import of Keras fails."""
    if not isinstance(content, dict):
        yield "it holds no object"
        return
    for name, values in ALLOWED.items():
        if content.get(name, values[0]) not in values:
            yield f"{name} is none of {', '.join(values)}"
    if not isinstance(content.get("epsilon", 1e-7), float):
        yield "epsilon is no number with a point"
