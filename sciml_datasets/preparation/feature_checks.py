"""Comparison of the features of a prepared folder with the declared ones, which may change without the version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.files.documents import read_object

NAME = "features.json"


def check_features(folder: Path, features: Any) -> None:
    """Make sure that a folder was prepared with the features that are declared now, by their names and classes.

    Args:
        folder: prepared folder.
        features: the declared ``tfds.features.FeaturesDict``.

    Raises:
        InputError: a feature was added, is missing or has another class; they are named.
    """
    remedy = "remove the folder and prepare the data set again"
    stored = read_object(folder / NAME, "a description of features", remedy, {"featuresDict": dict})
    then, now = _classes(stored["featuresDict"]), _classes(features.to_json()["content"])
    changes = {
        "added": sorted(now.keys() - then.keys()),
        "missing": sorted(then.keys() - now.keys()),
        "of another class": sorted(name for name in now.keys() & then.keys() if now[name] != then[name]),
    }
    clauses = [f"{what}: {', '.join(names)}" for what, names in changes.items() if names]
    if clauses:
        raise InputError(
            f"{folder} was prepared with other features ({'; '.join(clauses)}): raise the version of the data set, or "
            "remove the folder"
        )


def _classes(description: dict[str, Any]) -> dict[str, str]:
    """The class of each feature by name."""
    return {name: feature["pythonClassName"] for name, feature in description["features"].items()}
