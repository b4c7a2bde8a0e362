"""Header entries and records of an LMDB environment that may be damaged."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.files.lmdb_files import understood
from sciml_datasets.raw_format import ArrayLayout

TYPES = ("float16", "float32")
MOST_AXES, LONGEST_TEXT = 8, 64
"""Largest number of lengths in a header entry, and of bytes of a name in one; longer entries are refused."""


def layout_of(path: Path, transaction: Any, which: str) -> ArrayLayout:
    """Shape and type that the header states for the records ``input`` or ``output``; they are checked with each record.

    Raises:
        InputError: an entry is missing, or is no type or shape.
    """
    shape, dtype = _get(path, transaction, f"{which}_shape"), text_of(path, transaction, f"{which}_dtype")
    if shape is None or not dtype:
        missing = f"{which}_shape" if shape is None else f"{which}_dtype"
        raise InputError(
            f"{path}: the header entry {missing} is missing: expected input_shape, output_shape, input_dtype and "
            "output_dtype, remove the file"
        )
    if dtype not in TYPES:
        raise InputError(f"{path}: {which}_dtype is {dtype[:40]!r}, expected {' or '.join(TYPES)}: remove the file")
    if len(shape) % 8 or len(shape) > 8 * MOST_AXES or not all(length > 0 for length in np.frombuffer(shape, "<i8")):
        raise InputError(f"{path}: {which}_shape is no list of int64 above 0: remove the file")
    return ArrayLayout(tuple(np.frombuffer(shape, "<i8").tolist()), dtype)


def _get(path: Path, transaction: Any, key: str) -> Any:
    """An entry as a view of the mapped file; None where there is none."""
    with understood(path):
        return transaction.get(key.encode())


def first_key(path: Path, transaction: Any, prefix: str) -> bytes:
    """The first key not less than the prefix; empty where there is none.

    Raises:
        InputError: the file is damaged.
    """
    with understood(path):
        cursor = transaction.cursor()
        return bytes(cursor.key()) if cursor.set_range(prefix.encode()) else b""


def text_of(path: Path, transaction: Any, key: str) -> str:
    """A short text of the header; empty where there is none.

    Raises:
        InputError: it is longer than LONGEST_TEXT, or has characters that do not show.
    """
    value = _get(path, transaction, key)
    if value is None:
        return ""
    if len(value) > LONGEST_TEXT:
        raise InputError(f"{path}: {key} has {len(value)} bytes, expected a name: remove the file")
    text = bytes(value).decode("utf-8", "replace")
    if not text.isprintable():
        raise InputError(f"{path}: {key} is {text!r}, expected a name: remove the file")
    return text


def record(path: Path, transaction: Any, key: str, layout: ArrayLayout) -> NDArray[Any]:
    """A record as an array over the mapped file.

    Raises:
        InputError: it is missing, or has another length than its layout.
    """
    value = _get(path, transaction, key)
    if value is None:
        raise InputError(f"{path}: the record {key} is missing: fetch the file again or remove it")
    dtype = np.dtype(layout.dtype).newbyteorder("<")
    expected = math.prod(layout.shape) * dtype.itemsize
    if len(value) != expected:
        raise InputError(
            f"{path}: the record {key} has {len(value)} bytes, expected {expected} for {layout.shape} {layout.dtype}: "
            "fetch the file again or remove it"
        )
    return np.frombuffer(value, dtype).reshape(layout.shape)
