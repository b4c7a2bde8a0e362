"""Predictions files: HDF5 with ``/id`` (N,) utf-8 and ``/prediction`` (N, ...)."""

from __future__ import annotations

import errno
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.files import atomic
from sciml_datasets.files.hdf5 import ANY, TEXT, opened
from sciml_datasets.files.hdf5_writing import written

CHUNK_BYTES = 64 << 20
"""Number of bytes read at a time."""
ID_BYTES = 128
"""Approximate number of bytes of an id in the file: its text, and HDF5's reference to it."""


def read_predictions(path: Path) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Yield ids and predictions, chunk by chunk.

    Raises:
        InputError: the file cannot be read, or lacks /id or /prediction.
    """
    with opened(path) as file:
        for name in ("id", "prediction"):
            if name not in file:
                raise InputError(f"{path}: the data set /{name} is missing: expected /id and /prediction")
        ids, predictions = file.array("id", TEXT), file.array("prediction", ANY)
        if ids.shape[:1] != predictions.shape[:1] or len(ids.shape) != 1:
            raise InputError(
                f"{path}: /id has the shape {ids.shape} and /prediction {predictions.shape}: expected (N,), (N, ...)"
            )
        row_bytes = predictions.dtype.itemsize * math.prod(predictions.shape[1:])
        chunk = max(1, CHUNK_BYTES // max(row_bytes, 1))
        for start in range(0, len(ids), chunk):
            yield ids.rows(start, start + chunk), predictions.rows(start, start + chunk)


def write_predictions(path: Path, count: int, batches: Iterable[tuple[Sequence[str], NDArray[Any]]]) -> None:
    """Write a predictions file; it appears under its name when it is complete.

    Args:
        path: path of the file.
        count: number of all predictions.
        batches: ids and predictions (N, ...) of each batch.

    Raises:
        InputError: there are no predictions.
        OSError: the file cannot be written, or would not fit on the disk.

    Example:
        >>> from pathlib import Path
        >>> import h5py
        >>> import numpy as np
        >>> from sciml_datasets.metrics import write_predictions
        >>> batches = [(["sample1", "sample2"], np.array([0.25, 0.5])), (["sample3"], np.array([1.0]))]
        >>> write_predictions(Path("predictions.h5"), 3, batches)
        >>> with h5py.File("predictions.h5") as file:
        ...     print(file["id"].asstr()[:].tolist(), file["prediction"][:].tolist())
        ['sample1', 'sample2', 'sample3'] [0.25, 0.5, 1.0]
    """
    import h5py

    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        raise InputError(f"{path}: there are no predictions to write: name a split that has samples")
    ids, values = first
    row_bytes = values.dtype.itemsize * math.prod(values.shape[1:])
    with atomic.writing(path) as temporary:
        # The space is checked first: what is computed batch by batch takes long.
        if count * (row_bytes + ID_BYTES) > shutil.disk_usage(temporary.parent).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        with written(temporary) as file:
            all_ids = file.create_dataset("id", (count,), h5py.string_dtype("utf-8"))
            file.create_dataset("prediction", (count, *values.shape[1:]), values.dtype)
            done = 0
            for ids, values in chain([first], batches):
                part = slice(done, done + len(ids))
                all_ids[part], file["prediction"][part] = ids, values
                done += len(ids)


@contextmanager
def named_after(path: Path) -> Iterator[None]:
    """Context in which the message of every InputError begins with the name of a predictions file."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from error


def predictions_of(path: Path, ids: Sequence[str]) -> list[NDArray[Any]]:
    """The predictions for some ids, in their order.

    Raises:
        InputError: the file cannot be read, or an id is missing or occurs twice in it.
    """
    wanted, found = set(ids), {}
    for keys, values in read_predictions(path):
        for key, value in zip(keys, values, strict=True):
            name = key.decode("utf-8", "backslashreplace")
            if name in found:
                raise InputError(f"{path}: the id {name} is given more than once: predict each id exactly once")
            if name in wanted:
                found[name] = value
    missing = [key for key in ids if key not in found]
    if missing:
        raise InputError(f"{path}: no prediction for the id {missing[0]}: predict each id of the split")
    return [found[key] for key in ids]
