"""STEMDL's reference models: the published ones and our own, what is drawn of a stack, augmentation, class weights."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets import InputError
from sciml_datasets.cli.main import main
from sciml_datasets.models import predict, train
from sciml_datasets.models.each_sample import balance
from sciml_datasets.models.learning_rate import learning_rate
from sciml_datasets.models.losses import one_hot_losses
from sciml_datasets.models.networks import build_network
from sciml_datasets.models.recipe import Recipe
from sciml_datasets.models.stemdl import (
    RECIPES,
    all_augmentations,
    network_input,
    one_projection,
    permuted,
    rotated,
    stack_probabilities,
)
from sciml_datasets.models.steps import make_optimizer, training_step
from sciml_datasets.prepared.prepared import Prepared

SEEDS = st.integers(0, 10_000)


def stack(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, (128, 128, 3)).astype(np.float32)


def test_ornls_reference_is_the_default_and_trains_on_one_projection() -> None:
    recipe = RECIPES["stemdl"]
    assert recipe.settings()["reference"] == "ornl"
    inputs, target, weight = recipe.source.trained_on((stack(), np.int64(2), np.float32(1)), np.random.default_rng(0))
    assert (inputs.shape, target, weight) == ((128, 128, 1), 2, 1)


PUBLISHED = (
    "epochs",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "optimizer",
    "epsilon",
    "schedule",
    "warmup_share",
)


@pytest.mark.parametrize(
    ("reference", "training"),
    [
        ("ornl", (90, 32, 1e-3, 5e-5, "adamw", 1e-8, "constant", 0.0)),
        ("stfc", (1, 32, 1e-3, 0.0, "adam", 1e-8, "constant", 0.0)),
        ("stack", (10, 32, 1e-3, 5e-5, "adamw", 1e-8, "constant", 0.0)),
        ("scaled", (30, 64, 1e-3, 0.01, "adamw", 1e-7, "cosine", 0.1)),
    ],
)
@pytest.mark.parametrize("name", ["stemdl", "stemdl_preprocessed", "stemdl_demo"])
def test_a_reference_is_trained_as_its_makers_train(name: str, reference: str, training: tuple[Any, ...]) -> None:
    recipe = RECIPES[name].with_settings({"reference": reference})
    assert tuple(getattr(recipe.training, field) for field in PUBLISHED) == training
    optimizer = make_optimizer(recipe.training, one_channel())
    assert type(optimizer).__name__.lower() == recipe.training.optimizer
    assert (optimizer.epsilon, optimizer.beta_1, optimizer.beta_2) == (recipe.training.epsilon, 0.9, 0.999)
    assert {learning_rate(recipe.training, step, 100, []) for step in range(100)} == {1e-3} or reference == "scaled"


def test_a_recipe_without_a_choice_is_the_first_one() -> None:
    first = RECIPES["stemdl"].with_settings({"reference": "ornl"})
    for field in fields(Recipe):
        if field.name != "chosen":
            assert getattr(RECIPES["stemdl"], field.name) == getattr(first, field.name)


@given(SEEDS)
def test_the_projection_is_one_of_the_stack(seed: int) -> None:
    inputs, _, _ = one_projection((stack(), 2, 1), np.random.default_rng(seed))
    assert any((inputs[..., 0] == stack()[..., view]).all() for view in range(3))


def test_the_order_of_the_projections_does_not_count_for_the_demos_network() -> None:
    predict_batch = stack_probabilities(RECIPES["stemdl_demo"].network())
    orders = np.stack([stack()[..., order] for order in ([0, 1, 2], [2, 0, 1], [1, 0, 2])])
    of_each = np.asarray(predict_batch(orders))
    np.testing.assert_allclose(of_each, of_each[:1].repeat(3, axis=0), rtol=1e-5)
    assert np.abs(np.asarray(predict_batch(stack(1)[None])) - of_each[:1]).max() > 1e-6


def test_each_projection_is_drawn_about_as_often() -> None:
    views = np.arange(3, dtype=np.float32)[None, None]
    drawn = [one_projection((views, 2, 1), np.random.default_rng(seed))[0].item() for seed in range(600)]
    assert np.bincount(np.array(drawn, int)).min() > 150


@pytest.mark.parametrize("augmentation", ["none", "mirrored", "permuted", "rotated", "all"])
@pytest.mark.parametrize("reference", ["ornl", "stack", "scaled"])
def test_training_samples_of_full_size_patterns_are_those_of_the_transformed_stack(
    reference: str, augmentation: str
) -> None:
    patterns = np.random.default_rng(0).exponential(1 / 512**2, (3, 512, 512)).astype(np.float32)
    example = {"cbed_stack": patterns, "space_group": 2}
    recipe = RECIPES["stemdl"].with_settings({"reference": reference, "augmentation": augmentation})
    transformed = network_input(example), np.int64(2), np.float32(1)
    for seed in range(3):
        found, *_ = recipe.source.trained_on(recipe.source.samples(example), np.random.default_rng(seed))
        expected, *_ = recipe.source.trained_on(transformed, np.random.default_rng(seed))
        np.testing.assert_array_equal(np.asarray(found), expected, strict=True)


def one_channel() -> Any:
    import keras

    inputs = keras.Input((128, 128, 1))
    return keras.Model(inputs, keras.layers.Dense(231)(keras.layers.GlobalAveragePooling2D()(inputs)))


def test_a_network_of_one_channel_predicts_with_the_mean_of_three_logits() -> None:
    network = one_channel()
    stacks = np.stack([stack(0), stack(1)]) * [0.01, 0.02, 0.03]
    logits = np.mean([network(stacks[..., view : view + 1]) for view in range(3)], axis=0)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(stack_probabilities(network)(stacks.astype(np.float32)), expected, rtol=1e-4)


def test_a_run_of_another_reference_is_predicted_with_from_its_folder(data_dir: Path, tmp_path: Path) -> None:
    run, again = tmp_path / "run", tmp_path / "p.h5"
    train("stemdl_demo", data_dir, run, one_channel, epochs=1, batch_size=16, reference="ornl")
    assert main(["predict", "stemdl_demo", "--data-dir", str(data_dir), "--run", str(run), "--out", str(again)]) == 0
    with h5py.File(run / "predictions.h5") as file, h5py.File(again) as other:
        np.testing.assert_allclose(other["prediction"], file["prediction"], atol=1e-6)
    with pytest.raises(InputError, match=r"the model's input shape is .* expected \(None, 128, 128, 3\)"):
        predict("stemdl_demo", run / "model.keras", tmp_path / "q.h5", data_dir)


def test_stfcs_reference_sees_the_stack_and_squares_differences() -> None:
    recipe = RECIPES["stemdl"].with_settings({"reference": "stfc"})
    assert recipe.settings()["reference"] == "stfc"
    inputs, _, _ = recipe.source.trained_on((stack(), 2, 1), np.random.default_rng(0))
    np.testing.assert_array_equal(inputs, stack())
    scores = np.array([[0.0, 1.0, 0.0, 0.0], [0.5, 0.0, 0.0, 0.5]], np.float32)
    np.testing.assert_allclose(one_hot_losses(np.array([1, 2]), scores), [0, 1.5 / 4])
    assert recipe.losses is one_hot_losses


def test_a_permutation_keeps_the_projections() -> None:
    orders = set()
    for seed in range(60):
        inputs, _, _ = permuted((stack(), 2, 1), np.random.default_rng(seed))
        orders.add(tuple(inputs[0, 0].tolist()))
        assert sorted(inputs[0, 0]) == sorted(stack()[0, 0])
    assert len(orders) == 6


@given(SEEDS)
def test_a_rotation_keeps_the_direct_beam_and_what_is_round_about_it(seed: int) -> None:
    y, x = np.mgrid[:128, :128] - 64
    round_about = np.exp(-(x**2 + y**2) / 500).astype(np.float32)
    inputs = np.repeat(round_about[..., None], 3, axis=2)
    turned, _, _ = rotated((inputs, 2, 1), np.random.default_rng(seed))
    np.testing.assert_allclose(turned, inputs, atol=2e-3)


def test_a_rotation_turns_what_is_not_round() -> None:
    inputs = np.zeros((128, 128, 3), np.float32)
    inputs[64, 70:100] = 1
    turned, _, _ = rotated((inputs, 2, 1), np.random.default_rng(1))
    assert turned.sum() == pytest.approx(inputs.sum(), rel=0.1)
    assert np.abs(turned - inputs).max() > 0.5


@pytest.mark.parametrize("name", ["none", "mirrored", "permuted", "rotated", "mirrored_permuted", "all"])
def test_augmentation_is_chosen_by_name_and_drawn_from_the_generator(name: str) -> None:
    recipe = RECIPES["stemdl_demo"].with_settings({"augmentation": name})
    assert recipe.settings()["augmentation"] == name
    drawn = [
        recipe.source.trained_on((stack(), 2, 1), np.random.default_rng(seed))[0] for seed in (4, 4, *range(5, 15))
    ]
    assert {inputs.shape for inputs in drawn} == {(128, 128, 3)}
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (name == "none") == all((inputs == stack()).all() for inputs in drawn)
    assert (recipe.source.augment is all_augmentations) == (name == "all")


@given(st.lists(st.sampled_from(["2", "14", "225"]), min_size=1))
def test_balanced_classes_weigh_the_same(values: list[str]) -> None:
    weights = balance(np.array(values))
    assert weights.mean() == pytest.approx(1, rel=1e-5)
    sums = {value: sum(weights[np.array(values) == value]) for value in values}
    assert max(sums.values()) == pytest.approx(min(sums.values()), rel=1e-5)


def test_class_weights_enter_the_batches(data_dir: Path) -> None:
    from sciml_datasets.models.batches import Batches

    recipe = RECIPES["stemdl_demo"].with_settings({"batch_size": 40, "class_weights": "balanced"})
    _, targets, weights = next(Batches(Prepared.open("stemdl_demo", data_dir), recipe, seed=0).training(1))
    sums = np.bincount(targets, weights=weights)
    np.testing.assert_allclose(sums[sums > 0], len(targets) / np.count_nonzero(sums), rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reference": "mit"}, "reference=mit: expected ornl or stfc or stack or scaled"),
        ({"class_weights": "on"}, "class_weights=on: expected off or balanced"),
        ({"depth": "3"}, "there is no setting 'depth': choose one of .*, reference, augmentation, class_weights"),
    ],
)
def test_what_cannot_be_chosen_is_named(settings: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RECIPES["stemdl"].with_settings(settings)


def test_a_setting_outweighs_what_a_choice_brings() -> None:
    recipe = RECIPES["stemdl_demo"].with_settings({"reference": "ornl"}).with_settings({"epochs": 2})
    assert (recipe.training.epochs, recipe.settings()["reference"]) == (2, "ornl")
    inputs, _, _ = recipe.source.trained_on((stack(), 2, 1), np.random.default_rng(0))
    assert inputs.shape == (128, 128, 1)


def test_a_choice_does_not_undo_settings_of_before() -> None:
    recipe = RECIPES["stemdl"].with_settings({"reference": "stack", "epochs": 3})
    recipe = recipe.with_settings({"augmentation": "permuted"})
    assert (recipe.training.epochs, recipe.settings()["reference"], recipe.source.augment) == (3, "stack", permuted)


def test_ornls_reference_learns_from_patterns_that_are_not_scaled() -> None:
    """Two patterns of two classes, again and again: what is predicted with the statistics of the batch becomes right,
    whatever dropout does to the loss."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    recipe = RECIPES["stemdl"]
    network = build_network(recipe.network, recipe)
    step = training_step(network, make_optimizer(recipe.training, network), tf.distribute.get_strategy(), 1, recipe)
    inputs = np.stack([stack(seed)[..., :1] for seed in (0, 1)]).repeat(2, axis=0)
    target = np.array([2, 225]).repeat(2)
    losses = [float(step((inputs, target, np.ones(4, np.float32)))) for _ in range(6)]
    assert np.isfinite(losses).all()
    logits = keras.Model(network.input, network.layers[-2].output)
    before_dropout = np.asarray(logits(inputs, training=True))
    np.testing.assert_array_equal(before_dropout.argmax(axis=1), target)
