"""Numbers in text from outside: words for a missing one, and what float32 cannot hold."""

from __future__ import annotations

import re

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
    if single(np.array([value])) is None:
        return f"{field} is too {'large' if abs(value) > 1 else 'close to 0'} for float32"
    return None


def single(values: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """The numbers as float32; None where a finite one becomes infinite, or one that is not 0 becomes 0."""
    try:
        with np.errstate(over="raise", under="raise"):
            return values.astype(np.float32)
    except FloatingPointError:  # also where a subnormal number is rounded, which is kept
        with np.errstate(all="ignore"):
            single = values.astype(np.float32)
    lost = (np.isinf(single) & np.isfinite(values)) | ((single == 0) & (values != 0))
    return None if lost.any() else single
