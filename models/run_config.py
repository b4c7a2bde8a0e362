"""The configuration of a run, ``config.yaml``: read again to go on, and to predict with the run's network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.files.documents import read_yaml
from sciml_datasets.files.text import shown

CONFIG = "config.yaml"
EARLIER = {"transform": "host"}
"""Settings that runs of earlier versions do not state, since there was nothing to choose."""


def check_same_run(folder: Path, config: dict[str, Any]) -> None:
    """Make sure that the unfinished run in a folder has this configuration.

    Raises:
        InputError: it has another one, or the file is damaged.
    """
    before = read_yaml(folder / CONFIG, "the configuration of a run", "choose another run folder, or remove this one")
    flat, flat_before = _flat(config), EARLIER | _flat(before)
    changed = [key for key, value in flat.items() if flat_before.get(key) != value]
    if changed:
        raise InputError(
            f"{folder} holds an unfinished run with another {', '.join(changed)}: start with the same flags "
            "to go on, or choose another run folder with --out"
        )


def trained_with(folder: Path, name: str) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """The settings with which a run was trained, the partition that it was trained on, and what `predict` compares with
    the data, ``response`` and ``choices``, as its ``config.yaml`` has them; none where there is no such file.

    Raises:
        InputError: the file is not what a run leaves, or the run is of another data set than ``name``.
    """
    path = folder / CONFIG
    if not path.is_file():
        return {}, "", {}
    remedy = "name a run folder, as `sciml train --out` leaves it"
    config = read_yaml(path, "the configuration of a run", remedy, {"settings": dict})
    settings, partition = EARLIER | config["settings"], str(config.get("partition", ""))
    if config.get("dataset", name) != name:
        trained = shown(str(config["dataset"]))
        raise InputError(
            f"{folder} was trained on {trained}, not on {name}: predict {trained}, or give its network with "
            f"--model {folder / 'model.keras'}"
        )
    of_data = {"response": config.get("response"), "choices": config.get("choices") or {}}
    return settings, partition, {key: value for key, value in of_data.items() if isinstance(value, dict)}


def _flat(config: dict[str, Any]) -> dict[str, Any]:
    """The settings beside what stands with them."""
    settings = config.get("settings")
    return {key: value for key, value in config.items() if key != "settings"} | (
        settings if isinstance(settings, dict) else {}
    )
