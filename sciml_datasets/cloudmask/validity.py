"""Which pixels of a scene count.

A pixel is valid where all three brightness temperatures are above 0 and at most 400 kelvin, and, by day, where its
reflectances are measured: their sum is within what light can give, and S1, in which air alone is bright, is not exactly
zero. NaN fails every comparison, and a fill value in one channel of six takes the sum out of its range. By night there
is no reflectance, and none is asked for.

Sources: borders of the benchmark's scenes are 0 or NaN; the fill value of SLSTR products is -32768 (Product Data Format
Specification - SLSTR Level 1, S3IPF PDS 005.1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_KELVIN = 400.0
"""Above what S7 to S9 measure; only the fire channels reach further."""
REFLECTANCE_SUMS = (-1.0, 100.0)
"""Of six channels: noise around zero and glint stay far inside, fill values far outside."""
DAYLIGHT = 0.02
"""Least reflectance of S1 (555 nm) in daylight: half of what air alone scatters over a dark sea."""
LEAST_WARM = 150.0
"""Kelvin that the warmest pixel of a scene has by far: the coldest cloud top on record has 162 (Proud & Bachmeier 2021,
Geophysical Research Letters)."""
MOST_BRIGHT = 2.0
"""Reflectance that half of the lit pixels of no scene exceed: a white surface has 1."""
FILL = -32768
"""Value of SLSTR products for a missing one."""
_SAMPLED = slice(None, None, 8)
_BLOCK = 16
"""Rows at a time: intermediate arrays stay in the cache."""


def is_day(reflectance: NDArray[np.float32], brightness_temperature: NDArray[np.float32]) -> bool:
    """Whether more than half of the pixels with a measured S8 are lit by the sun; every 8th row and column is asked.

    Args:
        reflectance: (R, C, 6), S1 to S6.
        brightness_temperature: (R, C, 3) kelvin, S7 to S9.
    """
    green = reflectance[_SAMPLED, _SAMPLED, 0]
    kelvin = brightness_temperature[_SAMPLED, _SAMPLED, 1]
    measured = (kelvin > 0) & (kelvin <= MAX_KELVIN)
    lit = (green > DAYLIGHT) & (green < REFLECTANCE_SUMS[1])
    return bool(2 * np.count_nonzero(measured & lit) > np.count_nonzero(measured))


def other_units(reflectance: NDArray[np.float32], brightness_temperature: NDArray[np.float32], *, day: bool) -> str:
    """A clause on values that cannot be kelvin, or reflectances where 1 is white; empty where they can.

    Stored integers of a product, without their scale and offset, are the usual case: they reach over tens of thousands.
    Zero, NaN and FILL are missing values and say nothing.

    Args:
        reflectance, brightness_temperature: as for `is_day`; every 8th row and column is asked.
        day: whether reflectances are asked for their median.
    """
    green = reflectance[_SAMPLED, _SAMPLED, 0]
    kelvin = brightness_temperature[_SAMPLED, _SAMPLED, 1]
    warmest = float(kelvin.max(initial=0, where=(kelvin > 0) & (kelvin <= MAX_KELVIN)))
    if 0 < warmest < LEAST_WARM:
        return f"bts are {warmest:g} at most, expected kelvin, up to some 300"
    temperatures = _present(kelvin)
    outside = np.count_nonzero((temperatures < 0) | (temperatures > MAX_KELVIN))
    if 2 * outside > temperatures.size:
        return f"more than half of the bts are not from 0 to {MAX_KELVIN:g}, expected kelvin, not stored integers"
    lit = green[(green > DAYLIGHT) & (green < REFLECTANCE_SUMS[1])]
    if day and lit.size and np.median(lit) > MOST_BRIGHT:
        return f"half of the reflectances of S1 are above {np.median(lit):g}, expected 1 for white, not per cent"
    light = _present(green)
    if 2 * np.count_nonzero(light > REFLECTANCE_SUMS[1]) > light.size:
        return (
            f"more than half of the refs are above {REFLECTANCE_SUMS[1]:g}, expected 1 for white, not stored integers"
        )
    return ""


def _present(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values that are not missing."""
    present: NDArray[np.float32] = values[np.isfinite(values) & (values != 0) & (values != FILL)]
    return present


def valid_pixels(
    reflectance: NDArray[np.float32],
    brightness_temperature: NDArray[np.float32],
    valid: NDArray[np.bool_],
    *,
    day: bool,
) -> None:
    """Write into ``valid`` which pixels count, by the rule in the module's docstring.

    Args:
        reflectance: (R, C, 6), S1 to S6.
        brightness_temperature: (R, C, 3) kelvin, S7 to S9.
        valid: (R, C) to be overwritten.
        day: whether reflectances are asked for.
    """
    ones = np.ones(reflectance.shape[-1], np.float32)
    low, high = REFLECTANCE_SUMS
    for start in range(0, len(valid), _BLOCK):
        rows = slice(start, start + _BLOCK)
        kelvin, out = brightness_temperature[rows], valid[rows]
        measured = (kelvin > 0) & (kelvin <= MAX_KELVIN)
        np.logical_and(measured[..., 0], measured[..., 1], out=out)
        out &= measured[..., 2]
        if day:
            light = reflectance[rows]
            with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinite values are what is looked for
                total = light @ ones  # one pass, several times faster than six comparisons with a stride
            out &= (total > low) & (total < high) & (light[..., 0] != 0)
