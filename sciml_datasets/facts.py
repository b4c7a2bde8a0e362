"""What a prepared data set tells of itself as a whole: its raw form, how it was scaled, what was left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NAME = "metadata.json"
"""File of a prepared folder; data sets of which there is nothing to tell have none."""


def facts_of(folder: Path) -> dict[str, Any]:
    """The facts of a prepared folder by name; none where it has no file of them."""
    path = folder / NAME
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return found
