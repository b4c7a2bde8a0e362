"""Numbers in text from outside: words for a missing one, and what float32 cannot hold."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.files.text import quoted, shown

MISSING = (
    *("", "-", "na", "NA", "N/A", "n/a", "#NA", "#N/A", "#N/A N/A", "<NA>", "NaN", "nan", "-NaN", "-nan"),
    *("NULL", "null", "None", "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN"),
)
"""Words in place of a number that is not known: those of pandas, and two that the tables of CANDLE have."""
NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf(inity)?|nan)", re.ASCII | re.IGNORECASE)


def fault_of(field: str, infinite: bool, exact: bool = False) -> str | None:
    """Why a field cannot be stored as a number, in words; None where it can.

    Args:
        field: the text.
        infinite: whether an infinite number is one.
        exact: whether it is kept as float64, as which it may be 0 or infinite where it is written otherwise.
    """
    if field in MISSING:
        return None
    found = NUMBER.fullmatch(field.strip(" \t"))
    if not found:
        return f"{quoted(field)} is no number"
    value, digits = float(field), found[2]
    if np.isinf(value) and not digits:
        return None if infinite else "infinite, expected a number or NA"
    if exact or not digits or not digits.strip("0."):
        return None
    if np.isinf(value) or not value or not stored(np.array([value]), np.empty(1, np.float32)):
        return f"{shown(field)} is too {'large' if abs(value) > 1 else 'close to 0'} for float32"
    return None


def stored(column: NDArray[np.float64], place: NDArray[np.float32]) -> bool:
    """Put numbers where float32 is kept.

    Args:
        column: (rows,) of any layout.
        place: (rows,) to fill.

    Returns:
        Whether it holds them: no finite one became infinite, and none but 0 became 0.
    """
    try:
        with np.errstate(over="raise", under="raise"):
            place[...] = column
        return True
    except FloatingPointError:  # also where a subnormal number is rounded, which is kept
        with np.errstate(all="ignore"):
            place[...] = column
    return not bool(((np.isinf(place) & np.isfinite(column)) | ((place == 0) & (column != 0))).any())
