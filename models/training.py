"""Training: from a prepared data set to a run folder with weights, predictions, scores and logs.

One path for every benchmark, for one process and for many; a run that was killed goes on from its last checkpoint.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sciml_datasets.benchmark import Benchmark, Criterion
from sciml_datasets.benchmarks import find, prepared_dir
from sciml_datasets.errors import InputError
from sciml_datasets.metrics.evaluator import Evaluator
from sciml_datasets.metrics.predictions import write_predictions
from sciml_datasets.metrics.truth import Truth
from sciml_datasets.models import checkpoints
from sciml_datasets.models.batches import Batches
from sciml_datasets.models.checkpoints import Progress
from sciml_datasets.models.keras_backend import keras_on_tensorflow
from sciml_datasets.models.learning_rate import learning_rate
from sciml_datasets.models.networks import build_network, network_builder
from sciml_datasets.models.random_layers import drawing_by_themselves
from sciml_datasets.models.recipe import Recipe
from sciml_datasets.models.run_folder import RunFolder
from sciml_datasets.models.steps import compiles, make_optimizer, training_step
from sciml_datasets.models.workers import Workers, join, lost_workers_told
from sciml_datasets.paths import path_of
from sciml_datasets.prepared.metadata import facts_of
from sciml_datasets.prepared.verify import check_prepared
from sciml_datasets.splits.partitions import canonical, held_out

if TYPE_CHECKING:
    from mpi4py import MPI

Array = np.ndarray[Any, np.dtype[np.float32]]

CHECKPOINT_SECONDS = 600.0
"""After which a checkpoint is written within an epoch."""


def train(
    name: str,
    data_dir: str | Path | None = None,
    out_dir: str | Path = "run",
    model: Any = None,
    strategy: str = "auto",
    seed: int = 0,
    *,
    partition: str = "",
    until_target: bool = False,
    tensorboard: bool = False,
    comm: MPI.Intracomm | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Train a model on the training split, score it on the test split, or on validation where the raw files had no test
    split, and write the run folder.

    Args:
        name: of the data set.
        data_dir: where prepared data sets lie; default as in TFDS.
        out_dir: the run folder: new, empty, or of the same run, which then goes on from its last checkpoint. Several
            workers share it.
        model: a Keras model, a function that makes one, ``package.module:function`` or a ``.keras`` file; default the
            reference.
        strategy: ``none`` for one device, ``mirrored`` for all local devices, ``multiworker`` for several processes
            (see `sciml_datasets.models.cluster`), ``auto`` for mirrored where there is more than one GPU.
        seed: of weights, order and augmentation.
        partition: train and score on other splits than the canonical ones: one by name (``cell_blind``), or a fold
            (``fold 2/5 by cell``); see `sciml_datasets.splits.partitions`.
        until_target: end with the epoch that reaches the benchmark's target on the validation split.
        tensorboard: also write the history as TensorBoard's event files, to ``tensorboard/`` in the run folder.
        comm: MPI's ranks, for ``multiworker``.
        settings: other values for the recipe: see `sciml_datasets.models.recipe.SETTINGS`.

    Returns:
        The result, as in ``result.json``; an empty dictionary on all workers but the first.

    Raises:
        InputError: the data set is not prepared, Keras runs on another backend, the run folder is in use, a part of the
            partition holds no sample, or a setting or the model does not fit.
        WorkerLostError: another worker is gone.
    """
    benchmark, _ = find(name)
    out = path_of(out_dir, "out_dir")
    recipes: dict[str, Recipe] = benchmark.module("model").RECIPES
    recipe = recipes[name].with_settings({key: value for key, value in settings.items() if value is not None})
    if seed < 0:
        raise InputError(f"seed {seed}: expected 0 or more")
    keras_on_tensorflow()
    if recipe.deterministic == "on":
        make_deterministic(recipe, alone=strategy in ("auto", "none"))

    import keras

    keras.utils.set_random_seed(seed)
    workers = join(strategy, comm)
    run = RunFolder(out, tensorboard=tensorboard)
    if workers.chief:
        run.begin(benchmark, _gpus(), workers.part.count)
    with lost_workers_told(workers):
        manifest = workers.run_once(lambda: check_prepared(prepared_dir(name, data_dir)))
        facts = facts_of(prepared_dir(name, data_dir))
        benchmark, recipe = benchmark.for_data(facts), recipe.for_data(facts)
        if until_target and not any(criterion.target for criterion in benchmark.criteria):
            raise InputError(f"{name}: there is no target for these data that training could end with: leave it out")
        partition = canonical(name, partition, data_dir)
        workers.run_once(run.check)
        batches = Batches(name, data_dir, recipe, seed, partition)
        recipe = recipe.with_widths(batches.widths).with_shapes(batches.shapes)
        if recipe.standardised:
            recipe = recipe.with_moments(*batches.moments)
        build = network_builder(model, recipe)
        _check_batch_size(batches, workers)
        scored = held_out(name, partition, data_dir)
        _check_parts(batches, "validation", scored)
        with workers.strategy.scope():
            network = build_network(build, recipe, int(workers.strategy.num_replicas_in_sync))
            optimizer = make_optimizer(recipe, network)
        config = {
            "benchmark": benchmark.name,
            "dataset": name,
            "dataset_version": manifest["version"],
            "plan_digest": manifest["plan_digest"],
            "model": network.name,
            "parameters": int(network.count_params()),
            "settings": recipe.settings(),
            "seed": seed,
            "partition": partition,
            "until_target": until_target,
        }
        told = {"response": facts.get("response"), "loss_unit": recipe.loss_unit}
        config |= {key: value for key, value in told.items() if value}
        variables = [*network.variables, *optimizer.variables]
        progress = Progress()
        if workers.run_once(lambda: run.goes_on(config)):
            progress = checkpoints.restore(run.checkpoint, variables)
        with closing(run) if workers.chief else nullcontext():
            replicas = int(workers.strategy.num_replicas_in_sync)
            workers.run_once(
                lambda: run.start(config, benchmark.criteria, progress, replicas, _logged(batches, seed, replicas))
            )
            if workers.chief:
                _tell_of_draws(network, recipe, replicas)
            training = _Training(benchmark, recipe, batches, workers, run, progress, network, optimizer, until_target)
            training.run(variables)
            if workers.chief:
                network.save(run.folder / "model.keras")
            everything = _gathered(workers, predictions(training.predict, batches, scored, workers))
            if not workers.chief:
                for _ in everything:  # the chief writes what all have
                    pass
                return {}
            write_predictions(run.folder / "predictions.h5", batches.num_examples(scored), everything)
            evaluator = Evaluator(name, batches.split(scored), data_dir)
            evaluator.update_from_file(run.folder / "predictions.h5")
            return run.finish(evaluator, manifest["plan_digest"])


