"""Predictions files: HDF5 with ``/id`` (N,) utf-8 and ``/prediction`` (N, ...)."""

from __future__ import annotations

import errno
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files import atomic
from sciml_datasets.files.hdf5 import ANY, TEXT, opened
from sciml_datasets.files.hdf5_writing import written
from sciml_datasets.files.regular_files import regular_file
from sciml_datasets.files.text import shown
from sciml_datasets.parallel.apart import ChildEndedError, apart

CHUNK_BYTES = 64 << 20
"""Number of bytes read at a time."""
LARGEST_ROW = 1 << 29
"""Largest number of bytes of an id, or of a prediction."""
PROCESSOR_SECONDS, SLOWEST, MOST_STORED = 3, 20 << 20, 600 << 20
"""Seconds of processor time that the HDF5 library may take for a chunk, which it reads in one: so many, and one more
for so many bytes of the file, up to those that a chunk may have: 4 million ids of 128 bytes, and their predictions."""
ID_BYTES = 128
"""Approximate number of bytes of an id in the file: its text, and HDF5's reference to it."""


def read_predictions(path: Path) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Yield ids and predictions, chunk by chunk.

    The file is read by a child process: a damaged one may crash the HDF5 library, or keep it busy without end. What is
    stored in one piece is read here, past the library.

    Raises:
        InputError: the file cannot be read, or lacks /id or /prediction.
        OSError: the machine failed.
    """
    with naming(path):
        try:
            seconds = PROCESSOR_SECONDS + min(regular_file(path).st_size, MOST_STORED) // SLOWEST
            for ids, values, *place in apart(partial(_parts, path), seconds):
                yield ids, _stored(path, len(ids), values, int(place[0][0])) if place else values
        except ChildEndedError as error:
            raise InputError(
                f"{path} cannot be read by the HDF5 library ({error}), so that it must be damaged: predict again"
            ) from error


def read_predictions_here(path: Path) -> Iterator[tuple[NDArray[Any], ...]]:
    """`read_predictions` by this process: of a file that it has written itself, or where it is in a sandbox already."""
    return _parts(path, past=False)


def _stored(path: Path, count: int, like: NDArray[Any], place: int) -> NDArray[Any]:
    """As many rows at a byte of the file, of the type and shape of those in an array."""
    values = np.empty((count, *like.shape[1:]), like.dtype)
    with path.open("rb", buffering=0) as file:
        file.seek(place)
        view, done = values.reshape(-1).view(np.uint8).data, 0
        while done < len(view):
            read = file.readinto(view[done:])
            if not read:
                raise InputError(f"{path} is cut short: it has changed while it was read, predict again")
            done += read
    return values


def _parts(path: Path, *, past: bool = True) -> Iterator[tuple[NDArray[Any], ...]]:
    """Ids and predictions, chunk by chunk.

    Args:
        path: the file.
        past: whether predictions that are stored in one piece are left out, as an array without rows, with the byte of
            the file at which those of the chunk begin.
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
        if row_bytes + ids.dtype.itemsize > LARGEST_ROW:
            raise InputError(
                f"{path}: a prediction and its id have {row_bytes + ids.dtype.itemsize:,} bytes: predict again"
            )
        chunk = max(1, CHUNK_BYTES // max(row_bytes, ids.dtype.itemsize))
        offset = predictions.offset if past and predictions.dtype.kind in "fiu" else None
        for start in range(0, len(ids), chunk):
            if offset is None:
                yield ids.rows(start, start + chunk), predictions.rows(start, start + chunk)
            else:
                nothing = np.empty((0, *predictions.shape[1:]), predictions.dtype)
                yield ids.rows(start, start + chunk), nothing, np.array([offset + start * row_bytes], np.int64)


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
                raise InputError(f"{path}: the id {shown(name)} is given more than once: predict each id exactly once")
            if name in wanted:
                found[name] = value
    missing = [key for key in ids if key not in found]
    if missing:
        raise InputError(f"{path}: no prediction for the id {missing[0]}: predict each id of the split")
    return [found[key] for key in ids]
