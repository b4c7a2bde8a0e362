"""Reference model for CANDLE-UNO: gene expression and drug descriptors in, area under the dose-response curve out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sciml_datasets.models.recipe import Recipe
from sciml_datasets.models.samples import unchanged

GENES, DESCRIPTORS = 942, 5270
"""Of the reference's AUC run (ECP-CANDLE/Benchmarks, Pilot1/Uno)."""
TABLES = ("gene_expression", "drug_descriptors")


def uno(genes: int = GENES, descriptors: int = DESCRIPTORS) -> Any:
    """The reference network: a tower of 3 x 1000 for each input, a trunk of 5 x 1000; 16,224,001 parameters.

    Source: ECP-CANDLE/Benchmarks, Pilot1/Uno/uno_baseline_keras2.py and uno_auc_model.txt: ReLU, dropout 0.1 after each
    layer.

    Args:
        genes, descriptors: widths of the inputs.
    """
    return _towers(genes, descriptors, tower=(1000,) * 3, trunk=(1000,) * 5, dropout=0.1, name="candle_uno")


def small_uno(genes: int, descriptors: int) -> Any:
    """An eighth of the width and fewer layers, for the demo: seconds on two cores."""
    return _towers(genes, descriptors, tower=(128, 64), trunk=(128, 64), dropout=0.1, name="candle_uno_small")


def _towers(
    genes: int,
    descriptors: int,
    *,
    tower: tuple[int, ...],
    trunk: tuple[int, ...],
    dropout: float,
    name: str,
) -> Any:
    import keras
    from keras import layers

    def dense(x: Any, widths: tuple[int, ...]) -> Any:
        for width in widths:
            x = layers.Dropout(dropout)(layers.Dense(width, activation="relu")(x))
        return x

    inputs = [keras.Input((genes,), name=TABLES[0]), keras.Input((descriptors,), name=TABLES[1])]
    together = layers.Concatenate()([dense(values, tower) for values in inputs])
    return keras.Model(inputs, layers.Dense(1)(dense(together, trunk)), name=name)


def squared_errors(target: Any, outputs: Any) -> Any:
    """(N,) squared differences of outputs (N, 1) and targets (N,)."""
    import tensorflow as tf

    return tf.math.squared_difference(outputs[:, 0], tf.cast(target, tf.float32))


def areas(network: Any) -> Callable[[Any], Any]:
    """A compiled function from a batch of inputs to areas (N,) float32, kept within 0 and 1."""
    import tensorflow as tf

    def forward(inputs: Any) -> Any:
        outputs = tf.cast(network(inputs, training=False), tf.float32)
        return tf.clip_by_value(outputs[:, 0], 0.0, 1.0)

    compiled: Callable[[Any], Any] = tf.function(forward, reduce_retracing=True)
    return compiled


def _of_tables(_: dict[str, Any]) -> Any:
    raise TypeError("inputs and samples of CANDLE-UNO are rows of tables")


_REFERENCE = Recipe(
    uno,
    _of_tables,
    _of_tables,
    unchanged,
    squared_errors,
    areas,
    input_shape=((GENES,), (DESCRIPTORS,)),
    output_shape=(1,),
    epochs=50,
    batch_size=32,
    learning_rate=1e-4,
    warmup_share=0.02,
    optimizer="adamax",
    schedule="plateau",
    xla="on",  # layers this small spend their time between operations, and Adamax in passes over its moments
    tables=TABLES,
    target="auc",
    examples_at_once=4096,
)

RECIPES = {
    "candle_uno": _REFERENCE,
    "candle_uno_demo": replace(
        _REFERENCE,
        build=small_uno,
        epochs=30,
        batch_size=128,
        learning_rate=2e-3,
        warmup_share=0.1,
        optimizer="adamw",
        schedule="cosine",
    ),
}
"""Data set name to recipe."""
