"""Settings of Keras: its backend, and the file ``keras.json`` that it reads when it is imported."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from sciml_datasets.doctor.observation import Observation
from sciml_datasets.models.keras_backend import VARIABLE
from sciml_datasets.models.keras_json import BACKEND, EPSILON, FLOAT, LAYOUT, faults, keras_folder

_OVERRIDDEN = "`sciml train` and `predict` take {} all the same"
WANTED: Mapping[str, str | float] = {
    "backend": BACKEND,
    "floatx": FLOAT,
    "image_data_format": LAYOUT,
    "epsilon": EPSILON,
}


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
    yield from _file(keras_folder(environ, home) / "keras.json")


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
    found = [*faults(content)]
    if found:
        yield Observation(subject, f"{path}: {'; '.join(found)}: Keras cannot be imported", "wrong", remedy)
        return
    others = {name: content[name] for name, value in WANTED.items() if content.get(name, value) != value}
    if others:
        shown = ", ".join(f"{name} is {value}" for name, value in others.items())
        defaults = _OVERRIDDEN.format(", ".join(f"{WANTED[name]}" for name in others))
        yield Observation(subject, f"{path}: {shown}: {defaults}", "note", f"correct {path}, for programs of your own")
    else:
        yield Observation(subject, f"{path}: {', '.join(map(str, WANTED.values()))}")
