"""Numbers of netCDF-4 variables as their attributes mean them; netCDF-4 is HDF5.

- ``_Unsigned``: ``true`` makes unsigned numbers of signed ones, ``false`` the reverse.
- ``_FillValue`` and ``missing_value``: numbers that stand for none; values outside ``valid_min``, ``valid_max`` or
  ``valid_range`` are missing as well. Where a variable declares no ``_FillValue``, the number that the library puts
  where nothing was written is missing, but not in a variable of bytes, which may need all of their numbers.
- ``scale_factor`` and ``add_offset``: a value is ``stored * scale_factor + add_offset``.

Limits are in the numbers as stored, or in the values where a limit is a fraction and the stored numbers are integers.
A number that is given as text counts as the number that it says. Source: NetCDF User's Guide, attribute conventions
and fill values.
"""

from __future__ import annotations

import math
import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.files.hdf5 import Array, UnusableAttributeError
from sciml_datasets.files.text import LONGEST, quoted

CORRECT = "correct the file or remove it"
LIMITS = ("valid_min", "valid_max")
ATTRIBUTES = ("_Unsigned", "_FillValue", "missing_value", *LIMITS, "valid_range", "scale_factor", "add_offset")
"""Names of the attributes that say what stored numbers mean."""
UNWRITTEN = {
    "i2": -32767,
    "u2": 65535,
    "i4": -2147483647,
    "u4": 4294967295,
    "i8": -9223372036854775806,
    "u8": 18446744073709551614,
    "f4": 15 * 2.0**119,
    "f8": 15 * 2.0**119,
}
"""Type to the number that stands where nothing was written, 9.96921e+36 in floats (netcdf.h, NC_FILL)."""

MOST_NUMBERS = 1 << 24
"""Largest number of values of a variable: several arrays of it in double precision are in memory."""
MOST = sys.float_info.max
"""Largest number of any type."""


class Stored(NamedTuple):
    """Numbers as they are stored, in the byte order of the machine.

    Attributes:
        numbers: integers or floats, of the variable's shape.
        missing: (same shape) which of them stand for no value.
    """

    numbers: NDArray[Any]
    missing: NDArray[np.bool_]


def values(variable: Array) -> NDArray[np.float64]:
    """The values of a variable of numbers; NaN where missing.

    Raises:
        InputError: the variable cannot be read, an attribute makes no sense, or a value is too large for float32.
    """
    scale, offset = _packing(variable)
    numbers, missing = stored(variable)
    with np.errstate(over="ignore", invalid="ignore"):
        unpacked = np.asarray(numbers.astype(np.float64) * scale + offset)
        unpacked[missing | _beyond(variable, unpacked, packed=False)] = np.nan
        large = abs(unpacked) > np.finfo(np.float32).max
    if large.any():
        raise InputError(f"{variable.where} holds the value {unpacked[large][0]:g}, expected a finite one: {CORRECT}")
    return unpacked


def stored(variable: Array) -> Stored:
    """The numbers of a variable before scale and offset.

    Raises:
        InputError: the variable cannot be read, or an attribute makes no sense.
    """
    if variable.size > MOST_NUMBERS:
        raise InputError(f"{variable.where} has the shape {variable.shape}, too large for what it is: {CORRECT}")
    numbers = variable.whole()
    numbers = numbers.astype(numbers.dtype.newbyteorder("="), copy=False)
    declared = numbers.dtype
    unsigned = variable.text("_Unsigned")
    if unsigned is not None and declared.kind in "iu":
        if unsigned.lower() not in ("true", "false"):
            raise InputError(
                f"{variable.where}: _Unsigned is {quoted(unsigned, LONGEST)}, expected true or false: {CORRECT}"
            )
        numbers = numbers.view(f"{'u' if unsigned.lower() == 'true' else 'i'}{declared.itemsize}")
    missing = _beyond(variable, numbers, packed=True)
    for name in ("_FillValue", "missing_value"):
        for number in _numbers(variable, name):
            missing |= numbers == _as_stored(variable, name, number, declared, numbers.dtype)
    unwritten = UNWRITTEN.get(f"{declared.kind}{declared.itemsize}")
    if unwritten is not None and not variable.has("_FillValue"):
        missing |= numbers == np.array(unwritten, declared).view(numbers.dtype)
    return Stored(numbers, missing)


