"""Reference models for CANDLE-UNO: gene expression, descriptors and doses in, a response out.

The reference learns areas under curves (AUC), and so do these where the data hold AUC: predictions are kept within its
range. Another measure, such as the logarithm of an IC50, may have any size: there a layer follows the last one that
multiplies by the standard deviation of the training split and adds its mean, and predictions are what comes out. Its
loss is in variances of that split, so that training does not depend on the unit.

Tables of omics that data were prepared with are inputs too, after the descriptors: each has a tower, as the reference
has one for each kind of feature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from sciml_datasets.candle_uno.measures import AUC, FACT
from sciml_datasets.models.losses import Predict, outputs_of, responses, squared_deviations, squared_errors
from sciml_datasets.models.recipe import NetworkSpec, Recipe, TrainingSettings, changed
from sciml_datasets.models.sources import table_rows

GENES, DESCRIPTORS = 942, 5270
"""Widths of the features of the reference's AUC run (ECP-CANDLE/Benchmarks, Pilot1/Uno)."""
TABLES = ("gene_expression", "drug_descriptors")


REFERENCE_LAYERS: Mapping[str, Any] = {
    "tower": (1000,) * 3,
    "trunk": (1000,) * 5,
    "activation": "relu",
    "dropout": 0.1,
    "initializer": "glorot_normal",
}
"""The reference's dense layers: widths of a tower for each kind of feature, and of the trunk; dropout after each."""
SMALL_LAYERS: Mapping[str, Any] = {"tower": (128, 64), "trunk": (128, 64), "activation": "gelu", "dropout": 0.05}
"""The demo's. A network learns to be right on average over the noise of dropout, which is not there when it predicts:
with the reference's ReLU and 0.1, the demo's predictions came out too low by 0.036, their spread 0.84 of the truth's.
"""


def uno(genes: int = GENES, descriptors: int = DESCRIPTORS, *omics: int, centre: float = 0, spread: float = 1) -> Any:
    """The reference network: a tower of 3 x 1000 for each input, a trunk of 5 x 1000; 16,224,001 parameters.

    Source: ECP-CANDLE/Benchmarks, Pilot1/Uno/uno_baseline_keras2.py and uno_auc_model.txt: ReLU, dropout 0.1 after each
    layer, first weights normal as Glorot & Bengio have them. There dropout stays on in prediction; here it does not.

    Args:
        genes, descriptors: widths of the inputs.
        omics: widths of further inputs.
        centre, spread: mean and standard deviation of the response, where it is not an area between 0 and 1.
    """
    return _network("candle_uno", genes, descriptors, omics, doses=0, scale=(centre, spread), **REFERENCE_LAYERS)


def small_uno(genes: int, descriptors: int, *omics: int, centre: float = 0, spread: float = 1) -> Any:
    """An eighth of the width, fewer layers, GELU and half the dropout, for the demo: a minute on two cores."""
    return _network("candle_uno_small", genes, descriptors, omics, doses=0, scale=(centre, spread), **SMALL_LAYERS)


def growth_uno(genes: int = GENES, descriptors: int = DESCRIPTORS) -> Any:
    """The reference network for one dose: its logarithm goes into the trunk as it is; 16,225,001 parameters."""
    return _network("candle_uno_growth", genes, descriptors, doses=1, **REFERENCE_LAYERS)


def pairs_uno(genes: int = GENES, descriptors: int = DESCRIPTORS, _: int = DESCRIPTORS) -> Any:
    """The reference network for two doses, with one tower for the descriptors of both drugs; 17,226,001 parameters.

    Where the reference swaps the drugs of a pair at random, this one takes the mean of both orders.
    """
    return _network("candle_uno_pairs", genes, descriptors, doses=2, **REFERENCE_LAYERS)