class _Training:
    """The epochs of one run."""

    def __init__(
        self,
        benchmark: Benchmark,
        recipe: Recipe,
        batches: Batches,
        workers: Workers,
        run: RunFolder,
        progress: Progress,
        network: Any,
        optimizer: Any,
        until_target: bool,
    ) -> None:
        self._benchmark, self._batches, self._workers, self._run = benchmark, batches, workers, run
        self._progress, self._network, self._optimizer = progress, network, optimizer
        self._recipe, self._until_target = recipe, until_target
        self.predict = recipe.predictions(network)
        self._step = training_step(network, optimizer, workers.strategy, workers.local_replicas, recipe)

    def run(self, variables: list[Any]) -> None:
        """Train from where the progress stands to the end."""
        while self._progress.epoch <= self._recipe.epochs and not self._finished():
            self._train_epoch(variables)
            self._evaluate_epoch()
            progress = self._progress
            progress.epoch, progress.step, progress.losses = progress.epoch + 1, 0, []
            if self._workers.chief:
                if self._recipe.patience and self._waited() == 0:
                    checkpoints.save(self._run.best, progress, self._network.variables)
                checkpoints.save(self._run.checkpoint, self._run.told(progress), variables)
        if self._recipe.patience:
            self._workers.run_once(lambda: None)  # until the chief has written the best weights
            checkpoints.restore(self._run.best, self._network.variables)

    def _train_epoch(self, variables: list[Any]) -> None:
        progress, steps = self._progress, self._batches.steps
        if self._workers.chief and progress.step == 0:
            self._run.start_epoch(progress.epoch)
        saved = time.monotonic()
        losses = []
        errors = self._errors()
        for batch in self._batches.training(progress.epoch, progress.step, self._workers.part):
            done = (progress.epoch - 1) * steps + progress.step
            self._optimizer.learning_rate = learning_rate(self._recipe, done, steps * self._recipe.epochs, errors)
            losses.append(self._step(batch))
            progress.step += 1
            if self._workers.chief and time.monotonic() - saved > CHECKPOINT_SECONDS:
                progress.losses += [float(loss) for loss in losses]
                losses = []
                checkpoints.save(self._run.checkpoint, self._run.told(progress), variables)
                saved = time.monotonic()
        progress.losses += [float(loss) for loss in losses]

    def _evaluate_epoch(self) -> None:
        progress, workers = self._progress, self._workers
        loss = float(np.mean(progress.losses))
        if not np.isfinite(loss):
            raise InputError(
                f"the loss became {loss} in epoch {progress.epoch}: lower learning_rate "
                f"(now {self._recipe.learning_rate})"
            )
        if workers.chief:
            self._run.start_evaluation(progress.epoch)
        split, truth = self._batches.split("validation"), self._truth
        evaluator = Evaluator(self._batches.name, split, self._batches.data_dir, truth)
        for ids, predicted in predictions(self.predict, self._batches, "validation", workers):
            evaluator.update(ids, predicted)
        for index, share in enumerate(workers.gather(evaluator.share())):
            if index != workers.part.index:
                evaluator.add(share)
        scores = evaluator.result()
        row = {"epoch": progress.epoch, "loss": loss}
        row |= {f"validation_{c.name}": scores[c.name] for c in self._benchmark.criteria if c.name in scores}
        row["samples"] = progress.epoch * self._batches.steps * self._recipe.batch_size
        progress.history.append(row)
        if workers.chief:
            self._run.epoch(self._recipe.epochs, row)

    @cached_property
    def _truth(self) -> Truth:
        return Truth(self._batches.name, self._batches.split("validation"), self._batches.data_dir)

    def _errors(self) -> list[float]:
        """The primary score after each epoch so far, turned so that less is better."""
        primary = self._benchmark.criteria[0]
        sign = 1 if primary.direction == "lower" else -1
        return [sign * row[f"validation_{primary.name}"] for row in self._progress.history]

    def _waited(self) -> int:
        """Epochs since the best one."""
        errors = self._errors()
        return len(errors) - 1 - int(np.argmin(errors)) if errors else 0

    def _finished(self) -> bool:
        if self._recipe.patience and self._waited() >= self._recipe.patience:
            return True
        return self._until_target and any(_reached(self._benchmark, row) for row in self._progress.history)