def is_packed(variable: Array) -> bool:
    """Whether values differ from what is stored.

    Raises:
        InputError: scale or offset make no sense.
    """
    return _packing(variable) != (1.0, 0.0)


def _packing(variable: Array) -> tuple[float, float]:
    """Scale and offset."""
    found = []
    for name, default in (("scale_factor", 1.0), ("add_offset", 0.0)):
        number = variable.number(name)
        if number is None and variable.has(name):
            raise InputError(f"{variable.where}: the attribute {name} is empty, expected a number: {CORRECT}")
        found.append(default if number is None else number)
    scale, offset = found
    if not math.isfinite(scale) or not math.isfinite(offset) or scale == 0:
        raise InputError(
            f"{variable.where}: scale_factor is {scale:g} and add_offset {offset:g}, expected finite numbers and a "
            f"scale other than 0: {CORRECT}"
        )
    return scale, offset


def _numbers(variable: Array, name: str) -> list[int | float]:
    """The numbers of an attribute; none where it is not there."""
    if not variable.has(name):
        return []
    try:
        found = variable.numbers(name)
    except UnusableAttributeError:
        text = variable.text(name) or ""
        return [_number_of(text.strip("\0 "), f"{variable.where}: the attribute {name}")]
    if found is None or (name == "_FillValue" and found.size != 1):
        raise InputError(f"{variable.where}: the attribute {name} does not hold one number: {CORRECT}")
    return [int(number) if found.dtype.kind in "iu" else float(number) for number in found.reshape(-1)]


def _number_of(text: str, where: str) -> int | float:
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if isinstance(number, float) or abs(number) <= MOST:
            return number
        break
    raise InputError(f"{where} is {quoted(text, LONGEST)}, expected a number that a variable can hold: {CORRECT}")


def _as_stored(variable: Array, name: str, number: float, declared: np.dtype[Any], dtype: np.dtype[Any]) -> Any:
    """A number that stands for no value, in the type of the numbers; of its declared type it may be as well."""
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            cast = dtype.type(number)
        if math.isfinite(number) and not np.isfinite(cast):
            raise InputError(f"{variable.where}: {name} is {number}, which {dtype} cannot hold: {CORRECT}")
        return cast
    if math.isfinite(number) and number == int(number):
        for kind in (dtype, declared):
            limits = np.iinfo(kind)
            if limits.min <= number <= limits.max:
                return np.array(int(number), kind).view(dtype)[()]
    raise InputError(f"{variable.where}: {name} is {number}, which {declared} cannot hold: {CORRECT}")


def _beyond(variable: Array, numbers: NDArray[Any], *, packed: bool) -> NDArray[np.bool_]:
    """Which numbers are outside of the limits, of those limits that are in stored numbers, or in values."""
    outside = np.zeros(numbers.shape, np.bool_)
    limits: list[tuple[int, list[int | float]]] = [(end, _numbers(variable, name)) for end, name in enumerate(LIMITS)]
    both = _numbers(variable, "valid_range")
    if len(both) not in (0, 2) or any(len(found) > 1 for _, found in limits):
        raise InputError(
            f"{variable.where}: valid_range does not hold two numbers, or valid_min or valid_max more than one: "
            f"{CORRECT}"
        )
    limits += [(end, [number]) for end, number in enumerate(both)]
    for end, found in limits:
        for limit in found:
            if math.isnan(limit):
                raise InputError(f"{variable.where}: a limit of its values is NaN, expected a number: {CORRECT}")
            if (variable.dtype.kind != "f" and isinstance(limit, float)) == packed:
                continue
            if packed and numbers.dtype.kind == "u" and variable.dtype.kind == "i" and limit < 0:
                limit = int(limit) + (1 << 8 * numbers.dtype.itemsize)
            with np.errstate(over="ignore", invalid="ignore"):
                outside |= numbers > limit if end else numbers < limit
    return outside
