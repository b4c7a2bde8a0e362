"""Training: from a prepared data set to a run folder with weights, predictions, scores and logs.

A Keras model in a loop of our own, GradientTape inside ``strategy.run``: with one replica or several the loss is the
mean over the global batch.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sciml_datasets.benchmarks import data_root, find, prepared_dir
from sciml_datasets.errors import InputError
from sciml_datasets.metrics.evaluator import Evaluator
from sciml_datasets.models.recipe import Recipe
from sciml_datasets.models.run_folder import RunFolder
from sciml_datasets.preparation.verify import check_prepared

Array = np.ndarray[Any, np.dtype[np.float32]]

SHUFFLE_BUFFER = 1024
"""Samples, after the transform to model inputs."""
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
        network = build()
        _check_shapes(network, recipe)
        optimizer = _optimizer(recipe, batches.steps)
        optimizer.build(network.trainable_variables)  # a replica must not create variables inside the step
    step, forward = _train_step(network, optimizer, scope), probabilities(network)

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
            validation.update(*predict(forward, batches, "validation"))
            run.epoch(epoch, recipe.epochs, batches.steps * recipe.batch_size, loss, validation.result())
        network.save(run.folder / "model.keras")
        run.write_predictions(*predict(forward, batches, "test"))
        evaluator = Evaluator(name, "test", data_dir)
        evaluator.update_from_file(run.folder / "predictions.h5")
        return run.finish(evaluator, manifest["plan_digest"], data_dir)


@dataclass(frozen=True)
class Batches:
    """Batches of a prepared data set in the form that a recipe's model takes."""

    name: str
    data_dir: str | Path | None
    recipe: Recipe
    seed: int

    @property
    def steps(self) -> int:
        """Training batches per epoch; the remainder is left out, since it would weigh more than the rest."""
        return int(self._builder().info.splits["train"].num_examples) // self.recipe.batch_size

    def training(self, epoch: int) -> Any:
        """Shuffled, augmented (inputs, target) batches of one epoch."""
        import tensorflow as tf

        def inputs_and_target(examples: dict[str, Any]) -> tuple[Any, Any]:
            return self.recipe.inputs(examples), examples[self.recipe.target]

        def augmented(pair: tuple[Any, Any], seed: Any) -> tuple[Any, Any]:
            return self.recipe.augment(pair[0], tf.stack([seed, 0])), pair[1]

        batch, seed = self.recipe.batch_size, self.seed + epoch
        shuffled = (
            self._examples("train")
            .batch(batch)
            .map(inputs_and_target, num_parallel_calls=tf.data.AUTOTUNE)
            .unbatch()
            .shuffle(SHUFFLE_BUFFER, seed=seed)
            .batch(batch, drop_remainder=True)
        )
        # A seed for each batch: the order in which parallel calls finish decides nothing.
        seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=False)
        return (
            tf.data.Dataset.zip(shuffled, seeds)
            .map(augmented, num_parallel_calls=tf.data.AUTOTUNE)
            .prefetch(tf.data.AUTOTUNE)
        )

    def evaluation(self, split: str) -> Any:
        """Ordered (ids, inputs) batches of a split, the remainder included."""
        import tensorflow as tf

        return (
            self._examples(split)
            .batch(self.recipe.batch_size)
            .map(lambda examples: (examples["id"], self.recipe.inputs(examples)), num_parallel_calls=tf.data.AUTOTUNE)
            .prefetch(tf.data.AUTOTUNE)
        )

    def _examples(self, split: str) -> Any:
        return self._builder().as_dataset(split=split)

    def _builder(self) -> Any:
        import tensorflow_datasets as tfds

        return tfds.builder(f"sciml/{self.name}", data_dir=data_root(self.data_dir))


def probabilities(network: Any) -> Callable[[Any], Any]:
    """A compiled function from a batch of inputs to class probabilities (N, classes) float32."""
    import tensorflow as tf

    def forward(inputs: Any) -> Any:
        return tf.nn.softmax(tf.cast(network(inputs, training=False), tf.float32))

    compiled: Callable[[Any], Any] = tf.function(forward, reduce_retracing=True)
    return compiled


def predict(forward: Callable[[Any], Any], batches: Batches, split: str) -> tuple[list[str], Array]:
    """Ids and predictions (N, ...) of a split, in the order of its records."""
    ids: list[str] = []
    outputs = []
    for keys, inputs in batches.evaluation(split):
        ids += [key.decode("utf-8") for key in keys.numpy()]
        outputs.append(forward(inputs).numpy())
    return ids, np.concatenate(outputs)


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

    steps = steps_per_epoch * recipe.epochs
    warmup = round(steps * recipe.warmup_share)
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 25, max(steps - warmup, 1), warmup_target=recipe.learning_rate, warmup_steps=warmup
    )
    return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)


def _train_step(network: Any, optimizer: Any, strategy: Any) -> Callable[[Any], Any]:
    import tensorflow as tf

    def on_replica(inputs: Any, target: Any) -> Any:
        replicas = tf.distribute.get_replica_context()
        global_batch = replicas.all_reduce(tf.distribute.ReduceOp.SUM, tf.cast(tf.shape(target)[0], tf.float32))
        with tf.GradientTape() as tape:
            logits = tf.cast(network(inputs, training=True), tf.float32)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=logits)
            # The optimizer adds up the replicas' gradients: the loss is divided by the global batch to be its mean.
            loss = tf.reduce_sum(losses) / global_batch
        weights = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
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
