"""Scores as text, and tables of them whose columns are as wide as their content."""

from __future__ import annotations

import math
from collections.abc import Sequence

DECIMALS = 4
"""Number of decimals of a pure number, and of significant digits of a score with a unit, whose scale is unknown."""
LEAST, MOST = 1e-3, 1e6
"""Limits between which scores with a unit are written without an exponent."""
GAP = "  "


def score_text(value: float | None, unit: str = "") -> str:
    """A score as tables and pages print it.

    Args:
        value: value of the score; None for an undefined one.
        unit: unit of the score, empty for a pure number. A pure number that four decimals would show as 0, or that has
            seven digits before the point, is written like one with a unit.
    """
    if value is None:
        return "-"
    size = abs(value)
    if not unit and (size < MOST and (size >= 0.5 * 10**-DECIMALS or size == 0)):
        return f"{value:.{DECIMALS}f}"
    rounded = f"{value:.{DECIMALS - 1}e}"
    if size == 0 or not LEAST <= abs(float(rounded)) < MOST:
        return "0" if size == 0 else rounded
    return f"{value:.{max(0, DECIMALS - 1 - math.floor(math.log10(abs(float(rounded)))))}f}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table: the first column to the left, all others to the right, two blanks or more between columns.

    Args:
        rows: rows of cells, with the same number of cells in each.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        GAP.join([first.ljust(widths[0]), *(cell.rjust(n) for cell, n in zip(cells, widths[1:], strict=True))])
        for first, *cells in rows
    ]
