"""Numbers in text from outside: words for a missing one, and what float32 cannot hold."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MISSING = (
    *("", "-", "na", "NA", "N/A", "n/a", "#NA", "#N/A", "#N/A N/A", "<NA>", "NaN", "nan", "-NaN", "-nan"),
    *("NULL", "null", "None", "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN"),
)
"""Words in place of a number that is not known: those of pandas, and two that the tables of CANDLE have."""
NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf(inity)?|nan)", re.ASCII | re.IGNORECASE)


def fault_of(field: str, infinite: bool) -> str | None:
    """Why a field cannot be stored as a number, in words; None where it can.

    Args:
        field: the text.
        infinite: whether an infinite number is one.
    """
    if field in MISSING:
        return None
    if not NUMBER.fullmatch(field.strip(" \t")):
        return f"{field!r} is no number"
    value = float(field)
    if not np.isfinite(value):
        return "infinite, expected a number or NA" if np.isinf(value) and not infinite else None
    if single([np.array([value])]) is None:
        return f"{field} is too {'large' if abs(value) > 1 else 'close to 0'} for float32"
    return None


def single(columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float32] | None:
    """Columns of numbers as float32.

    Args:
        columns: each (rows,) float64.

    Returns:
        (rows, columns) float32; None where a finite number becomes infinite, or one that is not 0 becomes 0.
    """
    values = np.empty((len(columns[0]) if columns else 0, len(columns)), np.float32)
    try:
        with np.errstate(over="raise", under="raise"):
            for i, column in enumerate(columns):
                values[:, i] = column
        return values
    except FloatingPointError:  # also where a subnormal number is rounded, which is kept
        with np.errstate(all="ignore"):
            for i, column in enumerate(columns):
                values[:, i] = column
                lost = (np.isinf(values[:, i]) & np.isfinite(column)) | ((values[:, i] == 0) & (column != 0))
                if lost.any():
                    return None
    return values
