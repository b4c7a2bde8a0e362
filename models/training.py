"""Training: from a prepared data set to a run folder with weights, predictions, scores and logs.

A Keras model in a loop of our own, GradientTape inside ``strategy.run``: with one replica or several the loss is the
mean over the global batch.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sciml_datasets.benchmarks import find, prepared_dir
from sciml_datasets.errors import InputError
from sciml_datasets.metrics.evaluator import Evaluator
from sciml_datasets.models.batches import Batches
from sciml_datasets.models.recipe import Recipe
from sciml_datasets.models.run_folder import RunFolder
from sciml_datasets.preparation.verify import check_prepared

Array = np.ndarray[Any, np.dtype[np.float32]]

STRATEGIES = ("auto", "none", "mirrored")


def train(
    name: str,
    data_dir: str | Path | None = None,
    out_dir: str | Path = "run",
    model: Any = None,
    strategy: str = "auto",
    seed: int = 0,
    **settings: Any,
) -> dict[str, Any]:
    """Train a model on the training split, score it on the test split, write the run folder.

    Args:
        name: of the data set.
        data_dir: where prepared data sets lie; default as in TFDS.
        out_dir: the run folder: new or empty.
        model: a Keras model, a function that makes one, or ``package.module:function``; default the reference.
        strategy: ``none`` for one device, ``mirrored`` for all local devices, ``auto`` for mirrored where there is more
            than one GPU.
        seed: of weights, order and augmentation.
        settings: other values for the recipe: see `sciml_datasets.models.recipe.SETTINGS`.

    Returns:
        The result, as in ``result.json``.

    Raises:
        InputError: the data set is not prepared, the run folder is in use, or a setting or the model does not fit.
    """
    benchmark, _ = find(name)
    manifest = check_prepared(prepared_dir(name, data_dir))
    recipes: dict[str, Recipe] = importlib.import_module(f"sciml_datasets.models.{benchmark.name}").RECIPES
    recipe = recipes[name].with_settings({key: value for key, value in settings.items() if value is not None})
    if strategy not in STRATEGIES:
        raise InputError(f"there is no strategy {strategy!r}: choose one of {', '.join(STRATEGIES)}")
    if seed < 0:
        raise InputError(f"seed {seed}: expected 0 or more")
    build = _model_builder(model, recipe)
    run = RunFolder(Path(out_dir).expanduser())

    import keras

    keras.utils.set_random_seed(seed)
    scope = _strategy(strategy)
    batches = Batches(name, data_dir, recipe, seed)
    if batches.steps < 1:
        raise InputError(
            f"batch_size={recipe.batch_size}: the training split holds fewer samples, choose a smaller batch"
        )
    with scope.scope():
        network = _built(build, recipe.precision)
        _check_shapes(network, recipe)
        optimizer = _optimizer(recipe, batches.steps)
        optimizer.build(network.trainable_variables)  # a replica must not create variables inside the step
    step = _train_step(network, optimizer, scope, recipe)

    with closing(run), _damage_told(prepared_dir(name, data_dir)):
        run.start(benchmark, name, manifest, recipe, network, seed, _gpus(), scope.num_replicas_in_sync)
        for epoch in range(1, recipe.epochs + 1):
            run.start_epoch(epoch)
            losses = [step(batch) for batch in scope.experimental_distribute_dataset(batches.training(epoch))]
            loss = float(np.mean([float(value) for value in losses]))
            if not np.isfinite(loss):
                raise InputError(
                    f"the loss became {loss} in epoch {epoch}: lower learning_rate (now {recipe.learning_rate})"
                )
            run.start_evaluation(epoch)
            validation = Evaluator(name, "validation", data_dir)
            for ids, predicted in predictions(network, batches, "validation"):
                validation.update(ids, predicted)
            run.epoch(epoch, recipe.epochs, batches.steps * recipe.batch_size, loss, validation.result())
        network.save(run.folder / "model.keras")
        run.write_predictions(batches.num_examples("test"), predictions(network, batches, "test"))
        evaluator = Evaluator(name, "test", data_dir)
        evaluator.update_from_file(run.folder / "predictions.h5")
        return run.finish(evaluator, manifest["plan_digest"], data_dir)


def predictions(network: Any, batches: Batches, split: str) -> Iterator[tuple[list[str], Array]]:
    """Ids and predictions (N, ...) of a split, batch by batch, in the order of its records."""
    predicted = batches.recipe.predictions(network)
    for keys, inputs in batches.evaluation(split):
        yield [key.decode("utf-8") for key in keys.numpy()], np.asarray(predicted(inputs))


@contextmanager
def _damage_told(folder: Path) -> Iterator[None]:
    """Turn TensorFlow's report of a damaged record into a sentence."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.DataLossError as error:
        raise InputError(f"{folder}: a record is damaged: find out which file with `sciml verify`") from error


