"""Checkpoints: everything that a run needs to go on, in one file that is whole or absent."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sciml_datasets.appearing import appearing
from sciml_datasets.errors import InputError


@dataclass
class Progress:
    """How far a run has come.

    Attributes:
        epoch: that is being trained, from 1.
        step: batches of it that are done.
        losses: of these batches.
        history: rows of ``history.csv``, one for each whole epoch.
        seconds: that the run has taken.
        log_bytes: size of the log when this was written.
    """

    epoch: int = 1
    step: int = 0
    losses: list[float] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    log_bytes: int = 0


def save(path: Path, progress: Progress, variables: Sequence[Any]) -> None:
    """Write a checkpoint in the place of the last one.

    Args:
        path: of the checkpoint.
        progress: of the run.
        variables: of the network and the optimizer, in their order.
    """
    arrays: dict[str, Any] = {f"variable_{i}": np.asarray(variable) for i, variable in enumerate(variables)}
    arrays["progress"] = np.frombuffer(json.dumps(asdict(progress)).encode(), np.uint8)
    # NumPy's format knows no bfloat16; weights and moments are float32 in every precision.
    with appearing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())


def restore(path: Path, variables: Sequence[Any]) -> Progress:
    """Set the variables to those of a checkpoint and say how far the run had come.

    Raises:
        InputError: it is damaged, or of another network.
    """
    try:
        with np.load(path, allow_pickle=False) as found:
            progress = Progress(**json.loads(found["progress"].tobytes()))
            arrays: Mapping[str, Any] = {name: found[name] for name in found.files}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error}): remove it to start over") from error
    expected = [tuple(variable.shape) for variable in variables]
    stored = [arrays[f"variable_{i}"].shape for i in range(len(arrays) - 1)]
    if stored != expected:
        raise InputError(f"{path} is of another network: train with the model it was made with, or choose another run")
    for i, variable in enumerate(variables):
        variable.assign(arrays[f"variable_{i}"])
    return progress
