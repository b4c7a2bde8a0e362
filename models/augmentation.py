"""Augmentations that several benchmarks share: from a training sample and a random generator to a training sample.

An `Augmentation` can also be carried out on the device: the host draws the same random numbers in the same order, and
copies them into the batch beside what is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.models.sample_source import Samples


def stored_as_it_is(stored: Any, drawn: Any) -> Any:
    """All of a stored input."""
    return stored


def nothing_left(xp: Any, batch: Samples, drawn: Any) -> Samples:
    """Nothing to do for the device."""
    return batch


@dataclass(frozen=True)
class Augmentation:
    """An augmentation of one sample on the host, or of a whole batch on the device.

    Attributes:
        on_host: function from a training sample and a random generator to a training sample.
        draw: function from a random generator to the arrays that decide, of one shape and type; it takes the same
            numbers from the generator as ``on_host``.
        select: function from a stored input and what was drawn to the part of it that is copied into the batch.
        on_device: function from a module of arrays, a batch and what was drawn for it, (N, ...) each, to a batch.
    """

    on_host: Callable[[Samples, np.random.Generator], Samples]
    draw: Callable[[np.random.Generator], Any]
    select: Callable[[Any, Any], Any] = stored_as_it_is
    on_device: Callable[[Any, Samples, Any], Samples] = nothing_left

    def __call__(self, samples: Samples, random: np.random.Generator) -> Samples:
        """The augmented sample, on the host."""
        return self.on_host(samples, random)


def turns(random: np.random.Generator) -> NDArray[np.bool_]:
    """(2,) whether an image is mirrored up-down, and left-right."""
    return random.random(2) < 0.5


def _mirrored(samples: Samples, random: np.random.Generator) -> Samples:
    axes = tuple(int(axis) for axis in np.flatnonzero(turns(random)))
    inputs, *masks = samples
    return (np.flip(inputs, axes), *(np.flip(mask, axes) if np.ndim(mask) else mask for mask in masks))


def mirrored_batch(xp: Any, batch: Samples, drawn: Any) -> Samples:
    """Mirror inputs (N, R, C, ...) where (N, 2) ``drawn`` says so, and masks (N, R, C) with them."""

    def of(array: Any) -> Any:
        if len(array.shape) < 3:
            return array
        for axis in (1, 2):
            turned = xp.reshape(drawn[:, axis - 1], (-1, *[1] * (len(array.shape) - 1)))
            array = xp.where(turned, xp.flip(array, (axis,)), array)
        return array

    inputs, target, weight = batch
    return of(inputs), of(target), of(weight)


mirrored = Augmentation(_mirrored, turns, on_device=mirrored_batch)
"""Mirrors an input (R, C, ...) left-right and up-down at random, and masks (R, C) with it."""


def unchanged(samples: Samples, random: np.random.Generator) -> Samples:
    """No augmentation."""
    return samples