def _reached(benchmark: Benchmark, row: dict[str, float]) -> bool:
    """Whether an epoch reached the benchmark's target on the validation split."""
    return any(_meets(criterion, row) for criterion in benchmark.criteria)


def _meets(criterion: Criterion, row: dict[str, float]) -> bool:
    score = row.get(f"validation_{criterion.name}", float("nan"))
    if criterion.target is None:
        return False
    return score >= criterion.target.value if criterion.direction == "higher" else score <= criterion.target.value


def predictions(
    predict: Callable[[Any], Any], batches: Batches, split: str, workers: Workers
) -> Iterator[tuple[list[str], Array]]:
    """Ids and predictions (N, ...) of this worker's part of a split, batch by batch, in the order of its records."""
    for ids, inputs in batches.evaluation(split, workers.part):
        yield ids, np.asarray(predict(inputs))


def _gathered(workers: Workers, own: Iterator[tuple[list[str], Array]]) -> Iterator[tuple[list[str], Array]]:
    """What all workers predict, on each of them."""
    while any(found := workers.gather(next(own, None))):
        yield from (batch for batch in found if batch)


def make_deterministic(recipe: Recipe, *, alone: bool) -> None:
    """Let two runs with one seed give the same bits, on the same number of threads.

    TensorFlow's graph optimizer turns the sum of large gradients into an accumulator, to which they are added in the
    order in which they come about: graphs stay as they are traced. One thread that starts operations is enough for one
    device, and starts them in one order; replicas that wait for each other need more.

    Args:
        recipe: tells whether XLA compiles the step. What it compiles for CPUs has one order, and it refuses max pooling
            where deterministic operations are asked for, though only its code for GPUs is not deterministic.
        alone: whether there is one device.
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus or not compiles(recipe, replicas=1 if alone else 2):
        tf.config.experimental.enable_op_determinism()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    if alone and tf.config.threading.get_inter_op_parallelism_threads() != 1:
        try:
            tf.config.threading.set_inter_op_parallelism_threads(1)
        except RuntimeError:  # TensorFlow is at work in this process already: config.yaml tells its threads
            return


def _tell_of_draws(network: Any, recipe: Recipe, replicas: int) -> None:
    """One line on stderr where devices or XLA change the numbers that layers draw."""
    names = drawing_by_themselves(network)
    if names and (replicas > 1 or compiles(recipe, replicas)):
        print(
            f"{', '.join(names)}: drawn by Keras itself, otherwise on several devices and under XLA than on one device "
            "without it: for the same numbers use Keras's own layers of dropout and noise, or one device and xla=off",
            file=sys.stderr,
        )


def _check_batch_size(batches: Batches, workers: Workers) -> None:
    size, replicas = batches.recipe.batch_size, int(workers.strategy.num_replicas_in_sync)
    if size % replicas:
        raise InputError(f"batch_size={size} cannot be shared by {replicas} devices: choose a multiple of {replicas}")
    if batches.steps < 1:
        held = f"{batches.num_training_samples:,} {'samples' if batches.recipe.patch is None else 'patches'}"
        raise InputError(f"batch_size={size}: the training split holds {held}, choose a batch of no more")


def _check_parts(batches: Batches, *parts: str) -> None:
    """Refuse a partition without samples in a part, before anything is trained."""
    for part in parts:
        batches.selection(part)


def _logged(batches: Batches, seed: int, replicas: int) -> dict[str, Any]:
    """What the log tells of a run before it starts, as ORNL's runner of STEMDL does (mlcommons/science,
    benchmarks/stemdl/ornl/sgcl_runner.py), whose ranks have a GPU each."""
    recipe = batches.recipe
    return {
        "number_of_ranks": replicas,
        "seed": seed,
        "global_batch_size": recipe.batch_size,
        "train_samples": batches.num_training_samples,
        "eval_samples": batches.num_examples("validation"),
        "opt_name": recipe.optimizer,
        "opt_base_learning_rate": recipe.learning_rate,
    }


def _gpus() -> list[str]:
    """The names of the GPUs that TensorFlow uses."""
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_device_details(device).get("device_name", device.name) for device in devices]
