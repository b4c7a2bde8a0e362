"""Sums without rounding, against fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets.metrics.exact_sums import LOWEST, add_exactly, exact_product, exact_sums, integers, rounded

BIT = Fraction(2) ** LOWEST
numbers = st.floats(-1e80, 1e80).filter(lambda value: value == 0 or abs(value) > 1e-70)
"""Whose last bit is above the lowest place."""
factors = st.floats(-1e19, 1e19).filter(lambda value: value == 0 or abs(value) > 1e-19)


def sum_of(values: list[float]) -> np.ndarray:
    total = exact_sums(1)
    for value in values:
        add_exactly(total, np.arange(1), np.array([[value]]))
    return total


@given(st.lists(numbers, max_size=20))
def test_a_sum_is_that_of_fractions(values: list[float]) -> None:
    exact = sum(map(Fraction, values), Fraction(0))
    assert integers(sum_of(values))[0] * BIT == exact
    assert rounded(sum_of(values))[0] == float(exact)


@given(st.lists(numbers, max_size=20), st.integers(0, 20))
def test_sums_add_digit_by_digit(values: list[float], at: int) -> None:
    assert integers(sum_of(values[:at]) + sum_of(values[at:])) == integers(sum_of(values))


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=5))
def test_terms_of_several_sums_are_added_at_once(pairs: list[tuple[float, float]]) -> None:
    total = exact_sums(4)
    add_exactly(total, np.array([3, 1]), np.array(pairs))
    expected = [0, sum(Fraction(b) for _, b in pairs), 0, sum(Fraction(a) for a, _ in pairs)]
    assert [found * BIT for found in integers(total)] == expected


@given(factors, factors)
def test_a_product_is_two_numbers(a: float, b: float) -> None:
    high, low = exact_product(np.array([a]), np.array([b]))
    assert Fraction(high[0]) + Fraction(low[0]) == Fraction(a) * Fraction(b)


def test_what_is_below_the_lowest_place_is_cut() -> None:
    assert integers(sum_of([2.0**LOWEST * 1.5, 2.0 ** (LOWEST - 1)]))[0] == 1
