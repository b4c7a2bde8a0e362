"""From prepared records to batches, in NumPy: the same samples in the same order for any number of workers.

An epoch is one permutation of the training samples, drawn from seed and epoch. Each worker makes its columns of each
batch, so that all together see every sample once, and a run can go on from any step.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tree
from numpy.typing import NDArray

from sciml_datasets.benchmarks import data_root
from sciml_datasets.models.buffer_pool import LentMemory
from sciml_datasets.models.recipe import Recipe, Samples
from sciml_datasets.models.sources import Examples, JoinedRows, SampleSource, fitted_tables, training_samples
from sciml_datasets.splits.partitions import Selection, select

AHEAD = 2
"""Batches that are made while one is trained on."""
MAX_THREADS = 8
"""That make samples; more would wait for Python's lock."""


@dataclass(frozen=True, slots=True)
class Part:
    """One worker's part of the work.

    Attributes:
        index: number of the worker.
        count: how many workers there are.
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
        name: of the data set.
        data_dir: where prepared data sets lie; default as in TFDS.
        recipe: says how samples are made.
        seed: of the order and of the augmentation.
        partition: another one than the canonical splits, see `sciml_datasets.splits.partitions.select`.
        trained_on: the partition whose training samples tables are scaled by; None for the same one.
    """

    name: str
    data_dir: str | Path | None
    recipe: Recipe
    seed: int
    partition: str = ""
    trained_on: str | None = None

    @property
    def steps(self) -> int:
        """Training batches per epoch; the remainder is left out, since it would weigh more than the rest."""
        return self.num_training_samples // self.recipe.batch_size

    @property
    def num_training_samples(self) -> int:
        """What there is to train on: examples, or their patches where the recipe cuts such."""
        return len(self._training_samples)

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the tables whose rows are the inputs, where there are such."""
        return tuple(int(self._builder.info.features[name].shape[0]) for name in self.recipe.tables)

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of input and output, where the prepared data tell them."""
        return tuple(tuple(self._builder.info.features[name].shape) for name in self.recipe.shaped_by or ())

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the target over the training split; the latter is 1 where all are the same."""
        values = np.array(self.selection("train").columns[self.recipe.target], np.float64)
        return float(values.mean()), float(values.std()) or 1.0

    def num_examples(self, split: str) -> int:
        """Examples of train, validation or test."""
        return len(self.selection(split).positions)

    def split(self, part: str) -> str:
        """The full name of train, validation or test."""
        return f"{self.partition}:{part}" if self.partition else part

    def selection(self, part: str) -> Selection:
        """The samples of train, validation or test.

        Raises:
            InputError: the data set has no such partition.
        """
        return select(self.name, self.split(part), self.data_dir)

    def numbers(self, epoch: int) -> NDArray[np.int64]:
        """(steps, batch size) int64: the training samples of each batch of an epoch."""
        order = np.random.default_rng((self.seed, epoch)).permutation(self.num_training_samples)
        return order[: self.steps * self.recipe.batch_size].reshape(self.steps, self.recipe.batch_size)

    def training(self, epoch: int, first: int = 0, part: Part = Part()) -> Iterator[Samples]:
        """Shuffled, augmented batches of training samples of one epoch.

        Args:
            epoch: from 1.
            first: the batch to begin with, from 0.
            part: of each batch.

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
            part: of the split.
        """
        selection = self.selection(split)
        size = self.recipe.examples_at_once or self.recipe.batch_size
        numbers = np.arange(len(selection.positions))[part.of(len(selection.positions))]
        read = self._inputs_of(selection)
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

    def _inputs_of(self, selection: Selection) -> Callable[[NDArray[np.int64]], Any]:
        """A function from the numbers of samples to the inputs of a prediction."""
        if self.recipe.tables:
            rows = JoinedRows(self._builder, selection, self.recipe, self._tables)

            def joined(numbers: NDArray[np.int64]) -> tuple[NDArray[np.float32], ...]:
                inputs, _, _ = rows.like()
                arrays = tuple(np.empty((len(numbers), like.shape[1]), like.dtype) for like in inputs)
                rows.join(numbers, arrays)
                return arrays

            return joined
        examples = Examples(self._builder, selection)
        return lambda numbers: np.stack([self.recipe.inputs(examples.read(int(number))) for number in numbers])

    def _begun(
        self, numbers: NDArray[np.int64], epoch: int, pool: ThreadPoolExecutor, threads: int
    ) -> tuple[Samples, list[Future[None]]]:
        """Arrays for a batch, and who fills them."""
        batch: Samples = tree.map_structure(
            lambda like: self._memory.empty((len(numbers), *like.shape[1:]), like.dtype), self._like
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
        return min(os.cpu_count() or 1, MAX_THREADS) if self._training_samples.gains_from_threads() else 1

    @cached_property
    def _memory(self) -> LentMemory:
        return LentMemory()

    @cached_property
    def _like(self) -> Samples:
        return self._training_samples.like()

    @cached_property
    def _training_samples(self) -> SampleSource:
        return training_samples(self._builder, self.selection("train"), self.recipe, self._tables)

    @cached_property
    def _tables(self) -> list[NDArray[np.float32]]:
        partition = self.partition if self.trained_on is None else self.trained_on
        training = select(self.name, f"{partition}:train", self.data_dir) if partition else None
        return fitted_tables(self._builder, self.recipe, training)

    @cached_property
    def _builder(self) -> Any:
        import tensorflow_datasets as tfds

        return tfds.builder(f"sciml/{self.name}", data_dir=data_root(self.data_dir))


def _finished(begun: tuple[Samples, list[Future[None]]]) -> Samples:
    arrays, filling = begun
    for future in filling:
        future.result()
    return arrays
