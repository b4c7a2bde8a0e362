"""Random draws and normalisation of layers belong to the whole batch: neither XLA nor sharing changes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from deferred import keras, tf

from sciml_datasets.models.batch_norm import normalise_as_one
from sciml_datasets.models.networks import build_network
from sciml_datasets.models.random_layers import draw_as_one, drawing_by_themselves, random_bits
from sciml_datasets.models.stemdl import RECIPES


def test_the_bits_are_those_of_philox() -> None:
    # Random123's known answer of philox4x32-10 for a counter and a key of zeros.
    bits = random_bits(tf.constant([0, 0], tf.int64), 0, 1, 4)
    assert [f"{word:08x}" for word in np.asarray(bits)[0]] == ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]


def test_rows_have_their_own_bits_wherever_and_however_they_are_drawn() -> None:
    state = tf.constant([3, 9], tf.int64)
    whole = np.asarray(random_bits(state, 0, 6, 10))
    assert len(np.unique(whole)) == whole.size
    np.testing.assert_array_equal(random_bits(state, 4, 2, 10), whole[4:])
    compiled = tf.function(lambda first: random_bits(state, first, 3, 10), jit_compile=True)
    np.testing.assert_array_equal(compiled(3), whole[3:])
    assert not np.isin(random_bits(tf.constant([3, 10], tf.int64), 0, 6, 10), whole).any()


def named(rate: float, **options: Any) -> Any:
    """A layer of a user's class that draws as Keras's does."""

    class Named(keras.layers.Dropout):
        pass

    return Named(rate, **options)


def halved(rate: float) -> Any:
    """A layer of one that does not."""

    class Halved(keras.layers.Dropout):
        def call(self, inputs: Any, training: bool = False) -> Any:
            return super().call(inputs, training=training) / 2

    return Halved(rate)


NOISE: dict[str, Any] = {
    "dropout of a class of one's own": lambda: named(0.3, seed=1),
    "dropout": lambda: keras.layers.Dropout(0.3, seed=1),
    "dropout of rows": lambda: keras.layers.Dropout(0.3, noise_shape=(None, 1, None), seed=1),
    "dropout of the batch": lambda: keras.layers.Dropout(0.3, noise_shape=(1, None, None), seed=1),
    "spatial dropout": lambda: keras.layers.SpatialDropout1D(0.3, seed=1),
    "alpha dropout": lambda: keras.layers.AlphaDropout(0.3, seed=1),
    "Gaussian dropout": lambda: keras.layers.GaussianDropout(0.3, seed=1),
    "Gaussian noise": lambda: keras.layers.GaussianNoise(0.7, seed=1),
}


@pytest.mark.parametrize("make", NOISE.values(), ids=NOISE)
def test_layers_draw_alike_in_and_out_of_xla_and_as_much_as_in_keras(make: Any) -> None:
    values = tf.constant(np.random.default_rng(0).normal(size=(300, 20, 30)), tf.float32)

    def drawn(jit_compile: bool) -> list[np.ndarray[Any, Any]]:
        layer = make()
        draw_as_one(layer)
        call = tf.function(lambda x: layer(x, training=True), jit_compile=jit_compile)
        return [np.asarray(call(values)) for _ in range(2)]

    plain, compiled = drawn(False), drawn(True)
    np.testing.assert_allclose(compiled, plain, rtol=1e-5, atol=1e-5)
    assert not np.array_equal(plain[0], plain[1])
    by_keras = np.asarray(make()(values, training=True))
    for share in (np.mean, np.std, lambda array: np.mean(array == 0)):
        assert share(plain[0]) == pytest.approx(share(by_keras), abs=0.05)
    np.testing.assert_array_equal(make()(values, training=False), values)


def test_one_number_a_sample_is_dropped_or_kept() -> None:
    layer = keras.layers.Dropout(0.5, seed=1)
    draw_as_one(layer)
    drawn = np.asarray(layer(tf.ones((400,)), training=True))
    assert set(drawn) == {0, 2}
    assert drawn.mean() == pytest.approx(1, abs=0.15)


OWN_WAYS: dict[str, Any] = {
    "own call": lambda: halved(0.1),
    "within a recurrent layer": lambda: keras.layers.LSTM(2, dropout=0.1),
    "within another layer": lambda: keras.layers.Bidirectional(keras.layers.GRU(2, recurrent_dropout=0.1)),
    "random layer": lambda: keras.layers.RandomFlip(),
    "attention": lambda: keras.layers.Attention(dropout=0.1),
}
OUR_WAYS: dict[str, Any] = NOISE | {
    "recurrent layer without dropout": lambda: keras.layers.LSTM(2),
    "several heads": lambda: keras.layers.MultiHeadAttention(2, 2, dropout=0.1),
    "no draw": lambda: keras.layers.Dense(2),
}


@pytest.mark.parametrize(
    ("make", "reported"),
    [(make, True) for make in OWN_WAYS.values()] + [(make, False) for make in OUR_WAYS.values()],
    ids=[*OWN_WAYS, *OUR_WAYS],
)
def test_layers_that_draw_in_a_way_of_their_own_are_named(make: Any, reported: bool) -> None:
    layer = make()
    network = keras.Sequential([keras.layers.Dense(2), layer, keras.layers.Dropout(0.1)])
    assert drawing_by_themselves(network) == [layer.name] * reported


def moments(values: Any, mask: Any = None) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The mean and variance of a batch norm layer over values (N, rows, columns, channels)."""
    layer = keras.layers.BatchNormalization()
    layer.build(values.shape)
    normalise_as_one(layer, replicas=1)
    mean, variance = layer._moments(tf.constant(values), mask)
    return np.asarray(mean), np.asarray(variance)


def test_variances_keep_their_digits_beside_a_large_mean() -> None:
    values = np.random.default_rng(0).normal(300, 0.1, (8, 30, 30, 5)).astype(np.float32)
    mean, variance = moments(values)
    np.testing.assert_allclose(mean, values.mean((0, 1, 2), np.float64), rtol=1e-6)
    np.testing.assert_allclose(variance, values.var((0, 1, 2), np.float64), rtol=1e-5)


def test_the_order_of_the_samples_does_not_count() -> None:
    random = np.random.default_rng(0)
    values = random.normal(2, 1, (32, 12, 12, 7)).astype(np.float32)
    for got, expected in zip(moments(values[random.permutation(32)]), moments(values), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_what_is_masked_is_not_normalised_by() -> None:
    random = np.random.default_rng(0)
    values, mask = random.normal(2, 1, (8, 12, 12, 3)).astype(np.float32), random.random((8, 12, 12)) < 0.5
    mean, variance = moments(values, tf.constant(mask))
    np.testing.assert_allclose(mean, values[mask].mean(0), rtol=1e-5)
    np.testing.assert_allclose(variance, values[mask].var(0), rtol=1e-5)


def test_layers_within_layers_of_ones_own_are_found() -> None:
    class Block(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.drop = keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)

        def call(self, inputs: Any, training: bool = False) -> Any:
            return self.drop(self.norm(inputs, training=training), training=training)

    block = Block()

    def network() -> Any:
        inputs = keras.Input((128, 128, 3))
        return keras.Model(inputs, keras.layers.Dense(231)(keras.layers.GlobalAveragePooling2D()(block(inputs))))

    build_network(network, RECIPES["stemdl_demo"])
    assert "call" in vars(block.drop)
    assert "_moments" in vars(block.norm)
