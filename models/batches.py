"""From prepared records to batches: tf.data pipelines of the canonical splits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from sciml_datasets.benchmarks import data_root
from sciml_datasets.models.recipe import Recipe, Samples

if TYPE_CHECKING:
    from sciml_datasets.tensor_views import TensorViews

SHUFFLE_BUFFER = 1024
"""Training samples among which the next one is drawn, where examples are read in order."""
PREFETCH = 1
"""Batches of patches that are made ahead: each is large."""
RELEASE_EVERY = 4
"""Patches, on average, after which the pages of the record files are given back: a fault maps whole rows, so that a
patch of a full scene costs some 15 MB."""


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
        samples = len(self._patches) if self.recipe.patch else self.num_examples("train")
        return samples // self.recipe.batch_size

    def num_examples(self, split: str) -> int:
        """Examples of a split."""
        return int(self._builder.info.splits[split].num_examples)

    def training(self, epoch: int) -> Any:
        """Shuffled, augmented batches of training samples (inputs, targets, weights) of one epoch."""
        import tensorflow as tf

        def augmented(samples: Samples, seed: Any) -> Samples:
            return self.recipe.augment(samples, tf.stack([seed, 0]))

        seed = self.seed + epoch
        shuffled = self._shuffled_patches(seed) if self.recipe.patch else self._shuffled_examples(seed)
        # A seed for each batch: the order in which parallel calls finish decides nothing.
        seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=False)
        return (
            tf.data.Dataset.zip(shuffled, seeds)
            .map(augmented, num_parallel_calls=tf.data.AUTOTUNE)
            .prefetch(PREFETCH if self.recipe.patch else tf.data.AUTOTUNE)
        )

    def _shuffled_examples(self, seed: int) -> Any:
        """Batches of training samples, drawn from a buffer of samples."""
        import tensorflow as tf

        return (
            self._examples("train")
            .map(self.recipe.samples, num_parallel_calls=tf.data.AUTOTUNE)
            .unbatch()
            .shuffle(SHUFFLE_BUFFER, seed=seed)
            .batch(self.recipe.batch_size, drop_remainder=True)
        )

    def _shuffled_patches(self, seed: int) -> Any:
        """Batches of patches, drawn from all patches of the split: nothing but what a batch holds is read."""
        import tensorflow as tf

        patches = self._patches
        first = self.recipe.samples(patches.read(0))

        def sample(number: int) -> Samples:
            return self.recipe.samples(patches.read(number))

        def read(number: Any) -> tuple[Any, ...]:
            arrays = tf.numpy_function(sample, [number], [array.dtype for array in first], stateful=False)
            for array, like in zip(arrays, first, strict=True):
                array.set_shape(like.shape)
            return tuple(arrays)

        return (
            tf.data.Dataset.range(len(patches))
            .shuffle(len(patches), seed=seed)
            .map(read, num_parallel_calls=tf.data.AUTOTUNE)
            .batch(self.recipe.batch_size, drop_remainder=True)
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
        return self._builder.as_dataset(split=split).batch(self.recipe.examples_at_once or self.recipe.batch_size)

    @cached_property
    def _patches(self) -> Patches:
        from sciml_datasets.tensor_views import TensorViews

        return Patches(TensorViews(self._builder, "train"), self.recipe.patch or 1, self.recipe.patch_features)

    @cached_property
    def _builder(self) -> Any:
        import tensorflow_datasets as tfds

        return tfds.builder(f"sciml/{self.name}", data_dir=data_root(self.data_dir))


class Patches:
    """The patches of all examples of a split, side by side, row by row; what does not fill one is cut off evenly.

    Args:
        views: of the split's records.
        size: pixels along a side.
        names: features (rows, columns, ...) that they are cut from.
    """

    def __init__(self, views: TensorViews, size: int, names: tuple[str, ...]) -> None:
        self._views, self._size, self._names = views, size, names
        pixels = views[0][names[0]].shape[:2]
        rows, columns = (range(length % size // 2, length - size + 1, size) for length in pixels)
        self._places = [(top, left) for top in rows for left in columns]

    def __len__(self) -> int:
        return len(self._views) * len(self._places)

    def read(self, number: int) -> dict[str, NDArray[Any]]:
        """Feature to array (size, size, ...) of the patch of this number.

        Raises:
            DamagedRecordError: a record is not what was written.
        """
        position, place = divmod(int(number), len(self._places))
        top, left = self._places[place]
        arrays = self._views[position]
        patch = {name: arrays[name][top : top + self._size, left : left + self._size].copy() for name in self._names}
        if number % RELEASE_EVERY == 0:
            self._views.release()
        return patch
