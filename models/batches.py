"""From prepared records to batches, in NumPy: the same samples in the same order for any number of workers.

An epoch is one permutation of the training samples, drawn from seed and epoch. Each worker makes its columns of each
batch, so that all together see every sample once, and a run can go on from any step.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tree
from numpy.typing import NDArray

from sciml_datasets.models.recipe import NetworkSpec, Recipe
from sciml_datasets.models.recipe_error import recipe_part
from sciml_datasets.models.sample_source import RecipeSource, Samples, SampleSource
from sciml_datasets.models.task_recipe import output_shape
from sciml_datasets.prepared.buffer_pool import BufferPool
from sciml_datasets.prepared.prepared import Prepared
from sciml_datasets.splits.partitions import Selection

AHEAD = 2
"""Number of batches that are made while one is trained on."""
MAX_THREADS = 8
"""Number of threads that make samples; more would wait for Python's lock."""


@dataclass(frozen=True, slots=True)
class Part:
    """One worker's part of the work.

    Attributes:
        index: number of the worker, from 0.
        count: number of workers.
    """

    index: int = 0
    count: int = 1

    def of(self, length: int) -> slice:
        """Its consecutive part of ``length`` items; the parts differ by one item at most."""
        return slice(length * self.index // self.count, length * (self.index + 1) // self.count)


@dataclass(frozen=True)
class Batches:
    """Batches of a prepared data set in the form that a recipe's model takes.

    Attributes:
        prepared: the data set.
        recipe: declaration of how samples are made.
        seed: seed of the order and of the augmentation.
        partition: name of another partition than the canonical one, see `Prepared.select`.
        trained_on: partition whose training samples tables are scaled by; None for the same one.
        threads: number of threads that make training samples; None for as many as there are cores, where they help.
    """

    prepared: Prepared
    recipe: Recipe
    seed: int
    partition: str = ""
    trained_on: str | None = None
    threads: int | None = None

    @property
    def steps(self) -> int:
        """Training batches per epoch; the remainder is left out, since it would weigh more than the rest."""
        return self.num_training_samples // self.recipe.training.batch_size

    @property
    def num_training_samples(self) -> int:
        """Number of samples to train on: examples, or their patches where the recipe cuts such."""
        return len(self._training_samples)

    def spec(self, part: str = "train") -> NetworkSpec:
        """What a network for these data is built for, without the moments of the target.

        Args:
            part: train, validation or test, whose first sample has the shapes.

        Raises:
            InputError: the recipe does not fit the data.
        """
        with recipe_part("source"):
            inputs, target, _ = self._source.like(self.prepared.builder, self.selection(part))
        shapes = tuple(one.shape[1:] for one in inputs) if isinstance(inputs, tuple) else inputs.shape[1:]
        declared = self.recipe.output_shape
        output = output_shape(self.prepared.benchmark.task, target.shape[1:]) if declared is None else declared
        return NetworkSpec(shapes, target.shape[1:], output, parameters=self.recipe.training.parameters)

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the target over the training split; the latter is 1 where all are the same."""
        values = np.array(self.selection("train").columns[self.recipe.source.target], np.float64)
        return float(values.mean()), float(values.std()) or 1.0

    def num_examples(self, split: str) -> int:
        """Number of examples of train, validation or test."""
        return len(self.selection(split).positions)

    def split(self, part: str) -> str:
        """The full name of train, validation or test."""
        return f"{self.partition}:{part}" if self.partition else part

    def selection(self, part: str) -> Selection:
        """The samples of train, validation or test.

        Raises:
            InputError: the data set has no such partition.
        """
        return self.prepared.select(self.split(part))

    def numbers(self, epoch: int) -> NDArray[np.int64]:
        """(steps, batch size) int64: the training samples of each batch of an epoch."""
        size = self.recipe.training.batch_size
        order = np.random.default_rng((self.seed, epoch)).permutation(self.num_training_samples)
        return order[: self.steps * size].reshape(self.steps, size)

    def training(self, epoch: int, first: int = 0, part: Part = Part()) -> Iterator[Samples]:
        """Shuffled, augmented batches of training samples of one epoch.

        Args:
            epoch: number of the epoch, from 1.
            first: number of the batch to begin with, from 0.
            part: part of each batch that is made.

        Yields:
            inputs, targets and weights, (N, ...) each.

        Raises:
            DamagedRecordError: a record is not what was written.
        """
        threads = self._threads
        waiting: deque[tuple[Samples, list[Future[None]]]] = deque()
        with ThreadPoolExecutor(threads) as pool:
            try:
                for row in self.numbers(epoch)[first:]:
                    waiting.append(self._begun(row[part.of(len(row))], epoch, pool, threads))
                    if len(waiting) > AHEAD:
                        yield _finished(waiting.popleft())
                while waiting:
                    yield _finished(waiting.popleft())
            finally:
                pool.shutdown(cancel_futures=True)

    def evaluation(self, split: str, part: Part = Part()) -> Iterator[tuple[list[str], Any]]:
        """Ordered (ids, inputs) batches of a split, the remainder included.

        Args:
            split: train, validation or test.
            part: part of the split that is read.
        """
        selection = self.selection(split)
        size = self.recipe.source.at_once or self.recipe.training.batch_size
        numbers = np.arange(len(selection.positions))[part.of(len(selection.positions))]
        read = self._source.inputs_of(self.prepared.builder, selection)
        with ThreadPoolExecutor(1) as pool:
            made = deque[tuple[list[str], Future[Any]]]()
            for start in range(0, len(numbers), size):
                some = numbers[start : start + size]
                ids = [selection.columns["id"][number] for number in some]
                made.append((ids, pool.submit(read, some)))
                if len(made) > 1:
                    keys, inputs = made.popleft()
                    yield keys, inputs.result()
            while made:
                keys, inputs = made.popleft()
                yield keys, inputs.result()

    def _begun(
        self, numbers: NDArray[np.int64], epoch: int, pool: ThreadPoolExecutor, threads: int
    ) -> tuple[Samples, list[Future[None]]]:
        """Arrays for a batch, and the threads' work that fills them."""
        batch: Samples = tree.map_structure(
            lambda like: self._buffers.empty((len(numbers), *like.shape[1:]), like.dtype), self._like
        )
        parts = [Part(i, threads).of(len(numbers)) for i in range(threads)]
        return batch, [pool.submit(self._fill, batch, numbers, epoch, part) for part in parts]

    def _fill(self, batch: Samples, numbers: NDArray[np.int64], epoch: int, part: slice) -> None:
        def random(number: int) -> np.random.Generator:
            # One for each sample: neither threads nor workers decide what it draws.
            return np.random.default_rng((self.seed, epoch, number))

        self._training_samples.fill(numbers[part], random, tree.map_structure(lambda array: array[part], batch))

    @cached_property
    def _threads(self) -> int:
        if self.threads is not None:
            return self.threads
        return min(os.cpu_count() or 1, MAX_THREADS) if self._training_samples.gains_from_threads() else 1

    @cached_property
    def _buffers(self) -> BufferPool:
        return BufferPool()

    @cached_property
    def _like(self) -> Samples:
        return self._training_samples.like()

    @cached_property
    def _training_samples(self) -> SampleSource:
        with recipe_part("source"):
            return self._source.training_samples(self.prepared.builder, self.selection("train"))

    @cached_property
    def _source(self) -> RecipeSource:
        partition = self.partition if self.trained_on is None else self.trained_on
        if not partition:
            return self.recipe.source
        return self.recipe.source.fitted(self.prepared.builder, self.prepared.select(f"{partition}:train"))


def _finished(begun: tuple[Samples, list[Future[None]]]) -> Samples:
    arrays, filling = begun
    for future in filling:
        future.result()
    return arrays
