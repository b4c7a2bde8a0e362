"""Polar harmonics do not depend on the orientation of the crystal, nor on its hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

SIZE, RADII, ANGLES, HARMONICS = 64, 12, 72, 13
Images = NDArray[np.float32]


@pytest.fixture(scope="module")
def layer() -> Any:
    from sciml_datasets.models.polar_harmonics import PolarHarmonics

    return PolarHarmonics(RADII, ANGLES, HARMONICS)


def features(layer: Any, images: Images) -> tuple[NDArray[np.float32], ...]:
    """Sizes, real and imaginary parts, (N, rings, harmonics) each."""
    found = np.asarray(layer(images)).reshape(len(images), -1, HARMONICS)
    return tuple(np.split(found, [RADII, 2 * RADII - 1], axis=1))


def polar(image: Any) -> Images:
    """(1, SIZE, SIZE) of a function of radius (0 to 1 at the frame) and angle, the centre at SIZE // 2."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE // 2
    return np.asarray(image(np.hypot(x, y) / (SIZE // 2), np.arctan2(y, x)), np.float32)[None]


def drawn(seed: int) -> Images:
    """A pattern whose pixels about the centre are random; the first row and column, which have no opposite, are 0."""
    image = np.zeros((1, SIZE, SIZE), np.float32)
    image[:, 1:, 1:] = np.random.default_rng(seed).random((1, SIZE - 1, SIZE - 1))
    return image


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_crystal_has_the_same_features(layer: Any, quarters: int) -> None:
    image = drawn(0)
    turned = image.copy()
    turned[:, 1:, 1:] = np.rot90(image[:, 1:, 1:], quarters, axes=(1, 2))
    for own, others in zip(features(layer, image), features(layer, turned), strict=True):
        np.testing.assert_allclose(own, others, atol=2e-5)


def test_a_mirrored_crystal_has_the_same_features(layer: Any) -> None:
    image = drawn(1)
    mirrored = image.copy()
    mirrored[:, 1:, 1:] = image[:, 1:, :0:-1]
    for own, others in zip(features(layer, image), features(layer, mirrored), strict=True):
        np.testing.assert_allclose(own, others, atol=2e-5)


@pytest.mark.parametrize("order", [2, 3, 4, 6])
def test_an_axis_leaves_the_multiples_of_its_order(layer: Any, order: int) -> None:
    sizes = features(layer, polar(lambda r, a: r * (2 + np.cos(order * a) + np.sin(2 * order * a))))[0][0, 4:]
    other = np.arange(HARMONICS) % order != 0
    assert sizes[:, other].max() < 0.01
    np.testing.assert_allclose(sizes[:, order], np.linspace(0, 1, RADII + 1)[5:] * (31 / 32) / 2, rtol=0.05)


def test_a_mirror_leaves_no_imaginary_part(layer: Any) -> None:
    wound = polar(lambda r, a: r * (1 + np.cos(2 * a + 3 * r)))
    straight = polar(lambda r, a: r * (1 + np.cos(2 * a + 1)))
    (_, _, of_wound), (_, _, of_straight) = features(layer, wound), features(layer, straight)
    assert of_wound[0, 4:, 2].min() > 0.02
    assert of_straight[0, 4:, 2].max() < 0.005


def test_a_saved_network_is_loaded_without_running_code(tmp_path: Path, layer: Any) -> None:
    import keras

    from sciml_datasets.models.networks import load_network

    inputs = keras.Input((SIZE, SIZE))
    keras.Model(inputs, layer(inputs)).save(tmp_path / "model.keras")
    image = drawn(2)
    np.testing.assert_array_equal(load_network(tmp_path / "model.keras")(image), layer(image))


def test_images_of_unknown_size_are_refused(layer: Any) -> None:
    import keras

    from sciml_datasets.models.polar_harmonics import PolarHarmonics

    with pytest.raises(ValueError, match="size of the images is not known"):
        PolarHarmonics()(keras.Input((None, None)))
