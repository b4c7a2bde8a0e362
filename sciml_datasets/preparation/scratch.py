"""Folders of one process among the temporary files: of a shard that is to be uploaded, and of copies of raw files."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from sciml_datasets.files.atomic_folders import remove_abandoned, work_folder
from sciml_datasets.parallel.processes import signature

SHARD, RAW = "sciml-shard", "sciml-raw"
"""Beginnings of the names of such folders."""
FILES = "files"
"""Name of the only folder in one."""


def new_scratch(kind: str) -> Path:
    """A new folder for files, in a folder of its own that the caller removes; those of killed processes are removed.

    Args:
        kind: `SHARD` or `RAW`.

    Raises:
        OSError: it cannot be made.
    """
    remove_left()
    folder = work_folder(Path(tempfile.gettempdir(), kind), signature())
    folder.mkdir(mode=0o700)
    (folder / FILES).mkdir()
    return folder / FILES


def remove_left() -> None:
    """Remove the folders that killed processes have left."""
    for kind in (SHARD, RAW):
        remove_abandoned(Path(tempfile.gettempdir(), kind), re.compile(FILES))
