"""Training samples by number: whole examples, or patches of them. NumPy alone, so that any framework can use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.models.recipe import Recipe, Samples

if TYPE_CHECKING:
    from sciml_datasets.tensor_views import TensorViews

RELEASE_EVERY = 4
"""Patches, on average, after which the pages of the record files are given back: a fault maps whole rows, so that a
patch of a full scene costs some 15 MB."""


class TrainingSamples(Protocol):
    """The training samples of a split. Threads may share it."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, number: int) -> Samples:
        """Input, target and weight of one sample.

        Raises:
            DamagedRecordError: a record is not what was written.
        """


def training_samples(builder: Any, recipe: Recipe, split: str = "train") -> TrainingSamples:
    """What a recipe trains on.

    Args:
        builder: of a prepared data set.
        recipe: says which arrays make a sample.
        split: the split.
    """
    if recipe.patch:
        from sciml_datasets.tensor_views import TensorViews

        return PatchSamples(Patches(TensorViews(builder, split), recipe.patch, recipe.patch_features), recipe)
    return ExampleSamples(builder.as_data_source(split), recipe)


class ExampleSamples:
    """Each example is a training sample."""

    def __init__(self, examples: Any, recipe: Recipe) -> None:
        self._examples, self._recipe = examples, recipe

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, number: int) -> Samples:
        """See `TrainingSamples`."""
        return self._recipe.samples(self._examples[int(number)])


class PatchSamples:
    """Each patch is a training sample."""

    def __init__(self, patches: Patches, recipe: Recipe) -> None:
        self._patches, self._recipe = patches, recipe

    def __len__(self) -> int:
        return len(self._patches)

    def __getitem__(self, number: int) -> Samples:
        """See `TrainingSamples`."""
        return self._recipe.samples(self._patches.read(number))


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


def mirrored(samples: Samples, random: np.random.Generator) -> Samples:
    """Mirror an input (R, C, ...) left-right and up-down at random, and masks (R, C) with it."""
    turns = random.random(2) < 0.5
    axes = tuple(int(axis) for axis in np.flatnonzero(turns))
    inputs, *masks = samples
    return (np.flip(inputs, axes), *(np.flip(mask, axes) if np.ndim(mask) else mask for mask in masks))


def unchanged(samples: Samples, random: np.random.Generator) -> Samples:
    """No augmentation."""
    return samples
