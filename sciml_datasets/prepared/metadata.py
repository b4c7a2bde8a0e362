"""Facts of a prepared data set as a whole: its raw form, its scaling, the samples that were left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sciml_datasets.files.documents import Kinds, object_of, read_object
from sciml_datasets.prepared.integrity import AGAIN, undamaged

NAME = "metadata.json"
"""Name of the file with these facts in a prepared folder; a data set without such facts has no file."""
RESPONSE = "response"
"""Name of the fact that says what is predicted: its measure and unit, which decide the criteria."""

LIMIT = (int, float, type(None))
MEASURE: Kinds = {"name": str, "title": str, "unit": str, "low": LIMIT, "high": LIMIT, "range": str}
"""Keys of the fact RESPONSE, with their types."""


def facts_of(folder: Path) -> dict[str, Any]:
    """The facts of a prepared folder by name; empty where it has no file of facts.

    Raises:
        InputError: the file is damaged, or missing although the manifest lists it.
    """
    path = undamaged(folder / NAME)
    if not path.is_file():
        return {}
    facts = read_object(path, "facts of a prepared data set", AGAIN)
    if facts.get(RESPONSE) is not None:
        object_of(facts[RESPONSE], f"{path}: {RESPONSE}", "the measure of a response", AGAIN, MEASURE)
    return facts
