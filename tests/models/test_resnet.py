"""ResNet-50 as torchvision defines it: parameters counted by hand, sizes of the layers, numbers as PyTorch has them."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from deferred import keras

from sciml_datasets.models.resnet import resnet50
from sciml_datasets.models.stemdl import RECIPES
from sciml_datasets.models.stemdl import resnet50 as stemdl_resnet50

BLOCKS = [(64, 3), (128, 4), (256, 6), (512, 3)]


@functools.cache
def published(channels: int) -> Any:
    """STEMDL's network with its first weights, for tests that only look at it: building it takes a second."""
    keras.utils.set_random_seed(0)
    return stemdl_resnet50(channels)


@functools.cache
def network_of(size: tuple[int, int]) -> Any:
    """A network for images of a size."""
    keras.utils.set_random_seed(1)
    return resnet50((*size, 3), 7)


def trained(network: Any) -> int:
    return sum(math.prod(variable.shape) for variable in network.trainable_variables)


def by_hand(channels: int, outputs: int) -> tuple[int, int]:
    """What is trained and what batch norm keeps, of the definition: kernels without biases, and two numbers of batch
    norm (and two statistics) for each of their channels; a dense layer with biases.
    """
    weights, normalised = 49 * channels * 64, 64
    before = 64
    for width, blocks in BLOCKS:
        for block in range(blocks):
            weights += before * width + 9 * width * width + width * 4 * width
            normalised += width + width + 4 * width
            if block == 0:  # the projection beside the first block of a stage
                weights += before * 4 * width
                normalised += 4 * width
            before = 4 * width
    return weights + 2 * normalised + before * outputs + outputs, 2 * normalised


def test_the_count_by_hand_is_that_of_torchvision_for_imagenet() -> None:
    assert by_hand(3, 1000) == (25_557_032, 53_120)


@pytest.mark.parametrize(("channels", "parameters"), [(1, 23_975_079), (3, 23_981_351)])
def test_parameters_are_those_of_the_definition_with_another_stem_and_head(channels: int, parameters: int) -> None:
    network = published(channels)
    assert (trained(network), network.count_params() - trained(network)) == by_hand(channels, 231)
    assert trained(network) == parameters


@pytest.mark.parametrize(
    ("reference", "channels", "last"),
    [("ornl", 1, "Dropout"), ("stfc", 3, "Dense"), ("stack", 3, "Dense"), ("scaled", 1, "Dense")],
)
def test_each_reference_has_it(reference: str, channels: int, last: str) -> None:
    network = RECIPES["stemdl"].with_settings({"reference": reference}).network()
    assert trained(network) == by_hand(channels, 231)[0]
    assert type(network.layers[-1]).__name__ == last
    scaled = [layer.scale for layer in network.layers if isinstance(layer, keras.layers.Rescaling)]
    assert scaled == ([1 / 255] if reference == "scaled" else [])


def test_the_stride_is_in_the_3_x_3_convolutions_and_no_convolution_has_a_bias() -> None:
    network = published(1)
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convolutions) == 1 + 3 * 16 + 4
    assert not any(layer.use_bias for layer in convolutions)
    strided = [(layer.kernel_size[0], layer.output.shape[1:]) for layer in convolutions if layer.strides[0] == 2]
    assert strided == [
        (7, (64, 64, 64)),
        *[size for side, width in ((16, 128), (8, 256), (4, 512)) for size in _strided_of_a_stage(side, width)],
    ]


def _strided_of_a_stage(side: int, width: int) -> list[tuple[int, tuple[int, int, int]]]:
    """In its first block the 3 x 3 convolution, and the projection of what it is added to."""
    return [(3, (side, side, width)), (1, (side, side, 4 * width))]


