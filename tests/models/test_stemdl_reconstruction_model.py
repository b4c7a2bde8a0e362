"""The reference models for STEMDL reconstruction, on scans of a few small patterns."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from sciml_datasets import InputError
from sciml_datasets.metrics.integrated_centre_of_mass import integrated_centre_of_mass
from sciml_datasets.models.networks import build_network
from sciml_datasets.models.recipe import NetworkSpec, Recipe
from sciml_datasets.models.stemdl_reconstruction import RECIPES, fc_densenet, huber, network_input, turned

SHAPES = ((4, 32, 32), (16, 16))
SPEC = NetworkSpec(SHAPES[0], SHAPES[1], SHAPES[1], parameters=100_000)


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return RECIPES["stemdl_reconstruction"].with_settings({"parameters": 100_000})


@pytest.fixture(scope="module")
def network(recipe: Recipe) -> Any:
    return build_network(lambda: recipe.build(SPEC), recipe, SPEC)


def example(*, side: int = 4, pixels: int = 12, seed: int = 0) -> dict[str, Any]:
    """A scan of spots that sit where the position is, and a random image."""
    rng = np.random.default_rng(seed)
    scan = rng.gamma(0.3, size=(side * side, pixels, pixels))
    scan /= scan.sum(axis=(1, 2), keepdims=True)
    return {"cbed": scan.astype(np.float16), "projected_potential": rng.normal(size=(4 * side, 4 * side))}


def test_the_reference_has_the_number_of_parameters_that_is_asked_for(network: Any) -> None:
    assert network.count_params() == pytest.approx(100_000, rel=0.15)


def test_the_reference_for_the_later_exports_has_ten_million_parameters() -> None:
    network = fc_densenet((64, 256, 256), (128, 128), RECIPES["stemdl_reconstruction"].training.parameters)
    assert network.count_params() == pytest.approx(10_000_000, rel=0.05)
    assert network.output_shape == (None, 128, 128)


def test_one_scan_is_a_batch_and_computes_in_half_precision(recipe: Recipe, network: Any) -> None:
    import tensorflow as tf

    assert recipe.training.batch_size == 1
    rng = np.random.default_rng(0)
    scan = rng.random((1, *SHAPES[0]), np.float32)
    image = rng.normal(size=(1, *SHAPES[1])).astype(np.float32)
    with tf.GradientTape() as tape:
        found = network(scan, training=True)
        loss = tf.reduce_mean(huber(image, found))
    gradients = tape.gradient(loss, network.trainable_variables)
    assert (found.shape, found.dtype) == (image.shape, tf.float32)
    inner = [layer for layer in network.layers if layer.name.startswith("conv2d")][:-1]
    assert {layer.compute_dtype for layer in inner} == {"bfloat16"}
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_an_image_that_no_halving_gives_is_resized() -> None:
    network = fc_densenet((4, 32, 32), (12, 12), 100_000)
    assert network(np.zeros((1, 4, 32, 32), np.float32)).shape == (1, 12, 12)
    with pytest.raises(
        InputError, match="40 x 40 pixels, expected multiples of 16 for the reference network: give --mo"
    ):
        fc_densenet((4, 40, 40), (20, 20), 100_000)


def test_the_small_network_has_one_size() -> None:
    recipe = RECIPES["stemdl_reconstruction_demo"]
    assert recipe.build(NetworkSpec((64, 48, 48), (32, 32), (32, 32))).count_params() < 1_000_000
    with pytest.raises(InputError, match="there is no setting 'parameters'"):
        recipe.with_settings({"parameters": 1000})


def test_the_network_sees_amplitudes() -> None:
    patterns = np.random.default_rng(0).random((3, 5, 5)).astype(np.float32)
    patterns[:, 0, 0] = 0
    z_scored = (patterns - patterns.mean(axis=(1, 2), keepdims=True)) / 2
    np.testing.assert_allclose(network_input({"cbed": z_scored}), np.sqrt(patterns / 2), atol=1e-3)


def test_the_huber_loss_is_quadratic_up_to_one_deviation_and_linear_beyond() -> None:
    losses = huber(np.zeros((3, 2, 2), np.float32), np.full((3, 2, 2), 1, np.float32) * [[[0.5]], [[1]], [[3]]])
    np.testing.assert_allclose(losses, [0.125, 0.5, 2.5])


class Drawn:
    """In place of a random generator: draws that make the augmentation take one of its ways."""

    def __init__(self, way: tuple[int, ...]) -> None:
        self._way = way

    def random(self, count: int) -> np.ndarray:
        return 1 - np.array(self._way[:count], float)


@pytest.mark.parametrize("way", list(product([0, 1], repeat=3)))
def test_the_scan_turns_with_the_image(way: tuple[int, ...]) -> None:
    given = example()
    samples = network_input(given) ** 2, given["projected_potential"], np.float32(1)
    scan, image, _ = turned(samples, Drawn(way))
    transpose, flip_rows, flip_columns = way
    expected = [samples[1], integrated_centre_of_mass(samples[0][:, 1:, 1:], (16, 16))]
    for i, field in enumerate(expected):
        field = field.T if transpose else field
        expected[i] = np.flip(field, [axis for axis, flip in enumerate((flip_rows, flip_columns)) if flip])
    np.testing.assert_array_equal(image, expected[0])
    # The first row and column have no mirror image about the direct beam: they are left out.
    np.testing.assert_allclose(integrated_centre_of_mass(scan[:, 1:, 1:], (16, 16)), expected[1], atol=1e-9)