def _network(
    name: str,
    genes: int,
    descriptors: int,
    omics: Sequence[int] = (),
    *,
    doses: int,
    tower: tuple[int, ...],
    trunk: tuple[int, ...],
    activation: str,
    dropout: float,
    initializer: str = "glorot_uniform",
    scale: tuple[float, float] = (0, 1),
) -> Any:
    """A network of ``doses`` concentrations, expression, descriptors of as many drugs, of one at least, and omics.

    What comes out is multiplied by the second number of ``scale``, and the first is added.
    """
    import keras
    from keras import layers

    def dense(widths: tuple[int, ...]) -> Callable[[Any], Any]:
        """Layers that may be applied several times."""
        stack = [
            layer
            for width in widths
            for layer in (layers.Dense(width, activation, kernel_initializer=initializer), layers.Dropout(dropout))
        ]
        return lambda x: reduce(lambda values, layer: layer(values), stack, x)

    numbers = [""] if doses < 2 else [f"_{number}" for number in range(1, doses + 1)]
    doses_in = [keras.Input((1,), name=f"log_concentration{number}") for number in numbers[:doses]]
    cell_in = keras.Input((genes,), name=TABLES[0])
    drugs_in = [keras.Input((descriptors,), name=f"drug{number}_descriptors") for number in numbers]
    cell, drug_tower = dense(tower)(cell_in), dense(tower)
    drugs = [drug_tower(values) for values in drugs_in]
    omics_in = [keras.Input((width,), name=f"omics_{number}") for number, width in enumerate(omics, 1)]
    further = [dense(tower)(values) for values in omics_in]
    together, response = dense(trunk), layers.Dense(1, kernel_initializer=initializer)

    def answer(order: Sequence[int]) -> Any:
        parts = [*(doses_in[i] for i in order[:doses]), cell, *(drugs[i] for i in order), *further]
        return response(together(layers.Concatenate()(parts)))

    order = range(len(drugs))
    outputs = answer(order) if doses < 2 else layers.Average()([answer(order), answer(order[::-1])])
    if scale != (0, 1):
        outputs = layers.Rescaling(scale[1], scale[0], dtype="float32")(outputs)
    return keras.Model([*doses_in, cell_in, *drugs_in, *omics_in], outputs, name=name)


def reference_network(spec: NetworkSpec) -> Any:
    """`uno` for the widths, and the moments where the response is no area, of the prepared data."""
    return uno(*_widths(spec), centre=spec.target_mean, spread=spec.target_std)


def demo_network(spec: NetworkSpec) -> Any:
    """`small_uno` for the widths, and the moments where the response is no area, of the prepared data."""
    return small_uno(*_widths(spec), centre=spec.target_mean, spread=spec.target_std)


def growth_network(spec: NetworkSpec) -> Any:
    """`growth_uno` for the widths of the prepared data."""
    return growth_uno(*_widths(spec, doses=1))


def pairs_network(spec: NetworkSpec) -> Any:
    """`pairs_uno` for the widths of the prepared data."""
    return pairs_uno(*_widths(spec, doses=2))


def _widths(spec: NetworkSpec, doses: int = 0) -> tuple[int, ...]:
    """The widths of the inputs after the doses, which come first."""
    return tuple(width for (width,) in spec.input_shape[doses:])


def areas(network: Any) -> Predict:
    """A compiled function from a batch of inputs to areas (N,) float32, kept within 0 and 1."""
    import tensorflow as tf

    def forward(inputs: Any) -> Any:
        return tf.clip_by_value(outputs_of(network, inputs)[:, 0], 0.0, 1.0)

    compiled: Predict = tf.function(forward, reduce_retracing=True)
    return compiled


def by_facts(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """What changes in the recipe where the prepared data hold a measure other than AUC, or tables of omics."""
    omics = tuple(name for name in facts.get("columns", {}) if name not in TABLES)
    changes: dict[str, Any] = {"source": {"tables": (*TABLES, *omics)}} if omics else {}
    response = facts.get(FACT) or AUC.facts()
    if [response[key] for key in ("title", "low", "high")] == [AUC.title, AUC.low, AUC.high]:
        return changes
    return {**changes, "losses": squared_deviations, "predictions": responses, "standardised": True}


_REFERENCE = Recipe(
    reference_network,
    table_rows(TABLES, numbers=(), target="response", at_once=4096),
    squared_errors,
    areas,
    TrainingSettings(
        epochs=50,
        batch_size=32,
        learning_rate=1e-4,
        weight_decay=0.0,
        warmup_share=0.1,
        first_rate=1e-3,  # the reference's "warm-up" falls from Keras's own rate of Adamax within five epochs
        optimizer="adamax",
        schedule="plateau",
        xla="on",  # layers this small spend their time between operations, and Adamax in passes over its moments
    ),
    by_facts=by_facts,
)

RECIPES = {
    "candle_uno": changed(_REFERENCE, {"training": {"patience": 10}}),  # as its published command asks for, `--es True`
    "candle_uno_demo": changed(
        _REFERENCE,
        {
            "network": demo_network,
            "training": TrainingSettings(epochs=30, batch_size=128, learning_rate=2e-3, xla="on"),
        },
    ),
    "candle_uno_growth": changed(
        _REFERENCE,
        {
            "network": growth_network,
            "source": {"numbers": ("log_concentration",), "target": "growth"},
            "predictions": responses,
            "by_facts": None,
        },
    ),
    "candle_uno_pairs": changed(
        _REFERENCE,
        {
            "network": pairs_network,
            "source": {
                "tables": ("gene_expression", "drug_1_descriptors", "drug_2_descriptors"),
                "numbers": ("log_concentration_1", "log_concentration_2"),
                "target": "growth",
            },
            "predictions": responses,
            "by_facts": None,
        },
    ),
}
"""Data set name to recipe."""
