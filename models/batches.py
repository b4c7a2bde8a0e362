"""From prepared records to batches, in NumPy: the same samples in the same order for any number of workers.

An epoch is one permutation of the training samples, drawn from seed and epoch. Each worker makes its columns of each
batch, so that all together see every sample once, and a run can go on from any step.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.benchmarks import data_root
from sciml_datasets.models.recipe import Recipe, Samples
from sciml_datasets.models.samples import TrainingSamples, training_samples

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
    """

    name: str
    data_dir: str | Path | None
    recipe: Recipe
    seed: int

    @property
    def steps(self) -> int:
        """Training batches per epoch; the remainder is left out, since it would weigh more than the rest."""
        return len(self._training_samples) // self.recipe.batch_size

    def num_examples(self, split: str) -> int:
        """Examples of a split."""
        return int(self._builder.info.splits[split].num_examples)

    def numbers(self, epoch: int) -> NDArray[np.int64]:
        """(steps, batch size) int64: the training samples of each batch of an epoch."""
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self._training_samples))
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
        threads = min(os.cpu_count() or 1, MAX_THREADS)
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
            split: the split.
            part: of the split.
        """
        examples = self._builder.as_data_source(split)
        size = self.recipe.examples_at_once or self.recipe.batch_size
        numbers = range(len(examples))[part.of(len(examples))]
        with ThreadPoolExecutor(1) as pool:
            made = deque[Future[tuple[list[str], Any]]]()
            for start in range(0, len(numbers), size):
                made.append(pool.submit(self._inputs, examples, numbers[start : start + size]))
                if len(made) > 1:
                    yield made.popleft().result()
            while made:
                yield made.popleft().result()

    def _inputs(self, examples: Any, numbers: Sequence[int]) -> tuple[list[str], Any]:
        found = [examples[number] for number in numbers]
        return [example["id"].decode() for example in found], np.stack([self.recipe.inputs(one) for one in found])

    def _begun(
        self, numbers: NDArray[np.int64], epoch: int, pool: ThreadPoolExecutor, threads: int
    ) -> tuple[Samples, list[Future[None]]]:
        """Arrays for a batch, and who fills them."""
        inputs, target, weight = (np.empty((len(numbers), *like.shape), like.dtype) for like in self._like)
        arrays = inputs, target, weight
        parts = [Part(i, threads).of(len(numbers)) for i in range(threads)]
        return arrays, [pool.submit(self._fill, arrays, numbers, epoch, part) for part in parts]

    def _fill(self, arrays: Samples, numbers: NDArray[np.int64], epoch: int, part: slice) -> None:
        for place in range(part.start, part.stop):
            number = int(numbers[place])
            # A generator for each sample: neither threads nor workers decide what it draws.
            sample = self.recipe.augment(
                self._training_samples[number], np.random.default_rng((self.seed, epoch, number))
            )
            for array, values in zip(arrays, sample, strict=True):
                array[place] = values

    @cached_property
    def _like(self) -> Samples:
        """One sample, for shapes and types."""
        inputs, target, weight = map(np.asarray, self._training_samples[0])
        return inputs, target, weight

    @cached_property
    def _training_samples(self) -> TrainingSamples:
        return training_samples(self._builder, self.recipe)

    @cached_property
    def _builder(self) -> Any:
        import tensorflow_datasets as tfds

        return tfds.builder(f"sciml/{self.name}", data_dir=data_root(self.data_dir))


def _finished(begun: tuple[Samples, list[Future[None]]]) -> Samples:
    arrays, filling = begun
    for future in filling:
        future.result()
    return arrays
