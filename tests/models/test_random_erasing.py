"""Random erasing: how often, how large, where, and from which generator."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets.models.random_erasing import erased
from sciml_datasets.models.stemdl import RECIPES

SEEDS = st.integers(0, 10_000)


def rectangle(image: np.ndarray) -> tuple[int, int, int, int]:
    """Top, left, height and width of what is zero in an image of ones."""
    rows, columns = np.nonzero(image[..., 0] == 0)
    top, left = rows.min(), columns.min()
    return int(top), int(left), int(rows.max() - top + 1), int(columns.max() - left + 1)


@given(SEEDS, st.sampled_from([(128, 128, 1), (40, 90, 3)]))
def test_one_rectangle_is_zero_and_the_rest_is_as_it_was(seed: int, shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(seed).uniform(1, 255, shape).astype(np.float32)
    before = image.copy()
    found = erased(image, np.random.default_rng(seed), 1.0)
    np.testing.assert_array_equal(image, before)
    top, left, height, width = rectangle(found)
    expected = before.copy()
    expected[top : top + height, left : left + width] = 0
    np.testing.assert_array_equal(found, expected, strict=True)
    # Half a pixel of each side is lost or gained by rounding.
    assert (height + 0.5) * (width + 0.5) >= 0.02 * shape[0] * shape[1]
    assert (height - 0.5) * (width - 0.5) <= 0.33 * shape[0] * shape[1]
    assert (height + 0.5) / (width - 0.5) >= 0.3
    assert (height - 0.5) / (width + 0.5) <= 3.3


def test_areas_logarithms_of_aspects_and_places_are_uniform() -> None:
    image = np.ones((128, 128, 1), np.float32)
    drawn = np.array([rectangle(erased(image, np.random.default_rng(seed), 1.0)) for seed in range(3000)])
    top, left, height, width = drawn.T
    shares = height * width / 128**2
    assert np.mean(shares) == pytest.approx(0.175, abs=0.005)
    assert np.std(shares) == pytest.approx(0.31 / np.sqrt(12), abs=0.005)
    aspects = np.log(height / width)
    assert np.mean(aspects) == pytest.approx(np.log(0.3 * 3.3) / 2, abs=0.04)
    assert np.std(aspects) == pytest.approx(np.log(3.3 / 0.3) / np.sqrt(12), abs=0.02)
    for first, extent in ((top, height), (left, width)):
        places = first / (128 - extent)
        assert (places.min(), places.max()) == (0, 1)
        assert np.mean(places) == pytest.approx(0.5, abs=0.02)


def test_what_is_not_erased_is_the_image_itself() -> None:
    image = np.ones((8, 8, 1), np.float32)
    assert erased(image, np.random.default_rng(0), 0.0) is image


def test_no_rectangle_of_a_row_of_pixels_fits() -> None:
    image = np.ones((1, 64, 1), np.float32)
    np.testing.assert_array_equal(erased(image, np.random.default_rng(0), 1.0), np.ones((1, 64, 1)))


def test_ornls_reference_erases_four_of_five_projections_and_nothing_in_evaluation() -> None:
    stack = np.random.default_rng(0).uniform(1, 255, (128, 128, 3)).astype(np.float32)
    recipe = RECIPES["stemdl"]
    drawn = [recipe.source.trained_on((stack, 2, 1), np.random.default_rng(seed))[0] for seed in range(500)]
    assert np.mean([(inputs == 0).any() for inputs in drawn]) == pytest.approx(0.8, abs=0.05)
    again, *_ = recipe.source.trained_on((stack, 2, 1), np.random.default_rng(3))
    np.testing.assert_array_equal(again, drawn[3])
    prepared = recipe.source.inputs({"cbed_stack": np.full((3, 128, 128), 1e-4, np.float32)})
    assert prepared.min() > 0


@pytest.mark.parametrize("reference", ["stfc", "stack", "scaled"])
def test_no_other_reference_erases(reference: str) -> None:
    stack = np.random.default_rng(0).uniform(1, 255, (128, 128, 3)).astype(np.float32)
    recipe = RECIPES["stemdl"].with_settings({"reference": reference})
    for seed in range(20):
        assert (recipe.source.trained_on((stack, 2, 1), np.random.default_rng(seed))[0] > 0).all()
