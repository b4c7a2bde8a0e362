"""Opening HDF5 files that may be anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sciml_datasets.errors import InputError

if TYPE_CHECKING:
    import h5py


def open_hdf5(path: Path) -> h5py.File:
    """Open a file for reading.

    Raises:
        InputError: it does not exist, or is not a complete HDF5 file.
        PermissionError: it may not be read.
    """
    import h5py

    if path.is_dir():
        raise InputError(f"{path} is a folder, expected an HDF5 file")
    try:
        return h5py.File(path, "r")
    except PermissionError as error:  # HDF5 does not say of which file
        raise PermissionError(error.errno, error.strerror, str(path)) from error
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file: put it there or correct the path") from error
    except OSError as error:
        text = str(error)
        # HDF5's own reason stands in parentheses, for example: truncated file: eof = 100, ...
        reason = text[text.find("(") + 1 : text.rfind(")")] if "(" in text else text
        raise InputError(
            f"{path}: not a complete HDF5 file ({reason}): fetch or make it again, or remove it"
        ) from error


def attribute(group: h5py.h5g.GroupID, name: str) -> Any:
    """The value of an attribute, or None where there is none; text as bytes.

    h5py's low-level interface takes a third of the time of ``attrs``, and double precision, which most attributes have,
    less again: its type needs no translation.
    """
    import h5py

    key = name.encode()
    if not h5py.h5a.exists(group, key):
        return None
    stored = h5py.h5a.open(group, key)
    if stored.get_type() == h5py.h5t.IEEE_F64LE:
        value = np.empty(stored.shape)
        stored.read(value, h5py.h5t.NATIVE_DOUBLE)
        return value
    dtype = stored.dtype
    if dtype.kind not in "fiuS" and not h5py.check_string_dtype(dtype):
        return h5py.Group(group).attrs[name]
    value = np.empty(stored.shape, dtype)
    stored.read(value)
    return value
