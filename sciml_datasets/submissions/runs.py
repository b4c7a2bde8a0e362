"""Run folders, as `sciml train` leaves them or as anyone writes them, read for a submission."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.files.documents import object_of, parse_json, read_text, read_yaml
from sciml_datasets.files.hashing import sha256_of
from sciml_datasets.metrics.results import read_result
from sciml_datasets.submissions.logs import TOKEN, check_logged_result

LOG = "result-1.txt"
PREDICTIONS = "predictions.h5"
HISTORY, PLOTS = "history.csv", "plots"
RUN_FILE = re.compile(r"config\.yaml|history\.csv|model\.keras|result(-[0-9]+)?\.(json|txt)|predictions(-[0-9]+)?\.h5")
EVENT, YEAR_3000_MS = "an event of MLLOG", 3.25e13
AGAIN = "run it again, or name another run folder"


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    Attributes:
        folder: folder of the run.
        config: content of config.yaml.
        result: content of result.json.
        log: lines of result-1.txt.
        sha256: SHA-256 of the predictions.
        size: size of the predictions in bytes.
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
        InputError: a file is missing or is not what a run leaves, or the log has another seed or result.
    """
    for name in ("config.yaml", "result.json", LOG, PREDICTIONS):
        if not (folder / name).is_file():
            raise InputError(f"{folder / name} is missing: name a run folder, as `sciml train --out` writes it")
    config = read_yaml(folder / "config.yaml", "a mapping with all hyperparameters", AGAIN, {"settings": dict})
    result = read_result(folder / "result.json", AGAIN)
    log = read_text(folder / LOG, AGAIN).splitlines()
    events = [
        _event(line.partition(TOKEN)[2], f"{folder / LOG}, line {number}")
        for number, line in enumerate(log, 1)
        if TOKEN in line
    ]
    if found := next(check_logged_result("", events, result), None):
        raise InputError(
            f"{folder / 'result.json'} is not the result of the run that {LOG} logs ({found.what}): put the run's own "
            f"file back, correct the entry if that alone is wrong, {AGAIN}"
        )
    path = folder / PREDICTIONS
    return Run(folder, config, result, log, sha256_of(path), path.stat().st_size)


def is_of_run(path: Path) -> bool:
    """Whether a file, or the one that a symbolic link leads to, is there and one that a run or a submission consists
    of."""
    path = Path(os.path.realpath(path))
    plot = path.parent.name == PLOTS
    folder = path.parent.parent if plot else path.parent
    return (plot or RUN_FILE.fullmatch(path.name) is not None) and all(
        file.is_file() for file in (path, folder / "config.yaml", folder / LOG)
    )


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run, and no submission."""
    return all((folder / name).is_file() for name in ("config.yaml", LOG, PREDICTIONS, HISTORY))


def _event(text: str, where: str) -> dict[str, Any]:
    """The event of MLLOG that a line of the log holds.

    Raises:
        InputError: it holds none.
    """
    fields = object_of(parse_json(text, where, AGAIN), where, EVENT, AGAIN, {"key": str, "time_ms": (int, float)})
    if "value" not in fields or not 0 <= fields["time_ms"] < YEAR_3000_MS:
        raise InputError(f"{where} has no value, or the time {fields['time_ms']}, expected {EVENT}: {AGAIN}")
    return fields


def check_alike(runs: Sequence[Run]) -> None:
    """Make sure that runs differ by their seeds only.

    Raises:
        InputError: they do not; what differs is named.
    """
    first = runs[0]
    for run in runs[1:]:
        for key in ("benchmark", "dataset", "model", "own_model", "settings"):
            if run.config.get(key) != first.config.get(key):
                raise InputError(
                    f"{run.folder} and {first.folder} differ in {key}: submit runs of different seeds together, others "
                    "with a descriptor of their own"
                )
        if run.sha256 == first.sha256:
            raise InputError(f"{run.folder} has the predictions of {first.folder}: give each run once")
