"""The epochs of a run: batches, steps, checkpoints, and scores on the validation split after each epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cached_property
from typing import Any

import numpy as np

from sciml_datasets.benchmark import Benchmark, Criterion
from sciml_datasets.errors import InputError
from sciml_datasets.metrics.evaluator import Evaluator
from sciml_datasets.metrics.truth import Truth
from sciml_datasets.models import checkpoints
from sciml_datasets.models.batches import Batches
from sciml_datasets.models.checkpoints import Progress
from sciml_datasets.models.input_wait import InputWait
from sciml_datasets.models.learning_rate import learning_rate
from sciml_datasets.models.predictor import predictor
from sciml_datasets.models.recipe_error import RecipeError, recipe_part
from sciml_datasets.models.run_folder import RunFolder
from sciml_datasets.models.steps import training_step
from sciml_datasets.models.workers import Workers

Array = np.ndarray[Any, np.dtype[np.float32]]

CHECKPOINT_SECONDS = 600.0
"""Seconds after which a checkpoint is written within an epoch."""


class Epochs:
    """The epochs of one run.

    Args:
        benchmark: benchmark as it is for the data.
        batches: batches of the data, by the recipe that is trained.
        workers: all processes of the run.
        run: folder of the run.
        progress: progress of the run so far, which is changed.
        network: network to train.
        optimizer: its optimizer.
        spread: standard deviation of the target, where the recipe is standardised; else 1.
        until_target: whether to end with the epoch that reaches the benchmark's target on the validation split.
    """

    def __init__(
        self,
        benchmark: Benchmark,
        batches: Batches,
        workers: Workers,
        run: RunFolder,
        progress: Progress,
        network: Any,
        optimizer: Any,
        spread: float,
        until_target: bool,
    ) -> None:
        self._benchmark, self._batches, self._workers, self._run = benchmark, batches, workers, run
        self._progress, self._network, self._optimizer = progress, network, optimizer
        self._settings, self._spread, self._until_target = batches.recipe.training, spread, until_target
        self.predict = predictor(batches.recipe, network)
        recipe = batches.recipe.with_spread(spread)
        self._times = 0.0, 0.0
        self._step = training_step(network, optimizer, workers.strategy, workers.local_replicas, recipe)

    def run(self, variables: list[Any]) -> None:
        """Train from where the progress stands to the end."""
        while self._progress.epoch <= self._settings.epochs and not self._finished():
            self._train_epoch(variables)
            self._evaluate_epoch()
            progress = self._progress
            progress.epoch, progress.step, progress.losses = progress.epoch + 1, 0, []
            if self._workers.chief:
                if self._settings.patience and self._waited() == 0:
                    checkpoints.save(self._run.best, progress, self._network.variables)
                checkpoints.save(self._run.checkpoint, self._run.timed(progress), variables, keep=True)
        if self._settings.patience:
            self._workers.run_once(lambda: None)  # until the chief has written the best weights
            checkpoints.restore(self._run.best, self._network.variables)

    def _train_epoch(self, variables: list[Any]) -> None:
        progress, steps = self._progress, self._batches.steps
        if self._workers.chief and progress.step == 0:
            self._run.start_epoch(progress.epoch)
        saved = time.monotonic()
        errors = self._errors()
        batches = self._batches.training(progress.epoch, progress.step, self._workers.part)
        with closing(InputWait(asynchronous=on_gpus())) as wait:
            for batch in wait.batches(batches):
                done = (progress.epoch - 1) * steps + progress.step
                total = steps * self._settings.epochs
                self._optimizer.learning_rate = learning_rate(self._settings, done, total, errors, self._spread)
                wait.step(self._step(batch))
                progress.step += 1
                if self._workers.chief and time.monotonic() - saved > CHECKPOINT_SECONDS:
                    progress.losses += wait.losses()
                    checkpoints.save(self._run.checkpoint, self._run.timed(progress), variables, keep=True)
                    saved = time.monotonic()
            progress.losses += wait.losses()
            self._times = wait.seconds()

    def _evaluate_epoch(self) -> None:
        progress, workers = self._progress, self._workers
        loss = float(np.mean(progress.losses))
        if not np.isfinite(loss):
            raise InputError(
                f"the loss became {loss} in epoch {progress.epoch}: lower learning_rate "
                f"(now {self._settings.learning_rate})"
            )
        if workers.chief:
            self._run.start_evaluation(progress.epoch)
        evaluator = self._validation()
        for ids, predicted in predicted_batches(self.predict, self._batches, "validation", workers):
            try:
                evaluator.update(ids, predicted)
            except InputError as error:
                raise RecipeError(f"predictions: {error}") from error
        for index, share in enumerate(workers.gather(evaluator.share())):
            if index != workers.part.index:
                evaluator.add(share)
        scores = evaluator.result()
        row = {"epoch": progress.epoch, "loss": loss}
        row |= {f"validation_{c.name}": scores[c.name] for c in self._benchmark.criteria if c.name in scores}
        row["input_seconds"], row["training_seconds"] = (round(seconds, 6) for seconds in self._times)
        row["samples"] = progress.epoch * self._batches.steps * self._settings.batch_size
        progress.history.append(row)
        if workers.chief:
            self._run.epoch(self._settings.epochs, row)

    def _validation(self) -> Evaluator:
        prepared = self._batches.prepared
        return Evaluator(prepared, self._batches.split("validation"), truth=self._truth)

    @cached_property
    def _truth(self) -> Truth:
        prepared = self._batches.prepared
        return Truth(prepared, self._batches.split("validation"))

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
        if self._settings.patience and self._waited() >= self._settings.patience:
            return True
        return self._until_target and any(_reached(self._benchmark, row) for row in self._progress.history)


def on_gpus() -> bool:
    """Whether TensorFlow uses GPUs, on which steps go on after the call of them has returned."""
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def _reached(benchmark: Benchmark, row: dict[str, float]) -> bool:
    """Whether an epoch reached the benchmark's target on the validation split."""
    return any(_meets(criterion, row) for criterion in benchmark.criteria)


def _meets(criterion: Criterion, row: dict[str, float]) -> bool:
    score = row.get(f"validation_{criterion.name}", float("nan"))
    if criterion.target is None:
        return False
    return score >= criterion.target.value if criterion.direction == "higher" else score <= criterion.target.value


def predicted_batches(
    predict: Callable[[Any], Any], batches: Batches, split: str, workers: Workers
) -> Iterator[tuple[list[str], Array]]:
    """Ids and predictions (N, ...) of this worker's part of a split, batch by batch, in the order of its records."""
    for ids, inputs in batches.evaluation(split, workers.part):
        with recipe_part("predictions"):
            predicted = np.asarray(predict(inputs))
        yield ids, predicted


def gathered(workers: Workers, own: Iterator[tuple[list[str], Array]]) -> Iterator[tuple[list[str], Array]]:
    """Ids and predictions of all workers, on each of them."""
    while any(found := workers.gather(next(own, None))):
        yield from (batch for batch in found if batch)
