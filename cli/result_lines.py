"""The lines by which commands show a result in the terminal."""

from __future__ import annotations

import shutil
import sys
from typing import Any


def result_lines(result: dict[str, Any]) -> list[str]:
    """Lines of a result's table: as wide as the terminal where standard output is one.

    Published values are left out for data that are simulated, on which nobody has published any.

    Args:
        result: content of ``result.json``, of a run or of several.
    """
    from sciml_datasets.benchmarks import find
    from sciml_datasets.metrics.result_table import table

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    _, dataset = find(result["dataset"])
    return table(result, width, published=not dataset.simulated_samples).split("\n")
