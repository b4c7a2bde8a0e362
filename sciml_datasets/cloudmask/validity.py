"""Validity of the pixels of a scene.

A pixel is valid where all three brightness temperatures are above 0 and at most 400 kelvin, and, by day, where its
reflectances are measured: their sum is in the range that light can give, and S1, in which air alone is bright, is not
exactly zero. NaN fails every comparison, and a fill value in one channel of six moves the sum out of its range. By
night there is no reflectance, and none is required.

Sources: borders of the benchmark's scenes are 0 or NaN; the fill value of SLSTR products is -32768 (Product Data Format
Specification - SLSTR Level 1, S3IPF PDS 005.1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_KELVIN = 400.0
"""Limit in kelvin above the range of S7 to S9; only the fire channels reach further."""
REFLECTANCE_SUMS = (-1.0, 100.0)
"""Range of the sum of six channels: noise around zero and glint are far inside, fill values far outside."""
DAYLIGHT = 0.02
"""Least reflectance of S1 (555 nm) in daylight: half of what air alone scatters over a dark sea."""
LEAST_WARM = 150.0
"""Temperature in kelvin that the warmest pixel of a scene exceeds by far: the coldest cloud top on record has 162
(Proud & Bachmeier 2021, Geophysical Research Letters)."""
MOST_BRIGHT = 2.0
"""Reflectance that in no scene half of the lit pixels exceed: a white surface has 1."""
FILL = -32768
"""Fill value of SLSTR products for missing values."""
_SAMPLED = slice(None, None, 8)
_BLOCK = 16
"""Number of rows at a time: intermediate arrays stay in the cache."""


def is_day(reflectance: NDArray[np.float32], brightness_temperature: NDArray[np.float32]) -> bool:
    """Whether more than half of the pixels with a measured S8 are lit by the sun; every 8th row and column is used.

    Args:
        reflectance: (R, C, 6) reflectances S1 to S6.
        brightness_temperature: (R, C, 3) brightness temperatures S7 to S9 in kelvin.
    """
    return _shines(reflectance[_SAMPLED, _SAMPLED, 0], brightness_temperature[_SAMPLED, _SAMPLED, 1])


def other_units(reflectance: NDArray[np.float32], brightness_temperature: NDArray[np.float32], *, day: bool) -> str:
    """A clause on a channel that has no kelvin, no reflectance with white at 1, or no value by day; empty otherwise.

    Stored integers of a product, without their scale and offset, are the usual case: they range over tens of thousands,
    or stay near zero. Zero, NaN and FILL are missing values and give no information on units.

    Args:
        reflectance, brightness_temperature: arrays as for `is_day`; every 8th row and column is used.
        day: whether it is day, so that the reflectances of the lit pixels are checked.
    """
    kelvin, light = _sampled(brightness_temperature), _sampled(reflectance)
    for name, channel in zip(("S7", "S8", "S9"), kelvin, strict=True):
        if found := _no_kelvin(name, channel):
            return found
    lit = _lit(light[0])
    for i, channel in enumerate(light):
        if found := _no_reflectance(f"S{i + 1}", channel, lit if day else None):
            return found
    if day or any(_shines(channel, kelvin[1]) for channel in light[1:3]):
        for i in range(len(light)) if lit.any() else [0]:
            if not _present(light[i]).size and not _present(reflectance[..., i]).size:
                return f"the refs of S{i + 1} are missing throughout, expected reflectances of a day"
    return ""


def _sampled(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """(channels, pixels) samples of an image (R, C, channels), each channel contiguous."""
    part = channels[_SAMPLED, _SAMPLED]
    return np.ascontiguousarray(part.reshape(-1, part.shape[-1]).T)


def _no_kelvin(name: str, kelvin: NDArray[np.float32]) -> str:
    """A clause on a channel that holds no temperatures in kelvin."""
    warmest = float(kelvin.max(initial=0, where=(kelvin > 0) & (kelvin <= MAX_KELVIN)))
    if 0 < warmest < LEAST_WARM:
        return f"bts are {warmest:g} at most, expected kelvin in {name}, up to some 300"
    temperatures = _present(kelvin)
    if _most((temperatures < 0) | (temperatures > MAX_KELVIN)):
        limits = f"0 to {MAX_KELVIN:g}"
        return f"more than half of the bts are not from {limits}, expected kelvin in {name}, not stored integers"
    if _most(temperatures < LEAST_WARM):
        return f"more than half of the bts are below {LEAST_WARM:g}, expected kelvin in {name}, up to some 300"
    return ""


def _no_reflectance(name: str, light: NDArray[np.float32], lit: NDArray[np.bool_] | None) -> str:
    """A clause on a channel whose values are no reflectances.

    Args:
        name: name of the channel.
        light: (pixels,) values.
        lit: (pixels,) whether the sun lights them; None by night.
    """
    low, high = REFLECTANCE_SUMS
    if _most(_present(light) > high):
        return f"more than half of the refs are above {high:g}, expected 1 for white in {name}, not stored integers"
    values = _present(light[lit]) if lit is not None else light[:0]
    if _most(values > MOST_BRIGHT):
        return f"half of the reflectances of {name} are above {np.median(values):g}, expected 1 for white, not per cent"
    if _most(values < low):
        return f"half of the reflectances of {name} are below {np.median(values):g}, expected 0 for black"
    return ""


def _shines(light: NDArray[np.float32], kelvin: NDArray[np.float32]) -> bool:
    """Whether more than half of the pixels with a temperature are lit in a channel."""
    measured = (kelvin > 0) & (kelvin <= MAX_KELVIN)
    return bool(2 * np.count_nonzero(measured & _lit(light)) > np.count_nonzero(measured))


def _lit(light: NDArray[np.float32]) -> NDArray[np.bool_]:
    return (light > DAYLIGHT) & (light < REFLECTANCE_SUMS[1])


def _most(which: NDArray[np.bool_]) -> bool:
    return bool(2 * np.count_nonzero(which) > which.size)


def _present(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The values that are not missing."""
    present: NDArray[np.float32] = values[np.isfinite(values) & (values != 0) & (values != FILL)]
    return present


def valid_pixels(
    reflectance: NDArray[np.float32],
    brightness_temperature: NDArray[np.float32],
    valid: NDArray[np.bool_],
    *,
    day: bool,
) -> None:
    """Write into ``valid`` whether pixels are valid, by the rule in the module's docstring.

    Args:
        reflectance: (R, C, 6) reflectances S1 to S6.
        brightness_temperature: (R, C, 3) brightness temperatures S7 to S9 in kelvin.
        valid: (R, C) array to be overwritten.
        day: whether it is day, so that reflectances are required.
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
            with np.errstate(invalid="ignore", over="ignore"):  # the sum is to find NaN and infinite values
                total = light @ ones  # one pass, several times faster than six comparisons with a stride
            out &= (total > low) & (total < high) & (light[..., 0] != 0)