def _strategy(name: str) -> Any:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if name == "mirrored" or (name == "auto" and len(gpus) > 1):
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def _gpus() -> list[str]:
    """The names of the GPUs that TensorFlow uses."""
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_device_details(device).get("device_name", device.name) for device in devices]


def _optimizer(recipe: Recipe, steps_per_epoch: int) -> Any:
    import keras

    rate: Any = recipe.learning_rate
    if recipe.schedule == "cosine":
        steps = steps_per_epoch * recipe.epochs
        warmup = round(steps * recipe.warmup_share)
        rate = keras.optimizers.schedules.CosineDecay(
            recipe.learning_rate / 25, max(steps - warmup, 1), warmup_target=recipe.learning_rate, warmup_steps=warmup
        )
    if recipe.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
    return {"adam": keras.optimizers.Adam, "adamax": keras.optimizers.Adamax}[recipe.optimizer](rate)


def _built(build: Callable[[], Any], precision: str) -> Any:
    """The model, its layers computing in the given precision."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return build()
    finally:
        keras.config.set_dtype_policy(before)


def _train_step(network: Any, optimizer: Any, strategy: Any, recipe: Recipe) -> Callable[[Any], Any]:
    import tensorflow as tf

    def gradients(inputs: Any, target: Any, weights: Any, total: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            logits = tf.cast(network(inputs, training=True), tf.float32)
            # The optimizer adds up the replicas' gradients: dividing by the weight of the global batch makes a mean.
            loss = tf.reduce_sum(recipe.losses(target, logits) * weights) / total
        return loss, tape.gradient(loss, network.trainable_variables)

    compiled_gradients = tf.function(gradients, jit_compile=True) if recipe.xla == "on" else gradients

    def on_replica(inputs: Any, target: Any, weights: Any) -> Any:
        weights = tf.cast(weights, tf.float32)
        replicas = tf.distribute.get_replica_context()
        total = tf.maximum(replicas.all_reduce(tf.distribute.ReduceOp.SUM, tf.reduce_sum(weights)), 1e-6)
        loss, found = compiled_gradients(inputs, target, weights, total)
        optimizer.apply_gradients(zip(found, network.trainable_variables, strict=True))
        return loss

    def step(batch: Any) -> Any:
        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(on_replica, args=batch), axis=None)

    compiled: Callable[[Any], Any] = tf.function(step)
    return compiled


def _model_builder(model: Any, recipe: Recipe) -> Callable[[], Any]:
    if model is None:
        return recipe.build
    if not isinstance(model, str):
        return model if not hasattr(model, "trainable_variables") else lambda: model
    module_name, _, function = model.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"--model {model}: {error}: expected package.module:function of an importable module"
        ) from error
    if not callable(found):
        raise InputError(f"--model {model}: {function} is no function: expected one that returns a Keras model")
    build: Callable[[], Any] = found
    return build


def _check_shapes(network: Any, recipe: Recipe) -> None:
    shapes = getattr(network, "input_shape", None), getattr(network, "output_shape", None)
    expected = (None, *recipe.input_shape), (None, *recipe.output_shape)
    for got, want, what in zip(shapes, expected, ("input", "output"), strict=True):
        fits = (
            isinstance(got, tuple)
            and len(got) == len(want)
            and all(a in (None, b) for a, b in zip(got, want, strict=True))
        )
        if not fits:
            raise InputError(f"the model's {what} shape is {got}, expected {want}: change the model")
