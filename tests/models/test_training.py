"""Training: the reference's transform to the digit, a run folder that is complete, models of one's own."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tensorflow_datasets as tfds
import yaml
from deferred import keras, tf

from sciml_datasets import InputError
from sciml_datasets.metrics import Evaluator
from sciml_datasets.models import predict, train
from sciml_datasets.models.augmentation import mirrored
from sciml_datasets.models.batches import Batches, Part
from sciml_datasets.models.candle_uno import RECIPES as CANDLE_UNO_RECIPES
from sciml_datasets.models.cloudmask import RECIPES as CLOUDMASK_RECIPES
from sciml_datasets.models.networks import build_network
from sciml_datasets.models.recipe import TrainingSettings, changed
from sciml_datasets.models.reference import reference_recipe
from sciml_datasets.models.run_config import trained_with
from sciml_datasets.models.stemdl import RECIPES
from sciml_datasets.models.steps import make_optimizer, training_step
from sciml_datasets.prepared.prepared import Prepared


def test_mirroring_keeps_input_and_masks_together() -> None:
    image = np.random.default_rng(2).random((8, 6, 3)).astype(np.float32)
    mask = image[..., 0] > 0.5
    kinds = set()
    for seed in range(40):
        seen, cloud, valid = mirrored((image, mask, np.ones_like(mask)), np.random.default_rng(seed))
        np.testing.assert_array_equal(cloud, seen[..., 0] > 0.5)
        assert valid.all()
        flips = [image, image[::-1], image[:, ::-1], image[::-1, ::-1]]
        kinds.add(next(i for i, flip in enumerate(flips) if np.array_equal(seen, flip)))
    assert kinds == {0, 1, 2, 3}


@pytest.fixture(scope="module")
def run(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("runs") / "run"
    options: dict[str, Any] = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3, "tensorboard": True}
    return folder, train("stemdl_demo", data_dir, folder, seed=1, **options)


def test_the_run_folder_is_complete(run: tuple[Path, dict[str, Any]]) -> None:
    folder, result = run
    assert json.loads((folder / "result.json").read_text()) == result
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["settings"] == {
        "epochs": 2,
        "batch_size": 8,
        "learning_rate": 0.001,
        "weight_decay": 0.01,
        "warmup_share": 0.1,
        "clip_norm": 0.0,
        "patience": 0,
        "precision": "float32",
        "xla": "off",
        "deterministic": "on",
        "transform": "host",
        "reference": "small",
        "augmentation": "none",
        "class_weights": "off",
    }
    with (folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {path.name for path in (folder / "plots").iterdir()} == {"history.png", "confusion.png"}
    lines = (folder / "result-1.txt").read_text().splitlines()
    keys = [json.loads(line.removeprefix(":::MLLOG "))["key"] for line in lines]
    assert keys.count("run_start") == keys.count("run_stop") == 1
    for key in ("eval_accuracy", "epoch_start", "epoch_stop", "eval_start", "eval_stop"):
        assert keys.count(key) == 2


def test_the_history_can_be_looked_at_with_tensorboard(run: tuple[Path, dict[str, Any]]) -> None:
    from tensorflow.core.util.event_pb2 import Event

    (path,) = (run[0] / "tensorboard").iterdir()
    with (run[0] / "history.csv").open() as file:
        expected = {(int(row["epoch"]), name): float(row[name]) for row in csv.DictReader(file) for name in row}
    events = [Event.FromString(record) for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()]
    found = {(event.step, value.tag): value for event in events for value in event.summary.value}
    assert found.keys() == {(epoch, name) for epoch, name in expected if name != "epoch"}
    for key, value in found.items():
        np.testing.assert_allclose(tf.make_ndarray(value.tensor), expected[key], rtol=1e-6)


def test_predictions_are_probabilities_that_score_as_the_result_says(
    run: tuple[Path, dict[str, Any]], data_dir: Path
) -> None:
    folder, result = run
    with h5py.File(folder / "predictions.h5") as file:
        np.testing.assert_allclose(file["prediction"][:].sum(axis=1), 1, rtol=1e-5)
    evaluator = Evaluator("stemdl_demo", data_dir=data_dir)
    evaluator.update_from_file(folder / "predictions.h5")
    assert evaluator.result() == result["scores"]


def test_the_saved_model_is_the_one_that_predicted(run: tuple[Path, dict[str, Any]], data_dir: Path) -> None:
    folder, _ = run
    model = keras.models.load_model(folder / "model.keras")
    examples = tfds.data_source("sciml/stemdl_demo", split="test", data_dir=data_dir)
    again = keras.ops.softmax(model(np.stack([RECIPES["stemdl_demo"].source.inputs(example) for example in examples])))
    with h5py.File(folder / "predictions.h5") as file:
        np.testing.assert_allclose(file["prediction"][:], again, atol=1e-5)


def linear_model() -> Any:
    """A model that a user might bring."""
    inputs = keras.Input((128, 128, 3))
    pooled = keras.layers.Flatten()(keras.layers.AveragePooling2D(16)(inputs))
    initializer = keras.initializers.GlorotUniform(seed=3)
    return keras.Model(inputs, keras.layers.Dense(231, kernel_initializer=initializer)(pooled), name="linear")


def test_mixed_precision_and_xla_train(data_dir: Path, tmp_path: Path) -> None:
    options = {"precision": "mixed_bfloat16", "xla": "on", "epochs": 1, "batch_size": 16}
    result = train("stemdl_demo", data_dir, tmp_path / "run", model=linear_model, **options)
    assert result["criteria"][0]["score"] >= 0
    assert keras.config.dtype_policy().name == "float32"
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["own_model"] == "given in Python"
    with h5py.File(tmp_path / "run" / "predictions.h5") as file:
        assert file["prediction"].dtype == np.float32


@pytest.mark.parametrize("xla", ["on", "off"])
def test_what_xla_lets_draw_otherwise_is_told(
    xla: str, data_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Doubled(keras.layers.Dropout):
        """Dropout with a call of its own."""

        def call(self, inputs: Any, training: bool = False) -> Any:
            return 2 * super().call(inputs, training=training)

    network = linear_model()
    outputs = Doubled(0.1, name="doubled")(network.output)
    model = keras.Model(network.input, outputs)
    train("stemdl_demo", data_dir, tmp_path / "run", model=model, xla=xla, epochs=1, batch_size=16)
    reported = [line for line in caplog.messages if line.startswith("doubled: ")]
    assert len(reported) == (xla == "on")


def test_xla_and_batch_norm_over_several_devices_are_refused() -> None:
    recipe = RECIPES["stemdl_demo"].with_settings({"xla": "on"})
    with pytest.raises(InputError, match="xla=on: XLA cannot compile batch norm over the batches of 2 devices"):
        build_network(recipe.network, recipe, replicas=2)


def test_what_xla_cannot_compile_is_told() -> None:
    recipe = CLOUDMASK_RECIPES["cloudmask_demo"].with_settings({"xla": "on", "precision": "mixed_bfloat16"})
    network = build_network(recipe.network, recipe)
    step = training_step(network, make_optimizer(recipe.training, network), tf.distribute.get_strategy(), 1, recipe)
    pixels = np.zeros((1, 128, 128), np.float32)
    with pytest.raises(
        InputError, match=r"xla=on: XLA cannot compile this network, .*: set xla=off or precision=float32"
    ):
        step((np.zeros((1, 128, 128, 9), np.float32), pixels, pixels + 1))


def test_a_model_made_before_the_strategy_is_copied_to_its_devices() -> None:
    model = linear_model()
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        network = build_network(lambda: model, RECIPES["stemdl_demo"], replicas=2)
    assert network is not model
    for got, expected in zip(network.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_training_ends_with_the_epoch_that_reaches_the_target(data_dir: Path, tmp_path: Path) -> None:
    examples = tfds.data_source("sciml/stemdl_demo", split="validation", data_dir=data_dir)
    network = linear_model()
    features = keras.Model(network.input, network.layers[-2].output)
    known = np.asarray(features(np.stack([RECIPES["stemdl_demo"].source.inputs(example) for example in examples])))
    labels = np.eye(231)[[example["space_group"] for example in examples]]
    network.layers[-1].set_weights([np.linalg.pinv(known) @ labels, np.zeros(231)])  # it knows these few stacks
    options: dict[str, Any] = {"model": network, "epochs": 3, "batch_size": 16, "learning_rate": 0}
    for until_target, epochs in ((True, 1), (False, 3)):
        out = tmp_path / str(until_target)
        train("stemdl_demo", data_dir, out, until_target=until_target, **options)
        with (out / "history.csv").open() as file:
            assert [float(row["validation_top1_accuracy"]) for row in csv.DictReader(file)] == [1.0] * epochs


def wrong_output() -> Any:
    inputs = keras.Input((128, 128, 3))
    return keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(inputs)))


def probabilities() -> Any:
    inputs = keras.Input((128, 128, 3))
    flat = keras.layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, keras.layers.Dense(231, activation="softmax", name="last")(flat))


def number() -> Any:
    return 3


def broken() -> Any:
    raise ValueError("no")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": wrong_output}, r"output shape is \(None, 10\), expected \(None, 231\)"),
        ({"model": probabilities}, "the model's last layer, last, applies softmax, expected logits"),
        ({"model": "no_such_module:f"}, "no_such_module"),
        ({"model": "keras:no_such_function"}, "no_such_function"),
        ({"model": "test_training:brokne"}, r"module test_training has no brokne: .*\(did you mean broken\?\)"),
        ({"model": "keras"}, "--model keras: expected package.module:function"),
        ({"model": "sciml_datasets.models.candle_uno:small_uno"}, "expected a function that needs no argument"),
        (
            {"model": "test_training:broken"},
            r"--model test_training:broken: ValueError in .*test_training\.py, line \d+: no",
        ),
        ({"model": "test_training:number"}, "the model is of type int, expected a Keras model"),
        ({"strategy": "magic"}, "there is no strategy 'magic'"),
        ({"depth": 3}, "there is no setting 'depth'"),
        ({"epochs": "many"}, "epochs=many: expected a whole number"),
        ({"learning_rate": "-1"}, "learning_rate=-1: expected a number from 0 on"),
        ({"precision": "float8"}, "precision=float8: expected float32 or mixed_bfloat16"),
        ({"seed": -1}, "seed -1: expected a number from 0 to 4294967295"),
        ({"seed": 2**32}, "seed 4294967296: expected a number from 0 to 4294967295"),
        ({"warmup_share": 2}, "warmup_share=2: expected a share from 0 to 1"),
        ({"batch_size": 41}, "batch_size=41: the training split holds 40 samples, choose a batch of no more"),
    ],
)
def test_what_does_not_fit_is_named_and_leaves_no_run(
    data_dir: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        train("stemdl_demo", data_dir, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_a_run_folder_in_use_is_kept(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(InputError, match="is not empty"):
        train("stemdl_demo", data_dir, tmp_path)
    assert (tmp_path / "result.json").read_text() == "{}"


def test_data_that_are_not_prepared_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"manifest\.json is missing: prepare the data set"):
        train("stemdl_demo", tmp_path, tmp_path / "run")


def test_a_trained_network_predicts_the_same_from_its_folder(
    run: tuple[Path, dict[str, Any]], data_dir: Path, tmp_path: Path
) -> None:
    folder, _ = run
    times = predict("stemdl_demo", folder / "model.keras", tmp_path / "p.h5", data_dir, batch_size=3)
    assert times["batch_size"] == 3
    assert times["throughput"] > 0
    assert 0 < times["latency_50"] <= times["latency_90"] <= times["latency_99"]
    with h5py.File(folder / "predictions.h5") as first, h5py.File(tmp_path / "p.h5") as again:
        assert list(first["id"]) == list(again["id"])
        np.testing.assert_allclose(again["prediction"], first["prediction"], atol=1e-5)


def test_a_run_is_asked_for_predictions_of_the_data_it_was_trained_on(run: tuple[Path, dict[str, Any]]) -> None:
    settings, partition, of_data = trained_with(run[0], "stemdl_demo")
    assert (settings["reference"], partition, of_data) == ("small", "", {"choices": {}})
    with pytest.raises(InputError, match=r"was trained on stemdl_demo, not on cloudmask_demo: predict stemdl_demo"):
        trained_with(run[0], "cloudmask_demo")


def test_a_keras_file_goes_on_training(run: tuple[Path, dict[str, Any]], data_dir: Path, tmp_path: Path) -> None:
    model = str(run[0] / "model.keras")
    train("stemdl_demo", data_dir, tmp_path / "run", model=model, epochs=1, batch_size=16, learning_rate=0)
    trained = keras.models.load_model(tmp_path / "run" / "model.keras")
    for got, before in zip(trained.trainable_weights, keras.models.load_model(model).trainable_weights, strict=True):
        np.testing.assert_array_equal(got, before)


def test_code_in_a_keras_file_is_never_run(data_dir: Path, tmp_path: Path) -> None:
    inputs = keras.Input((128, 128, 3))
    outputs = keras.layers.Dense(231)(keras.layers.Flatten()(keras.layers.Lambda(lambda x: x + 1)(inputs)))
    keras.Model(inputs, outputs).save(tmp_path / "lambda.keras")
    (tmp_path / "text.keras").write_text("no model")
    for name, message in (
        ("lambda", "cannot be loaded as a Keras model without running"),
        ("text", "is no .keras file"),
    ):
        with pytest.raises(InputError, match=rf"{name}\.keras {message}"):
            predict("stemdl_demo", tmp_path / f"{name}.keras", tmp_path / "p.h5", data_dir)
    assert not (tmp_path / "p.h5").exists()


def test_the_gradient_is_clipped_after_the_batch_is_added_up(data_dir: Path, tmp_path: Path) -> None:
    """With plain gradient descent one step moves the weights by rate times the limit at most."""
    recipe = changed(
        RECIPES["stemdl_demo"], {"training": {"optimizer": "sgd", "schedule": "constant", "warmup_share": 0.0}}
    )
    recipe = recipe.with_settings({"clip_norm": 1e-3, "learning_rate": 0.5, "batch_size": 8, "weight_decay": 0.0})
    network = build_network(linear_model, recipe)
    before = [np.array(value) for value in network.trainable_weights]
    step = training_step(network, make_optimizer(recipe.training, network), tf.distribute.get_strategy(), 1, recipe)
    step(next(Batches(Prepared.open("stemdl_demo", data_dir), recipe, seed=0).training(1)))
    moved = [np.array(value) - old for value, old in zip(network.trainable_weights, before, strict=True)]
    length = np.sqrt(sum(float((change**2).sum()) for change in moved))
    assert length == pytest.approx(0.5 * 1e-3, rel=1e-3)


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "adamax", "sgd"])
@pytest.mark.parametrize("decay", [0.25, 0.0])
def test_weights_decay_by_what_is_set_under_every_optimizer(optimizer: Any, decay: float) -> None:
    training = TrainingSettings(1, 8, learning_rate=0.5, weight_decay=decay, optimizer=optimizer)
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_initializer="ones")])
    made = make_optimizer(training, network)
    made.apply_gradients([(tf.zeros(weight.shape), weight) for weight in network.trainable_weights])
    np.testing.assert_allclose(network.weights[0], 1 - 0.5 * decay, rtol=1e-6)


def test_references_without_weight_decay_record_none() -> None:
    # Adam and Adamax in the published code are given no decay.
    recipes = CLOUDMASK_RECIPES | CANDLE_UNO_RECIPES
    for name in ("cloudmask", "candle_uno", "candle_uno_growth", "candle_uno_pairs"):
        assert recipes[name].settings()["weight_decay"] == 0, name
    assert RECIPES["stemdl"].with_settings({"reference": "stfc"}).settings()["weight_decay"] == 0
    for recipe in (CLOUDMASK_RECIPES["cloudmask_demo"], CANDLE_UNO_RECIPES["candle_uno_demo"]):
        assert (recipe.training.optimizer, recipe.training.weight_decay) == ("adamw", 0.01)


def test_patience_ends_training_with_the_best_weights(data_dir: Path, tmp_path: Path) -> None:
    options = {"epochs": 30, "patience": 2, "batch_size": 16, "learning_rate": 0.05}
    result = train("stemdl_demo", data_dir, tmp_path / "run", model=linear_model, **options)
    with (tmp_path / "run" / "history.csv").open() as file:
        scores = [float(row["validation_top1_accuracy"]) for row in csv.DictReader(file)]
    assert len(scores) == int(np.argmax(scores)) + 3
    predict("stemdl_demo", tmp_path / "run" / "model.keras", tmp_path / "p.h5", data_dir, "validation")
    validation = Evaluator("stemdl_demo", "validation", data_dir)
    validation.update_from_file(tmp_path / "p.h5")
    assert validation.result()["top1_accuracy"] == max(scores)
    assert result["scores"]


@pytest.mark.parametrize("name", ["stemdl_demo", "cloudmask_demo"])
def test_workers_make_the_columns_of_the_same_batches(name: str, data_dir: Path) -> None:
    prepared = Prepared.open(name, data_dir)
    batches = Batches(prepared, reference_recipe(prepared).with_settings({"batch_size": 6}), seed=5)
    whole = list(batches.training(2))
    assert len(whole) == batches.steps
    for index in range(3):
        for own, batch in zip(batches.training(2, part=Part(index, 3)), whole, strict=True):
            for array, all_rows in zip(own, batch, strict=True):
                np.testing.assert_array_equal(array, all_rows[2 * index : 2 * index + 2])
    for resumed, batch in zip(batches.training(2, first=1), whole[1:], strict=True):
        np.testing.assert_array_equal(resumed[0], batch[0])
    ids = [key for index in range(4) for keys, _ in batches.evaluation("test", Part(index, 4)) for key in keys]
    assert ids == [key for keys, _ in batches.evaluation("test") for key in keys]
