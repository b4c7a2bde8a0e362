"""Sums of float64 numbers without rounding, the same in any order, as integers that any framework can add.

A sum is held in fixed point, as DIGITS digits to the base 2^32 from 2^LOWEST up, each an int64 with room for carries (a
superaccumulator: Kulisch & Miranker 1986, doi:10.1137/1028001; Neal 2015, arXiv:1505.05571). Adding two sums digit by
digit adds them exactly; MPI and ``tf.distribute`` do so, up to 2^30 sums at once. The digits are enough for products of
two numbers of the size of float32, at most LARGEST, times 2^31 samples; digits below 2^LOWEST (5e-97) are cut.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.metrics.state import counts

Floats = NDArray[np.float64]
Digits = NDArray[np.int64]

BASE_BITS = 32
DIGITS = 19
LOWEST = -320
LARGEST = 2.0**128
"""Upper limit of the numbers that are multiplied: above the largest float32."""
PLACES = 2.0 ** (LOWEST + BASE_BITS * np.arange(DIGITS))
SPLIT = 2.0**27 + 1


def exact_sums(*shape: int) -> Digits:
    """(*shape, DIGITS) int64 sums that are zero."""
    return counts(*shape, DIGITS)


def add_exactly(total: Digits, rows: NDArray[np.int64], terms: Floats) -> None:
    """Add terms (P, ...), less than 2^288 in size, in place to the sums (R, DIGITS) at rows (...), all different."""
    digits = total[rows]
    first = DIGITS * np.arange(rows.size).reshape(rows.shape)
    # The 53 bits of a float64 reach over three digits at most. Powers of two, and the remainders, scale exactly.
    place = ((np.frexp(terms)[1] - 1 - LOWEST) // BASE_BITS).clip(2, DIGITS - 1)
    rest = terms.copy()
    for _ in range(3):
        digit = np.trunc(rest / PLACES[place])
        rest -= digit * PLACES[place]
        counted = np.bincount((first + place).ravel(), digit.ravel(), minlength=digits.size)
        digits += counted.astype(np.int64).reshape(digits.shape)
        place -= 1
    carry = digits[..., :-1] >> BASE_BITS
    digits[..., :-1] -= carry << BASE_BITS
    digits[..., 1:] += carry
    total[rows] = digits


def exact_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The product a b as two numbers whose exact sum it is (Dekker 1971, doi:10.1007/BF01397083)."""
    product = a * b
    a_high, b_high = (SPLIT * value - (SPLIT * value - value) for value in (a, b))
    a_low, b_low = a - a_high, b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def integers(total: Digits) -> NDArray[Any]:
    """(...) Python integers: the sums (..., DIGITS) in units of 2^LOWEST."""
    digits = total.copy()
    for place in range(DIGITS - 1):
        carry = digits[..., place] >> BASE_BITS
        digits[..., place] -= carry << BASE_BITS
        digits[..., place + 1] += carry
    rows = digits.reshape(-1, DIGITS)
    low = rows[:, :-1].astype("<u4")
    found = np.empty(len(rows), object)
    for i, row in enumerate(rows):
        found[i] = int.from_bytes(low[i].tobytes(), "little") + (int(row[-1]) << BASE_BITS * (DIGITS - 1))
    return found.reshape(total.shape[:-1])


def rounded(total: Digits) -> Floats:
    """(...) float64 nearest to each of the sums (..., DIGITS)."""
    return np.asarray(integers(total) / (1 << -LOWEST), np.float64)
