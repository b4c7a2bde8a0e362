"""What a prepared data set tells of itself as a whole: its raw form, how it was scaled, what was left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sciml_datasets.files.documents import read_object
from sciml_datasets.prepared.integrity import AGAIN, undamaged

NAME = "metadata.json"
"""File of a prepared folder; data sets of which there is nothing to tell have none."""


def facts_of(folder: Path) -> dict[str, Any]:
    """The facts of a prepared folder by name; none where it has no file of them.

    Raises:
        InputError: the file is damaged, or missing although the manifest lists it.
    """
    path = undamaged(folder / NAME)
    return read_object(path, "facts of a prepared data set", AGAIN) if path.is_file() else {}
