"""Run folders, as `sciml train` leaves them or as anyone writes them, read for a submission."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sciml_datasets.checksums import sha256_of
from sciml_datasets.errors import InputError
from sciml_datasets.metrics.results import check_schema

LOG = "result-1.txt"
PREDICTIONS = "predictions.h5"


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    Attributes:
        folder: of it.
        config: content of config.yaml.
        result: content of result.json.
        log: lines of result-1.txt.
        sha256: of the predictions.
        size: of the predictions in bytes.
    """

    folder: Path
    config: dict[str, Any]
    result: dict[str, Any]
    log: list[str]
    sha256: str
    size: int


def read_run(folder: Path) -> Run:
    """Read a run folder.

    Raises:
        InputError: a file is missing or is not what a run leaves.
    """
    import yaml

    for name in ("config.yaml", "result.json", LOG, PREDICTIONS):
        if not (folder / name).is_file():
            raise InputError(f"{folder / name} is missing: name a run folder, as `sciml train --out` writes it")
    try:
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        log = (folder / LOG).read_text(encoding="utf-8").splitlines()
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{folder} holds a file that cannot be read ({error}): run it again") from error
    if not isinstance(config, dict) or not isinstance(config.get("settings"), dict):
        raise InputError(f"{folder / 'config.yaml'} has no settings: expected a mapping with all hyperparameters")
    try:
        check_schema(result)
    except InputError as error:
        raise InputError(f"{folder / 'result.json'}: {error}") from error
    path = folder / PREDICTIONS
    return Run(folder, config, result, log, sha256_of(path), path.stat().st_size)


def check_alike(runs: Sequence[Run]) -> None:
    """Make sure that runs differ by their seeds only.

    Raises:
        InputError: they do not; what differs is named.
    """
    first = runs[0]
    for run in runs[1:]:
        for key in ("benchmark", "dataset", "model", "settings"):
            if run.config.get(key) != first.config.get(key):
                raise InputError(
                    f"{run.folder} and {first.folder} differ in {key}: submit runs of different seeds together, others "
                    "with a descriptor of their own"
                )
        if run.sha256 == first.sha256:
            raise InputError(f"{run.folder} has the predictions of {first.folder}: give each run once")
