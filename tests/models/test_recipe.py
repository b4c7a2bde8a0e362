"""Recipes: what a user declares is trained; a mistake in it is one sentence that names the data set and the part."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from deferred import keras

from sciml_datasets import InputError
from sciml_datasets.models import predict, train
from sciml_datasets.models.batches import Batches
from sciml_datasets.models.candle_uno import RECIPES as UNO_RECIPES
from sciml_datasets.models.candle_uno import TABLES
from sciml_datasets.models.losses import class_losses, image_losses, pixel_probabilities, probabilities
from sciml_datasets.models.recipe import NetworkSpec, Recipe, TrainingSettings, changed
from sciml_datasets.models.reference import reference_recipe
from sciml_datasets.models.sample_source import RecipeSource
from sciml_datasets.models.sources import examples, patches, table_rows
from sciml_datasets.models.stemdl import RECIPES
from sciml_datasets.models.task_recipe import task_recipe
from sciml_datasets.prepared.prepared import Prepared

NAME = "stemdl_demo"


def inputs(example: dict[str, Any]) -> np.ndarray:
    return example["cbed_stack"][:, ::8, ::8].astype(np.float32)


def samples(example: dict[str, Any]) -> tuple[Any, Any, Any]:
    return inputs(example), np.int64(example["space_group"]), np.float32(1)


def network(classes: int = 231, activation: str | None = None) -> Any:
    stack = keras.Input((3, 16, 16))
    return keras.Model(stack, keras.layers.Dense(classes, activation)(keras.layers.Flatten()(stack)), name="linear")


RECIPE = Recipe(
    network,
    source=examples(inputs=inputs, samples=samples),
    losses=class_losses,
    predictions=probabilities,
    training=TrainingSettings(epochs=1, batch_size=8, learning_rate=1e-3),
)


@pytest.fixture
def trained(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Recipe], Path]:
    """From a recipe, as a benchmark's module declares it, to the folder of a run by it."""

    def run(recipe: Recipe) -> Path:
        monkeypatch.setitem(RECIPES, NAME, recipe)
        train(NAME, data_dir, tmp_path / "run")
        return tmp_path / "run"

    return run


def test_a_recipe_of_five_parts_trains_and_predicts(
    trained: Callable[[Recipe], Path], data_dir: Path, tmp_path: Path
) -> None:
    run = trained(RECIPE)
    assert json.loads((run / "result.json").read_text())["model"] == {"name": "linear", "parameters": 231 * 769}
    predict(NAME, run / "model.keras", tmp_path / "p.h5", data_dir)
    with h5py.File(run / "predictions.h5") as file, h5py.File(tmp_path / "p.h5") as again:
        np.testing.assert_allclose(again["prediction"], file["prediction"], atol=1e-6)
        np.testing.assert_allclose(file["prediction"][:].sum(axis=1), 1, rtol=1e-5)


def test_a_network_that_takes_an_argument_is_given_the_shapes_of_the_data(trained: Callable[[Recipe], Path]) -> None:
    given = []

    def sized(spec: NetworkSpec) -> Any:
        given.append(spec)
        return network()

    trained(replace(RECIPE, network=sized))
    assert given == [NetworkSpec((3, 16, 16), (), (231,))]


def several_inputs(example: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    return inputs(example), np.float32([example["space_group"]])


def two_inputs(spec: NetworkSpec) -> Any:
    stack, number = (keras.Input(shape) for shape in spec.input_shape)
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(stack), number])
    return keras.Model([stack, number], keras.layers.Dense(231)(joined))


def test_examples_may_have_several_inputs(trained: Callable[[Recipe], Path]) -> None:
    source = examples(several_inputs, lambda example: (several_inputs(example), *samples(example)[1:]))
    assert (trained(replace(RECIPE, network=two_inputs, source=source)) / "result.json").is_file()


def numbered(odd: Callable[[tuple[Any, Any, Any]], tuple[Any, Any, Any]]) -> Callable[..., tuple[Any, Any, Any]]:
    """Samples of which all but the first are changed."""
    first: list[str] = []

    def made(example: dict[str, Any]) -> tuple[Any, Any, Any]:
        key = str(example["id"])
        first.extend([] if first else [key])
        return samples(example) if key == first[0] else odd(samples(example))

    return made


