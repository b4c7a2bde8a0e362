"""The reference models for CloudMask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from deferred import keras

from sciml_datasets.models.cloudmask import RECIPES, predict_scene, small_unet, unet


@pytest.fixture(scope="module")
def small() -> Any:
    return small_unet()


def test_the_unet_is_that_of_the_reference() -> None:
    model = unet()
    assert model.count_params() == 1_948_609
    assert len(model.layers) == 39
    assert model.input_shape == (None, 256, 256, 9)
    assert model.output_shape == (None, 256, 256, 1)
    filters = [layer.filters for layer in model.layers if hasattr(layer, "filters")]
    assert filters == [32, 32, 64, 64, 128, 128, 256, 256, 128, 128, 64, 64, 32, 32, 1]


def test_convolutions_of_the_unet_begin_as_the_references() -> None:
    convolutions = [layer for layer in unet().layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.kernel_size for layer in convolutions] == [(3, 3)] * 14 + [(1, 1)]
    for layer in convolutions:
        assert isinstance(layer.kernel_initializer, keras.initializers.HeNormal)
        assert not layer.bias.numpy().any()
    assert [layer.padding for layer in convolutions[:-1]] == ["same"] * 14
    assert {layer.interpolation for layer in unet().layers if isinstance(layer, keras.layers.UpSampling2D)} == {
        "nearest"
    }


def test_the_reference_is_trained_as_the_reference_trains() -> None:
    training = RECIPES["cloudmask"].training
    found = training.optimizer, training.learning_rate, training.epsilon, training.schedule
    assert found == ("adam", 1e-3, 1e-7, "constant")
    assert (training.batch_size, training.epochs, training.warmup_share) == (32, 30, 0)


def test_the_small_unet_is_a_tenth_of_it_and_has_batch_norm(small: Any) -> None:
    assert small.count_params() < 195_000
    assert any("batch_normalization" in layer.name for layer in small.layers)
    assert small.output_shape == (None, 128, 128, 1)


def test_the_output_is_logits(small: Any) -> None:
    outputs = small(np.random.default_rng(0).normal(size=(1, 128, 128, 9)).astype(np.float32), training=True).numpy()
    assert outputs.min() < 0


def test_the_logits_of_a_pixel_wise_model_are_stitched_as_probabilities() -> None:
    image = np.random.default_rng(0).normal(size=(300, 400, 9)).astype(np.float32)
    found = predict_scene(lambda patches: patches[..., :1], image)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-image[..., 0])), rtol=1e-5)


def test_large_logits_become_probabilities_without_a_warning() -> None:
    image = np.zeros((64, 64, 9), np.float32)
    image[..., 0] = np.where(np.arange(64) < 32, -1e4, 1e4)
    found = predict_scene(lambda patches: patches[..., :1], image)
    assert set(np.unique(found)) == {0, 1}


def test_a_whole_scene_goes_through_in_batches_of_nine_patches() -> None:
    shapes = []

    def forward(patches: np.ndarray) -> np.ndarray:
        shapes.append(patches.shape)
        return patches[..., :1]

    assert predict_scene(forward, np.zeros((1200, 1500, 9), np.float32)).shape == (1200, 1500)
    assert shapes == [(9, 256, 256, 9)] * 7


def test_a_network_predicts_a_scene_larger_than_its_patches(small: Any) -> None:
    image = np.random.default_rng(0).normal(size=(200, 150, 9)).astype(np.float32)
    found = predict_scene(small, image, patch=128, trim=20)
    assert found.shape == (200, 150)
    assert ((found >= 0) & (found <= 1)).all()
