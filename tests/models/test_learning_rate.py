"""The learning rate: warm-up, cosine, plateau."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets.models.candle_uno import RECIPES as UNO_RECIPES
from sciml_datasets.models.cloudmask import RECIPES
from sciml_datasets.models.learning_rate import learning_rate, plateaus

TRAINING = replace(RECIPES["cloudmask_demo"].training, learning_rate=1.0, warmup_share=0.1)


def test_the_rate_rises_and_falls_as_a_cosine() -> None:
    rates = [learning_rate(TRAINING, step, 100, []) for step in range(101)]
    assert rates[0] == pytest.approx(1 / 25)
    assert rates[10] == 1
    assert rates[55] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0, abs=1e-12)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_a_constant_rate_without_warm_up_is_constant() -> None:
    training = replace(TRAINING, schedule="constant", warmup_share=0.0)
    assert {learning_rate(training, step, 100, []) for step in range(100)} == {1.0}


def test_a_plateau_halves_the_rate() -> None:
    training = replace(TRAINING, schedule="plateau", warmup_share=0.0)
    assert learning_rate(training, 50, 100, [3, 2, 1, 1, 1, 1, 1]) == 1
    assert learning_rate(training, 50, 100, [3, 2, 1, 1, 1, 1, 1, 1]) == 0.5


def test_a_plateau_ends_where_an_error_is_lower_by_a_ten_thousandth() -> None:
    assert plateaus([1.0, *[1.0 - 0.9e-4] * 5]) == 1
    assert plateaus([1.0, 1.0 - 1.1e-4, *[1.0] * 4]) == 0


@given(st.lists(st.floats(0, 1), max_size=60), st.integers(-40, 40))
def test_the_plateaus_of_a_standardised_target_do_not_depend_on_its_unit(errors: list[float], power: int) -> None:
    training = replace(TRAINING, schedule="plateau", warmup_share=0.0)
    unit = 2.0**power
    scaled = [unit**2 * error for error in errors]
    assert learning_rate(training, 50, 100, scaled, spread=unit) == learning_rate(training, 50, 100, errors)


def test_the_rate_of_a_plateau_does_not_fall_below_a_tenth() -> None:
    training = replace(TRAINING, schedule="plateau", warmup_share=0.0)
    rates = [learning_rate(training, 50, 100, [1.0] * (1 + epochs)) for epochs in (0, 5, 10, 15, 20, 25)]
    assert rates == [1, 0.5, 0.25, 0.125, 0.1, 0.1]


def test_candle_unos_rate_falls_from_that_of_adamax_in_five_epochs() -> None:
    """As in uno_baseline_keras2.py: (0.001 (5 - epoch) + 0.0001 epoch) / 5, epochs counted from 0."""
    for name in ("candle_uno", "candle_uno_growth", "candle_uno_pairs"):
        training, steps = UNO_RECIPES[name].training, 100
        epochs = training.epochs
        found = [learning_rate(training, epoch * steps, epochs * steps, []) for epoch in range(epochs)]
        assert found[:6] == pytest.approx([1e-3, 8.2e-4, 6.4e-4, 4.6e-4, 2.8e-4, 1e-4])
        assert set(found[6:]) == {1e-4}
    demo = UNO_RECIPES["candle_uno_demo"].training
    assert learning_rate(demo, 0, 100, []) == pytest.approx(demo.learning_rate / 25)


@given(st.lists(st.floats(0, 1), max_size=60), st.integers(1, 10))
def test_plateaus_are_as_many_as_fit_between_improvements(errors: list[float], patience: int) -> None:
    found = plateaus(errors, patience)
    assert 0 <= found <= len(errors) // patience
    assert plateaus([*errors, -1.0], patience) == found
