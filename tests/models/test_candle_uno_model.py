"""The reference networks of CANDLE-UNO: layers, parameters, and what they take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from deferred import keras
from uno_files import write_improve, write_omics, write_splits

from sciml_datasets import prepare
from sciml_datasets.models.batches import Batches, Part
from sciml_datasets.models.candle_uno import RECIPES, TABLES, areas, growth_uno, pairs_uno, small_uno, uno
from sciml_datasets.models.joined_rows import fitted_tables, stored_tables
from sciml_datasets.models.losses import responses
from sciml_datasets.models.table_row_numbers import rows_of_tables
from sciml_datasets.prepared.prepared import Prepared


def dense_shapes(network: Any) -> list[tuple[int, ...]]:
    return [tuple(layer.kernel.shape) for layer in network.layers if isinstance(layer, keras.layers.Dense)]


def test_the_reference_has_its_layers_and_16_224_001_parameters() -> None:
    network = uno()
    assert network.count_params() == 16_224_001
    shapes = dense_shapes(network)
    towers = [(942, 1000), (5270, 1000), *[(1000, 1000)] * 4]
    assert sorted(shapes[:6]) == sorted(towers)
    assert shapes[6:] == [(2000, 1000), *[(1000, 1000)] * 4, (1000, 1)]
    dropped = [layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)]
    assert dropped == [0.1] * 11
    assert {layer.activation.__name__ for layer in network.layers if isinstance(layer, keras.layers.Dense)} == {
        "relu",
        "linear",
    }
    assert network.input_shape == [(None, 942), (None, 5270)]
    assert network.output_shape == (None, 1)


def test_the_network_of_the_demo_is_smooth_and_drops_little() -> None:
    network = small_uno(7, 5)
    dense = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
    assert [layer.activation.__name__ for layer in dense] == ["gelu"] * 6 + ["linear"]
    assert [layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)] == [0.05] * 6


def test_each_table_of_omics_has_a_tower_and_goes_into_the_trunk() -> None:
    network = small_uno(7, 5, 3, 2)
    assert network.input_shape == [(None, 7), (None, 5), (None, 3), (None, 2)]
    shapes = dense_shapes(network)
    assert {(7, 128), (5, 128), (3, 128), (2, 128)} < {*shapes}
    assert (4 * 64, 128) in shapes


def test_tables_of_omics_are_inputs_where_the_data_have_them(tmp_path: Path) -> None:
    write_splits(write_omics(write_improve(tmp_path / "raw/candle_uno")), "CCLE", train=[0, 1], val=[2], test=[3])
    prepare("candle_uno", tmp_path / "raw", tmp_path / "data", omics="mutation_count,copy_number")
    data = Prepared.open("candle_uno", tmp_path / "data")
    recipe = RECIPES["candle_uno"].for_data(data.builder.info.metadata)
    tables = ("gene_expression", "drug_descriptors", "mutation_count", "copy_number")
    inputs = recipe.source.inputs_of(data.builder, data.select("train"))(np.arange(2))
    expected = data.builder.as_data_source("train")
    for name, values in zip(tables, inputs, strict=True):
        np.testing.assert_array_equal(values, [example[name] for example in expected])


def test_the_reference_is_trained_as_the_reference_trains() -> None:
    training = RECIPES["candle_uno"].training
    assert (training.optimizer, training.learning_rate, training.batch_size, training.epochs) == (
        "adamax",
        1e-4,
        32,
        50,
    )
    assert training.schedule == "plateau"
    assert (training.warmup_share * training.epochs, training.first_rate) == (5, 1e-3)
    assert (training.epsilon, training.patience) == (1e-7, 10)


def test_first_weights_of_the_reference_are_normal_as_glorot_and_bengio_have_them() -> None:
    for layer in uno(7, 5).layers:
        if isinstance(layer, keras.layers.Dense):
            assert isinstance(layer.kernel_initializer, keras.initializers.GlorotNormal)
            assert not layer.bias.numpy().any()


def test_doses_go_into_the_trunk_and_drugs_share_a_tower() -> None:
    assert growth_uno().count_params() == 16_224_001 + 1000
    network = pairs_uno()
    # A third of the joined features more, and two doses; no third tower.
    assert network.count_params() == 16_224_001 + 1000 * 1000 + 2 * 1000
    assert network.input_shape == [(None, 1), (None, 1), (None, 942), (None, 5270), (None, 5270)]


def test_the_order_of_two_drugs_does_not_matter() -> None:
    network = pairs_uno(7, 5, 5)
    rng = np.random.default_rng(0)
    (one, other), cell, (first, second) = (
        rng.normal(size=(2, 4, 1)),
        rng.normal(size=(4, 7)),
        rng.normal(size=(2, 4, 5)),
    )
    predict = responses(network)
    straight = predict([one, other, cell, first, second])
    np.testing.assert_allclose(predict([other, one, cell, second, first]), straight, rtol=1e-5)
    assert not np.allclose(predict([one, other, cell, second, first]), straight)


def test_areas_stay_between_0_and_1_and_growth_does_not() -> None:
    network = small_uno(4, 3)
    network.layers[-1].bias.assign([7.0])
    inputs = [np.zeros((2, 4)), np.zeros((2, 3))]
    assert np.asarray(areas(network)(inputs)).tolist() == [1.0, 1.0]
    assert np.asarray(responses(network)(inputs)).min() > 6


@pytest.mark.parametrize("index", [0, 1])
def test_workers_join_their_rows_of_the_same_batches(data_dir: Path, index: int) -> None:
    recipe = RECIPES["candle_uno_demo"].with_settings({"batch_size": 8})
    batches = Batches(Prepared.open("candle_uno_demo", data_dir), recipe, seed=5)
    whole = list(batches.training(1))
    assert len(whole) == batches.steps > 1
    for (own, auc, _), (rows, all_auc, _) in zip(batches.training(1, part=Part(index, 2)), whole, strict=True):
        np.testing.assert_array_equal(auc, all_auc[4 * index : 4 * index + 4])
        for array, expected in zip(own, rows, strict=True):
            np.testing.assert_array_equal(array, expected[4 * index : 4 * index + 4])


@pytest.mark.parametrize("partition", ["drug_blind", "fold 2/3 by drug"])
def test_a_drug_that_is_held_out_takes_no_part_in_the_scaling(partition: str, data_dir: Path) -> None:
    recipe, prepared = RECIPES["candle_uno_demo"], Prepared.open("candle_uno_demo", data_dir)
    tables, builder = recipe.source.tables, prepared.builder
    training, test = (prepared.select(f"{partition}:{part}") for part in ("train", "test"))
    seen, unseen = (rows_of_tables(builder, some, tables)[1] for some in (training, test))
    table = fitted_tables(builder, tables, training)[1]
    fitted = table[np.unique(seen)]
    np.testing.assert_allclose(fitted.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(fitted.std(axis=0)[fitted.std(axis=0) > 0], 1, atol=1e-4)
    batches = Batches(prepared, recipe, 0, partition)
    np.testing.assert_array_equal(predicted_from(batches), table[unseen])
    of_another = Batches(prepared, recipe, 0, partition, trained_on="")
    np.testing.assert_array_equal(predicted_from(of_another), builder.info.features["drug_descriptors"].table[unseen])


def predicted_from(batches: Batches) -> np.ndarray:
    """The descriptors of the test split, as a model is given them."""
    return np.concatenate([descriptors for _, (_, descriptors) in batches.evaluation("test")])


def test_without_another_partition_tables_are_as_they_are_stored(data_dir: Path) -> None:
    builder = tfds.builder("sciml/candle_uno_demo", data_dir=data_dir)
    features = [builder.info.features[name].table for name in TABLES]
    for found, stored in zip(stored_tables(builder, TABLES), features, strict=True):
        assert found is stored
