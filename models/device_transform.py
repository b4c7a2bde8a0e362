"""The part of a recipe's arithmetic that may run inside the compiled step, on whole batches of what is stored.

The host then only copies stored bytes into batches. What the functions compute follows the array API, so that one
declaration serves TensorFlow, which trains here, and JAX and PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from sciml_datasets.models.augmentation import Augmentation, unchanged
from sciml_datasets.models.sample_source import Inputs, RecipeSource, Samples, SampleSource
from sciml_datasets.splits.partitions import Selection


@dataclass(frozen=True)
class DeviceTransform:
    """The declaration of what the device may compute in place of the host.

    Attributes:
        stored: function from an example (feature name to array) to the stored arrays that an input is made of: an array
            or a tuple of arrays.
        samples: function from an example to a training sample whose input is what ``stored`` gives.
        inputs: function from a module of arrays, as ``jax.numpy``, and a batch of stored arrays (N, ...) to inputs.
    """

    stored: Callable[[dict[str, Any]], Any]
    samples: Callable[[dict[str, Any]], Samples]
    inputs: Callable[[Any, Any], Any]


@dataclass(frozen=True)
class OnDevice:
    """A source whose arithmetic is left to the device; see `sciml_datasets.models.sample_source.DeferredSource`.

    Attributes:
        host: the source as the host computes it.
        copying: the same source with samples of stored arrays, and of what was drawn for each augmentation.
        transform: what the device computes.
        augmentations: augmentations of a sample, in their order.
    """

    host: RecipeSource
    copying: RecipeSource
    transform: DeviceTransform
    augmentations: tuple[Augmentation, ...]

    @property
    def noun(self) -> str:
        """See `RecipeSource.noun`."""
        return self.host.noun

    @property
    def target(self) -> str:
        """See `RecipeSource.target`."""
        return self.host.target

    @property
    def at_once(self) -> int | None:
        """See `RecipeSource.at_once`."""
        return self.host.at_once

    def fitted(self, builder: Any, training: Selection) -> OnDevice:
        """See `RecipeSource.fitted`."""
        host, copying = (source.fitted(builder, training) for source in (self.host, self.copying))
        return replace(self, host=host, copying=copying)

    def like(self, builder: Any, selection: Selection) -> Samples:
        """See `RecipeSource.like`: what the network sees is what the host would have made."""
        return self.host.like(builder, selection)

    def training_samples(self, builder: Any, selection: Selection) -> SampleSource:
        """See `RecipeSource.training_samples`."""
        return self.copying.training_samples(builder, selection)

    def inputs_of(self, builder: Any, selection: Selection) -> Inputs:
        """See `RecipeSource.inputs_of`."""
        return self.copying.inputs_of(builder, selection)

    def on_device(self) -> OnDevice:
        """See `RecipeSource.on_device`."""
        return self

    def computed(self, xp: Any, batch: Samples) -> Samples:
        """See `DeferredSource.computed`."""
        (stored, drawn), target, weight = batch
        found: Samples = (self.transform.inputs(xp, stored), target, weight)
        for augmentation, numbers in zip(self.augmentations, drawn, strict=True):
            found = augmentation.on_device(xp, found, numbers)
        return found

    def computed_inputs(self, xp: Any, inputs: Any) -> Any:
        """See `DeferredSource.computed_inputs`."""
        return self.transform.inputs(xp, inputs)


def deferred(
    source: Any, transform: DeviceTransform | None, augmentations: tuple[Any, ...], **changes: Any
) -> OnDevice | None:
    """A source whose arithmetic is left to the device.

    Args:
        source: declaration with the functions ``inputs``, ``samples`` and ``augment``.
        transform: what the device computes; None for nothing.
        augmentations: augmentations of a sample, in their order; None or `unchanged` for none.
        changes: other fields of ``source`` to change, since ``augment`` does all that they did.

    Returns:
        None where there is no ``transform``, or an augmentation is for the host alone.
    """
    some = tuple(one for one in augmentations if one not in (None, unchanged))
    if transform is None or not all(isinstance(one, Augmentation) for one in some):
        return None

    def samples(example: dict[str, Any], out: Samples | None = None) -> Samples:
        stored, target, weight = transform.samples(example)
        return (stored, ()), target, weight

    def drawn(sample: Samples, random: np.random.Generator) -> Samples:
        (stored, _), target, weight = sample
        numbers = []
        for augmentation in some:
            numbers.append(augmentation.draw(random))
            stored = augmentation.select(stored, numbers[-1])
        return (stored, tuple(numbers)), target, weight

    augment = drawn if some else unchanged
    copying = replace(source, inputs=transform.stored, samples=samples, augment=augment, **changes)
    return OnDevice(source, copying, transform, some)


@cache
def tensorflow_arrays() -> Any:
    """TensorFlow's functions under the names of the array API, as far as transforms need them.

    TensorFlow's own NumPy module makes float64 of Python's numbers.
    """
    import tensorflow as tf

    return SimpleNamespace(
        arange=tf.range,
        asarray=lambda array, dtype: tf.cast(array, dtype),
        clip=tf.clip_by_value,
        concat=tf.concat,
        flip=tf.reverse,
        float32=tf.float32,
        log=tf.math.log,
        moveaxis=tf.experimental.numpy.moveaxis,
        reshape=tf.reshape,
        where=tf.where,
        zeros_like=tf.zeros_like,
    )
