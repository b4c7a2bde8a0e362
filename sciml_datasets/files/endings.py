"""Endings of the names of raw files: each format has one, and another spelling of it is never passed over."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sciml_datasets.errors import InputError

HDF5 = (".h5", ".hdf5", ".hdf")
"""Endings of names of HDF5 files, in any case."""


def is_hdf5(path: Path) -> bool:
    """Whether a name has one of the endings of HDF5 files, in any case."""
    return path.suffix.lower() in HDF5


def with_ending(paths: Iterable[Path], ending: str) -> list[Path]:
    """The paths whose names have an ending, sorted; others are left out.

    Args:
        paths: the paths.
        ending: the ending in lower case, with its dot.

    Raises:
        InputError: a name has the ending in another case, or another one of the same format, so that somebody may take
            its file for a raw one.

    Example:
        >>> from pathlib import Path
        >>> from sciml_datasets.files.endings import with_ending
        >>> [path.name for path in with_ending([Path("b.h5"), Path("a.h5"), Path("notes.txt")], ".h5")]
        ['a.h5', 'b.h5']
        >>> with_ending([Path("train/a.HDF5")], ".h5")
        Traceback (most recent call last):
        ...
        sciml_datasets.errors.InputError: train/a.HDF5: a raw file whose name does not end in .h5: rename or remove it
    """
    alike = HDF5 if ending in HDF5 else (ending,)
    found = []
    for path in sorted(paths):
        if path.suffix == ending:
            found.append(path)
        elif path.suffix.lower() in alike:
            raise InputError(f"{path}: a raw file whose name does not end in {ending}: rename or remove it")
    return found