def test_batch_norm_is_that_of_pytorch() -> None:
    norms = [layer for layer in published(1).layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 53
    assert {(layer.epsilon, layer.momentum) for layer in norms} == {(1e-5, 0.9)}


def test_first_weights_are_those_of_pytorch() -> None:
    one, three = published(1), published(3)
    stem, of_three = (network.layers[2].kernel.numpy() for network in (one, three))
    assert np.abs(stem).max() == pytest.approx(1 / 7, rel=0.01)  # uniform in +-1 / sqrt(7 x 7)
    assert np.std(stem) == pytest.approx(1 / 7 / math.sqrt(3), rel=0.05)
    assert np.std(of_three) == pytest.approx(math.sqrt(2 / (49 * 64)), rel=0.05)
    convolutions = [layer for layer in one.layers[3:] if isinstance(layer, keras.layers.Conv2D)]
    for layer in convolutions:
        size, _, _, outputs = layer.kernel.shape
        assert np.std(layer.kernel.numpy()) == pytest.approx(math.sqrt(2 / (size * size * outputs)), rel=0.05)
        assert abs(float(np.mean(layer.kernel.numpy()))) < 0.05 * np.std(layer.kernel.numpy())
    first, second = (layer.kernel.numpy() for layer in convolutions if layer.kernel.shape == (1, 1, 256, 64))
    assert (first != second).any()
    kernel, bias = one.layers[-1].get_weights()
    for values in (kernel, bias):
        assert np.abs(values).max() == pytest.approx(1 / math.sqrt(2048), rel=0.02)


def test_dropout_keeps_half_of_the_logits_in_training_and_all_in_prediction() -> None:
    network = RECIPES["stemdl"].network()
    patterns = np.random.default_rng(0).uniform(0, 255, (4, 128, 128, 1)).astype(np.float32)
    dropped = np.mean(np.asarray(network(patterns, training=True)) == 0)
    assert 0.4 < dropped < 0.6
    assert (np.asarray(network(patterns, training=False)) != 0).all()


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("size", [(64, 64), (70, 51)])
def test_its_outputs_are_those_of_the_definition_in_pytorch(size: tuple[int, int], training: bool) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    network = network_of(size)
    random = np.random.default_rng(1)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            statistics = random.uniform(0.5, 1.5, (4, layer.gamma.shape[0])) - np.array([[0], [1], [1], [0]])
            layer.set_weights(list(statistics.astype(np.float32)))
    images = random.uniform(0, 255, (3, *size, 3)).astype(np.float32)
    expected = in_pytorch(network, images, training)
    np.testing.assert_allclose(network(images, training=training), expected, rtol=1e-3, atol=1e-3 * expected.std())


def in_pytorch(network: Any, images: np.ndarray, training: bool) -> np.ndarray:
    """The forward pass of torchvision's definition with the weights of a Keras model."""
    import torch
    from torch.nn import functional

    def made(kind: type) -> Iterator[Any]:
        """Layers in the order in which they were made, which follows from their names: conv2d, conv2d_1, ..."""
        layers = [layer for layer in network.layers if isinstance(layer, kind)]
        return iter(sorted(layers, key=lambda layer: int((re.findall(r"_(\d+)$", layer.name) or [0])[0])))

    convolutions, norms = made(keras.layers.Conv2D), made(keras.layers.BatchNormalization)

    def tensors(layer: Any) -> list[Any]:
        return [torch.from_numpy(np.array(weights)) for weights in layer.get_weights()]

    def normalised(x: Any, size: int, stride: int, channels: int) -> Any:
        (kernel,) = tensors(next(convolutions))
        assert kernel.shape == (size, size, x.shape[1], channels)
        x = functional.conv2d(x, kernel.permute(3, 2, 0, 1), stride=stride, padding=size // 2)
        scale, offset, mean, variance = tensors(next(norms))
        return functional.batch_norm(x, mean, variance, scale, offset, training, 0.1, 1e-5)

    x = normalised(torch.from_numpy(images).permute(0, 3, 1, 2), 7, 2, 64).relu()
    x = functional.max_pool2d(x, 3, 2, 1)
    for stage, (width, blocks) in enumerate(BLOCKS):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            y = normalised(x, 1, 1, width).relu()
            y = normalised(y, 3, stride, width).relu()
            y = normalised(y, 1, 1, 4 * width)
            x = (y + (x if block else normalised(x, 1, stride, 4 * width))).relu()
    kernel, bias = tensors(network.layers[-1])
    return np.asarray(x.mean((2, 3)) @ kernel + bias)