def broken(*_: Any) -> Any:
    raise LookupError("no such thing")


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "wrong number of outputs": (
        {"network": lambda: network(10)},
        r"the model's output shape is \(None, 10\), expected \(None, 231\): change the model",
    ),
    "probabilities for logits": (
        {"network": lambda: network(activation="softmax")},
        "the model's last layer, .*, applies softmax, expected logits",
    ),
    "a network of two arguments": ({"network": lambda one, other: network()}, "network takes several arguments"),
    "a network that fails": (
        {"network": broken},
        r"network: LookupError in .*test_recipe\.py, line \d+: no such thing: correct it",
    ),
    "no network": ({"network": lambda: 3}, "the model is of type int, expected a Keras model"),
    "samples that fail": ({"source": {"samples": broken}}, r"samples: LookupError in .*test_recipe\.py, line \d+"),
    "samples without a weight": (
        {"source": {"samples": lambda example: samples(example)[:2]}},
        "samples gave 2 values, expected 3: input, target, weight",
    ),
    "a sample of another type": (
        {"source": {"samples": numbered(lambda made: (made[0].astype(np.float64), *made[1:]))}},
        r"samples gave an array of shape \(3, 16, 16\) and type float64 for sample \d+, expected \(3, 16, 16\) and flo",
    ),
    "a sample of another shape": (
        {"source": {"samples": numbered(lambda made: (made[0][:1], *made[1:]))}},
        r"samples gave an array of shape \(1, 16, 16\) and type float32 for sample \d+, expected \(3, 16, 16\)",
    ),
    "a sample of several inputs": (
        {"source": {"samples": numbered(lambda made: ((made[0], made[0]), *made[1:]))}},
        r"samples gave 4 arrays for sample \d+, 3 for the first one",
    ),
    "weights by a column that is not there": (
        {"source": {"balanced_by": "space_groups"}},
        "source: the member lists have no column 'space_groups': choose one of id, ",
    ),
    "inputs that fail": ({"source": {"inputs": broken}}, r"inputs: LookupError in .*test_recipe\.py, line \d+"),
    "losses that give nothing": (
        {"losses": lambda target, logits: None},
        "losses gives NoneType, expected a tensor of TensorFlow: return one",
    ),
    "losses that fail": ({"losses": broken}, "losses: LookupError in .*test_recipe.py"),
    "losses of pixels": (
        {"losses": lambda target, logits: logits},
        r"losses have the shape \(8, 231\), expected \(8,\) as the weights of the samples",
    ),
    "losses of another kind": (
        {"losses": image_losses},
        r"losses: ValueError in .*: correct it",
    ),
    "predictions of another kind": ({"predictions": pixel_probabilities}, r"predictions: .* have the shape"),
    "predictions that fail": ({"predictions": broken}, "predictions: LookupError in .*test_recipe.py"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_a_sentence(mistake: str, trained: Callable[[Recipe], Path]) -> None:
    changes, message = MISTAKES[mistake]
    with pytest.raises(InputError, match=f"^{NAME}: {message}"):
        trained(changed(RECIPE, changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"losses": None}, "losses is None, expected a function"),
        ({"predictions": "probabilities"}, "predictions is 'probabilities', expected a function"),
        ({"source": samples}, r"source is .*, expected one of examples\(\.\.\.\), patches\(\.\.\.\), table_rows"),
        ({"training": None}, r"training is None, expected TrainingSettings"),
        ({"standardised": True}, "it is standardised, but its source names no target"),
        ({"training": {"epochs": 0}}, "epochs=0: expected a whole number from 1 on"),
        ({"training": {"epochs": float("inf")}}, "epochs=inf: expected a whole number"),
        ({"training": {"learning_rate": "fast"}}, "learning_rate=fast: expected a number"),
        ({"training": {"learning_rate": float("inf")}}, "learning_rate=inf: expected a number"),
        ({"training": {"optimizer": "adagrad"}}, "optimizer=adagrad: expected adamw or adam or adamax or sgd"),
        ({"training": {"schedule": "step"}}, "schedule=step: expected cosine or constant or plateau"),
    ],
)
def test_a_part_that_does_not_fit_is_refused_when_the_recipe_is_written(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        changed(RECIPE, changes)


def test_a_data_set_without_a_recipe_is_named(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(RECIPES, NAME)
    with pytest.raises(InputError, match=r"stemdl: RECIPES of .*stemdl: stemdl_demo is not among .*: add a Recipe"):
        train(NAME, data_dir, tmp_path / "run")
    monkeypatch.setitem(RECIPES, NAME, {"epochs": 3})
    with pytest.raises(InputError, match=r"stemdl_demo is of type dict, expected a Recipe"):
        train(NAME, data_dir, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def used(batches: Batches) -> tuple[Any, int]:
    """What training first asks of batches."""
    return batches.spec(), batches.num_training_samples


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (table_rows(("genes",), (), "response"), "the records have no feature 'genes': choose one of"),
        (table_rows(TABLES, (), "auc"), "the member lists have no column 'auc': choose one of id"),
        (table_rows(TABLES, ("dose",), "response"), "the member lists have no column 'dose': choose one of id"),
        (table_rows(TABLES, ("cell",), "response"), "ValueError in .*: could not convert string to float"),
        (patches(64, ("cloud",), inputs, samples), "the records have no feature 'cloud': choose one of"),
    ],
)
def test_a_source_of_what_is_not_there_is_named(source: RecipeSource, message: str, data_dir: Path) -> None:
    recipe = replace(UNO_RECIPES["candle_uno_demo"], source=source)
    batches = Batches(Prepared.open("candle_uno_demo", data_dir), recipe, seed=0)
    with pytest.raises(InputError, match=f"source: {message}"):
        used(batches)


def test_a_module_without_recipes_is_named(data_dir: Path) -> None:
    prepared = Prepared.open(NAME, data_dir)
    modules = {"model": "sciml_datasets.models.losses"}
    other = replace(prepared, benchmark=replace(prepared.benchmark, name="minerals", modules=modules))
    with pytest.raises(InputError, match=r"minerals: .*losses has no RECIPES, a dictionary of recipes: add it"):
        reference_recipe(other)


def test_a_benchmark_without_a_reference_model_takes_the_users(data_dir: Path) -> None:
    prepared = Prepared.open(NAME, data_dir)
    alone = replace(prepared, benchmark=replace(prepared.benchmark, name="minerals", modules={}))
    with pytest.raises(InputError, match=r"minerals has no .*model"):
        reference_recipe(alone)
    assert reference_recipe(alone, network).losses is class_losses


@pytest.mark.parametrize(
    ("name", "input_shape", "output_shape"),
    [
        ("stemdl_demo", (3, 128, 128), (231,)),
        ("stemdl_reconstruction_demo", (64, 48, 48), (32, 32)),
        ("cloudmask_demo", ((256, 320, 6), (256, 320, 3)), (256, 320, 1)),
        ("candle_uno_demo", ((40,), (30,)), (1,)),
    ],
)
def test_the_recipe_of_a_task_follows_from_the_supervised_keys(
    name: str, input_shape: tuple[Any, ...], output_shape: tuple[int, ...], data_dir: Path
) -> None:
    prepared = Prepared.open(name, data_dir)
    batches = Batches(prepared, task_recipe(prepared).with_settings({"batch_size": 4}), seed=0)
    spec = batches.spec()
    assert (spec.input_shape, spec.output_shape) == (input_shape, output_shape)
    given, target, weight = next(batches.training(1))
    for array, shape in zip(given, input_shape, strict=True) if isinstance(given, tuple) else [(given, input_shape)]:
        assert (array.shape, array.dtype) == ((4, *shape), np.float32)
    assert target.shape == (4, *spec.target_shape)
    if name == "cloudmask_demo":
        assert set(np.unique(weight)) == {0, 1}  # pixels that are not valid do not count
    else:
        assert weight.tolist() == [1] * 4


def test_a_network_of_the_users_is_trained_by_the_recipe_of_the_task(
    trained: Callable[[Recipe], Path], data_dir: Path
) -> None:
    def pooled(spec: NetworkSpec) -> Any:
        stack = keras.Input(spec.input_shape)
        return keras.Model(stack, keras.layers.Dense(231)(keras.layers.GlobalAveragePooling2D()(stack)))

    recipe = replace(task_recipe(Prepared.open(NAME, data_dir)), network=pooled)
    assert (trained(recipe.with_settings({"epochs": 1})) / "result.json").is_file()


@pytest.mark.parametrize("text", ["a\nb", "x" * 100_000], ids=["line break", "long"])
@pytest.mark.parametrize("name", ["epochs", "weight_decay", "warmup_share", "precision", ""])
def test_a_setting_that_is_refused_is_shown_in_one_line(name: str, text: str) -> None:
    with pytest.raises(InputError) as refused:
        UNO_RECIPES["candle_uno_demo"].with_settings({name or text: text})
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 1000
