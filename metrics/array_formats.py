"""The formats in which arrays and numbers are accepted, and one sentence on those in other formats."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.metrics.exact_sums import LARGEST

KINDS = {
    "f": "float",
    "iu": "integer",
    "b": "boolean",
    "biu": "integer or boolean",
    "iuf": "float or integer",
    "biuf": "float, integer or boolean",
}


@dataclass(frozen=True, slots=True)
class Format:
    """A format in which values are accepted.

    Attributes:
        meaning: meaning of one value, in words.
        shape: shape of one value.
        kinds: NumPy's letters for the types, a key of KINDS: ``f`` floating, ``iu`` integer, ``b`` boolean.
        low, high: least and greatest element; NaN and infinity are never accepted.
    """

    meaning: str
    shape: tuple[int, ...]
    kinds: str
    low: float = -math.inf
    high: float = math.inf

    def describe(self, count: str) -> str:
        """The format in words: ``(N, 231) float class scores``."""
        size = "".join(f", {length}" for length in self.shape) or ","
        text = f"({count}{size}) {KINDS[self.kinds]} {self.meaning}"
        if self.high >= LARGEST:
            return text
        if "f" not in self.kinds and (self.low, self.high) == (0, 1):
            return f"{text}, 0 or 1"
        return f"{text} from {self.low:g} to {self.high:g}"

    def fits(self, values: NDArray[Any]) -> bool:
        """Whether the array has this shape along all but the first axis, and one of the types."""
        return values.ndim > 0 and values.shape[1:] == self.shape and values.dtype.kind in self.kinds

    def not_finite(self, values: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Mask of the elements that are NaN or infinite; None where there is none, found without an array of that
        size."""
        if not values.size or values.dtype.kind != "f":
            return None
        return None if np.isfinite(values.min()) and np.isfinite(values.max()) else ~np.isfinite(values)

    def outside(self, values: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Mask of the elements that are below ``low`` or above ``high``; None where there is none."""
        if not values.size or (math.isinf(self.low) and math.isinf(self.high)):
            return None
        if values.min().item() >= self.low and values.max().item() <= self.high:
            return None
        # As float64: a bound may be beyond what the type of the values can hold. A signalling NaN, which `not_finite`
        # finds, cannot be cast without a warning.
        with np.errstate(invalid="ignore"):
            wrong: NDArray[np.bool_] = (values < np.float64(self.low)) | (values > np.float64(self.high))
        return wrong


def as_array(name: str, values: ArrayLike) -> NDArray[Any]:
    """Values of any framework as an array.

    Raises:
        InputError: they cannot be an array (ragged lists, tensors that require gradients), or some are masked.
    """
    try:
        array = np.asanyarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"{name}: {type(values).__name__} cannot be made an array ({error})") from error
    if isinstance(array, np.ma.MaskedArray) and (masked := np.count_nonzero(np.ma.getmaskarray(array))):
        raise InputError(f"{name}: {masked} elements are masked: give a value for each")
    return np.asarray(array)


def checked(name: str, values: ArrayLike, *forms: Format, count: int | None = None) -> NDArray[Any]:
    """Values as an array, in one of the formats.

    Args:
        name: name of the values in messages.
        values: (N, ...) the values.
        forms: the accepted formats.
        count: required N; None for any.

    Raises:
        InputError: the shape, the type or an element is in none of the formats.
    """
    array = as_array(name, values)
    form = next((form for form in forms if form.fits(array)), None)
    if form is None or count not in (None, len(array)):
        expected = ", or ".join(form.describe("N" if count is None else str(count)) for form in forms)
        raise InputError(f"{name} of the shape {array.shape} and type {array.dtype}: expected {expected}")
    if (wrong := form.not_finite(array)) is not None:
        raise InputError(f"{name} holds {np.count_nonzero(wrong)} values that are NaN or infinite: give finite ones")
    if (wrong := form.outside(array)) is not None:
        number = np.count_nonzero(wrong)
        raise InputError(f"{name} holds {number} values that are not from {form.low:g} to {form.high:g}")
    return array


def check_number(name: str, value: float, *, above: float = -math.inf, least: float = -math.inf) -> None:
    """Make sure that a number is finite, greater than ``above`` and not less than ``least``.

    Raises:
        InputError: it is not.
    """
    if not (math.isfinite(value) and value > above and value >= least):
        bound = f" above {above:g}" if above > -math.inf else f" of at least {least:g}" if least > -math.inf else ""
        raise InputError(f"{name} is {value}: give a finite number{bound}")
