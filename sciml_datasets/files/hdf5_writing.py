"""HDF5 files of our own: the reason why one cannot be written is the system's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import h5py


@contextmanager
def written(path: Path) -> Iterator[h5py.File]:
    """A new HDF5 file, open for writing as long as the context lasts; one that is there is overwritten.

    Raises:
        OSError: it cannot be written; the file is named.
    """
    import h5py

    try:
        with h5py.File(path, "w") as file:
            yield file
    except (OSError, RuntimeError) as error:
        # HDF5 hides the system's reason in its text, and fails again when it closes the file.
        found = re.search(r"errno = (\d+)", f"{error} {error.__context__}")
        if found is None:
            raise
        raise OSError(int(found[1]), os.strerror(int(found[1])), str(path)) from None
