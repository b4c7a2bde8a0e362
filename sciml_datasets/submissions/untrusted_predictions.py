"""Predictions files of strangers: two plain data sets in the file itself, or nothing is read.

The library that reads HDF5 is written in C: a damaged file may crash it, so this runs in a process that may die
(`sciml_datasets.sandbox`).
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import MACHINE_TROUBLE, InputError, naming
from sciml_datasets.files.hdf5 import opened
from sciml_datasets.files.hdf5_attributes import machine_error
from sciml_datasets.submissions import rules
from sciml_datasets.submissions.file_types import ZIP_TAIL, refuse_zip
from sciml_datasets.submissions.findings import BrokenRuleError, shown

if TYPE_CHECKING:
    import h5py

    from sciml_datasets.submissions.prediction_errors import Places

NAMES = ("id", "prediction")
ROWS_AT_ONCE = 4096
LONGEST_ID = 1000
END_ADDRESS = {0: 40, 1: 44, 2: 28, 3: 28}
"""Version of a superblock to the byte at which the address of the end of the file stands."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The content of a predictions file.

    Attributes:
        ids: in the order of the file.
        fingerprint: fingerprint of ids and values; the same for the same predictions in another order, compression or
            precision
            (compared as float32).
        picked: id to the values at the places that were asked for.
    """

    ids: list[str]
    fingerprint: str
    picked: dict[str, NDArray[Any]]


def read_contents(path: Path, places: Places | None = None) -> Contents:
    """Look at the structure of a predictions file, then read it once.

    Args:
        path: path of the file.
        places: places whose values are wanted; none where predictions have another size.

    Raises:
        BrokenRuleError: it is not what the rules allow, or damaged.
    """
    check_bytes(path)
    try:
        with opened(path) as file:
            check_structure(file.h5)
            return _read(file.h5, places)
    except InputError as error:
        raise BrokenRuleError("hdf5-damaged", shown(str(error).removeprefix(f"{path}: "), 200)) from error
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, SystemError) as error:  # as h5py reports damage
        number = machine_error(error)
        if number is not None and number in MACHINE_TROUBLE:
            raise OSError(number, os.strerror(number), str(path)) from error
        raise BrokenRuleError("hdf5-damaged", shown(error, 200)) from error


def check_bytes(path: Path) -> None:
    """Does the file begin and end where its HDF5 does?

    Raises:
        BrokenRuleError: something stands before or behind it, or it is an archive as well.
    """
    with naming(path), path.open("rb") as file:
        head, size = file.read(64).ljust(64, b"\0"), file.seek(0, 2)
        file.seek(max(0, size - ZIP_TAIL))
        tail = file.read()
    # The superblock (HDF5 File Format Specification, II.A): version, size of addresses, address of the end of file.
    version = head[8]
    if not head.startswith(rules.MAGIC[".h5"]) or version not in END_ADDRESS:
        raise BrokenRuleError("hdf5-damaged", "it does not begin as HDF5 files do")
    addresses, at = head[13] if version < 2 else head[9], END_ADDRESS[version]
    end = int.from_bytes(head[at : at + 8], "little")
    if addresses != 8:
        raise BrokenRuleError("hdf5-content", f"its addresses have {addresses} bytes, expected 8")
    if end < size:
        raise BrokenRuleError("hdf5-content", f"{size - end:,} bytes follow its end")
    refuse_zip(tail)


def check_structure(file: h5py.File) -> None:
    """Is there nothing but two plain data sets of bearable size?

    Raises:
        BrokenRuleError: no; no link was followed and no value read.
    """
    import h5py

    if len(file.id) != len(NAMES):
        raise BrokenRuleError("hdf5-content", f"it holds {len(file.id)} objects, expected /id and /prediction")
    for name in (key.decode("utf-8", "backslashreplace") for key in file.id):
        kind = file.id.links.get_info(name.encode()).type
        if kind != h5py.h5l.TYPE_HARD:
            raise BrokenRuleError("hdf5-link", f"/{shown(name)} is a soft or external link")
        if name not in NAMES:
            raise BrokenRuleError("hdf5-content", f"it holds /{shown(name)}")
        if h5py.h5o.get_info(file.id, name.encode()).type != h5py.h5o.TYPE_DATASET:
            raise BrokenRuleError("hdf5-content", f"/{name} is not a data set")
        _check_storage(name, h5py.h5d.open(file.id, name.encode()))
    ids, predictions = file["id"], file["prediction"]
    if ids.ndim != 1 or ids.shape[:1] != predictions.shape[:1]:
        shapes = f"/id has the shape {ids.shape} and /prediction {predictions.shape}"
        raise BrokenRuleError("predictions-format", f"{shapes}, expected (N,) and (N, ...)")
    if not h5py.check_string_dtype(ids.dtype):
        raise BrokenRuleError("predictions-type", f"/id is of {ids.dtype}")
    if predictions.dtype.kind not in "fiub":
        raise BrokenRuleError("predictions-type", f"/prediction is of {shown(predictions.dtype)}")


def _check_storage(name: str, dataset: h5py.h5d.DatasetID) -> None:
    from h5py import h5d, h5z

    made, shape = dataset.get_create_plist(), dataset.shape
    if made.get_external_count() or made.get_layout() == h5d.VIRTUAL:
        raise BrokenRuleError("hdf5-external", f"/{name} lies in another file")
    allowed = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32, h5z.FILTER_LZF}
    for i in range(made.get_nfilters()):
        if made.get_filter(i)[0] not in allowed:
            raise BrokenRuleError("hdf5-filter", f"/{name} is made with the filter {made.get_filter(i)[0]}")
    row = dataset.get_type().get_size()
    count = int(np.prod(shape or (1,), dtype=object))
    if (shape and shape[0] > rules.MAX_SAMPLES) or count * row > rules.MAX_RAW_PREDICTIONS:
        raise BrokenRuleError("hdf5-size", f"/{name} has the shape {shape}, {count * row:,} bytes")
    if made.get_layout() == h5d.CHUNKED:
        chunk = int(np.prod(made.get_chunk(), dtype=object)) * row
        if chunk > rules.MAX_CHUNK:
            raise BrokenRuleError("hdf5-size", f"/{name} has chunks of {chunk:,} bytes, at most {rules.MAX_CHUNK:,}")
    stored = dataset.get_storage_size()
    if count * row > rules.MAX_RATIO * stored + rules.MIB:
        what = f"/{name} has {count * row:,} bytes but {stored:,} are stored"
        raise BrokenRuleError("hdf5-size", what)


def _read(file: h5py.File, places: Places | None) -> Contents:
    names: list[str] = []
    fits = places is not None and math.prod(file["prediction"].shape[1:]) == places.size
    wanted = places.of if places is not None and fits else {}
    picked: dict[str, NDArray[Any]] = {}
    total = 0
    for keys, values in _rows(file):
        for key, value in zip(keys, values, strict=True):
            if len(key) > LONGEST_ID:
                raise BrokenRuleError("predictions-ids", f"an id has {len(key):,} bytes, at most {LONGEST_ID:,}")
            digest = hashlib.blake2b(key + b"\0" + value.tobytes(), digest_size=16).digest()
            total = (total + int.from_bytes(digest, "big")) % (1 << 128)
            names.append(name := key.decode("utf-8", "backslashreplace"))
            if name in wanted:
                picked[name] = value.reshape(-1)[wanted[name]]
    return Contents(names, f"{total:032x}", picked)


def _rows(file: h5py.File) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Ids and predictions, as float32, in parts of bounded size."""
    ids, predictions = file["id"], file["prediction"]
    row = predictions.dtype.itemsize * int(np.prod(predictions.shape[1:], dtype=np.int64))
    step = max(1, min(ROWS_AT_ONCE, rules.MAX_CHUNK // 2 // max(row, 1)))
    for start in range(0, len(ids), step):
        part = slice(start, start + step)
        with np.errstate(over="ignore", invalid="ignore"):
            yield ids[part], np.ascontiguousarray(predictions[part], np.float32)
