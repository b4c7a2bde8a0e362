"""Facts of a prepared data set as a whole: its raw form, its scaling, the samples that were left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sciml_datasets.files.documents import read_object
from sciml_datasets.prepared.integrity import AGAIN, undamaged

NAME = "metadata.json"
"""Name of the file with these facts in a prepared folder; a data set without such facts has no file."""


def facts_of(folder: Path) -> dict[str, Any]:
    """The facts of a prepared folder by name; empty where it has no file of facts.

    Raises:
        InputError: the file is damaged, or missing although the manifest lists it.
    """
    path = undamaged(folder / NAME)
    return read_object(path, "facts of a prepared data set", AGAIN) if path.is_file() else {}
