"""Checkpoints: everything that a run needs to go on, in one file that is whole or absent."""

from __future__ import annotations

import errno
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files import atomic

DAMAGE = (
    *(ValueError, LookupError, TypeError, AttributeError, RuntimeError, EOFError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)
"""Exceptions that Python's and NumPy's readers of archives raise where bytes are wrong."""


@dataclass
class Progress:
    """The progress of a run.

    Attributes:
        epoch: number of the epoch that is being trained, from 1.
        step: number of its batches that are done.
        losses: losses of these batches.
        history: rows of ``history.csv``, one for each whole epoch.
        seconds: time that the run has taken.
        log_bytes: size of the log when this was written, in bytes.
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
        path: path of the checkpoint.
        progress: progress of the run.
        variables: variables of the network and the optimizer, in their order.
    """
    arrays: dict[str, Any] = {f"variable_{i}": np.asarray(variable) for i, variable in enumerate(variables)}
    arrays["progress"] = np.frombuffer(json.dumps(asdict(progress)).encode(), np.uint8)
    # NumPy's format knows no bfloat16; weights and moments are never that.
    with atomic.writing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def restore(path: Path, variables: Sequence[Any]) -> Progress:
    """Set the variables to those of a checkpoint and return the progress of the run.

    Raises:
        InputError: it is damaged, or of another network.
    """
    try:
        with naming(path), path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            progress = Progress(**json.loads(found["progress"].tobytes()))
            arrays: Mapping[str, Any] = {name: found[name] for name in found.files}
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise _damaged(path, error) from error  # the directory of the archive names a place before its beginning
    except DAMAGE as error:
        raise _damaged(path, error) from error
    expected = {f"variable_{i}": tuple(variable.shape) for i, variable in enumerate(variables)}
    stored = {name: array.shape for name, array in arrays.items() if name != "progress"}
    if stored != expected:
        raise InputError(f"{path} is of another network: train with the model it was made with, or choose another run")
    for i, variable in enumerate(variables):
        variable.assign(arrays[f"variable_{i}"])
    return progress


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} is damaged ({' '.join(str(error).split())}): remove it to start over")
