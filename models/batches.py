"""From prepared records to batches: tf.data pipelines of the canonical splits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sciml_datasets.benchmarks import data_root
from sciml_datasets.models.recipe import Recipe, Samples


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
        samples = self.num_examples("train") * self.recipe.samples_per_example
        return samples // self.recipe.batch_size

    def num_examples(self, split: str) -> int:
        """Examples of a split."""
        return int(self._builder().info.splits[split].num_examples)

    def training(self, epoch: int) -> Any:
        """Shuffled, augmented batches of training samples (inputs, targets, weights) of one epoch."""
        import tensorflow as tf

        def augmented(samples: Samples, seed: Any) -> Samples:
            return self.recipe.augment(samples, tf.stack([seed, 0]))

        seed = self.seed + epoch
        shuffled = (
            self._examples("train")
            .map(self.recipe.samples, num_parallel_calls=tf.data.AUTOTUNE)
            .unbatch()
            .shuffle(self.recipe.shuffle_buffer, seed=seed)
            .batch(self.recipe.batch_size, drop_remainder=True)
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
            .map(lambda examples: (examples["id"], self.recipe.inputs(examples)), num_parallel_calls=tf.data.AUTOTUNE)
            .prefetch(tf.data.AUTOTUNE)
        )

    def _examples(self, split: str) -> Any:
        return self._builder().as_dataset(split=split).batch(self.recipe.examples_at_once or self.recipe.batch_size)

    def _builder(self) -> Any:
        import tensorflow_datasets as tfds

        return tfds.builder(f"sciml/{self.name}", data_dir=data_root(self.data_dir))
