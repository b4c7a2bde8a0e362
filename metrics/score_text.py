"""Scores as text, and tables of them whose columns are as wide as their content."""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Sequence

DECIMALS = 4
"""Number of decimals of a pure number, and of significant digits of a score with a unit, whose scale is unknown."""
LEAST, MOST = 1e-3, 1e6
"""Limits between which scores with a unit are written without an exponent."""
GAP = "  "
HEADING_LINES = 4
"""Largest number of lines of the heading of a column."""


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


def folded(names: Sequence[str], groups: Sequence[Sequence[Sequence[str]]], width: int | None = None) -> list[str]:
    """Lines of a table of which each part is at most ``width`` characters wide, where that is possible.

    A part begins with the column of names. A group of columns stays together where it fits into a part, and shares one
    with the groups before it where they fit together.

    Args:
        names: heading and cells of the first column.
        groups: columns by group, each a heading and as many cells as there are names; headings are broken at blanks
            into at most HEADING_LINES lines.
        width: number of characters in a line; None for one part.

    Example:
        >>> from sciml_datasets.metrics.score_text import folded
        >>> columns = [["score", "0.61"], ["mean of the training split", "0.40"]]
        >>> for line in folded(["criterion", "R2"], [columns], 60):
        ...     print(line)
                           mean of
                               the
                          training
        criterion  score     split
        R2          0.61      0.40
    """
    if width is None:
        return aligned([*zip(names, *(column for group in groups for column in group), strict=True)])
    parts: list[list[Sequence[str]]] = [[]]
    for group in groups:
        for n, column in enumerate(group):
            added = group if n == 0 and _width(names, group) <= width else [column]
            if parts[-1] and _width(names, [*parts[-1], *added]) > width:
                parts.append([])
            parts[-1].append(column)
    return [line for part in parts for line in _part([names, *part])]


def _heading(column: Sequence[str]) -> list[str]:
    """The lines of the heading of a column: as narrow as its cells, or wider where it would have too many lines."""
    title, *cells = column
    least = max(map(len, [*cells, *title.split()]))
    widths = itertools.count(least)
    return next(lines for n in widths if len(lines := textwrap.wrap(title, n)) <= HEADING_LINES)


def _width(names: Sequence[str], columns: Sequence[Sequence[str]]) -> int:
    """Number of characters in a line of a part with these columns."""
    widths = (max(map(len, [*_heading(column), *column[1:]])) for column in columns)
    return max(map(len, names)) + sum(len(GAP) + width for width in widths)


def _part(columns: Sequence[Sequence[str]]) -> list[str]:
    headings = [_heading(column) for column in columns]
    most = max(map(len, headings))
    above = [[""] * (most - len(lines)) + lines for lines in headings]
    return aligned([*zip(*above, strict=True), *zip(*(column[1:] for column in columns), strict=True)])
