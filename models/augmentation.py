"""Augmentations that several benchmarks share: from a training sample and a random generator to a training sample."""

from __future__ import annotations

import numpy as np

from sciml_datasets.models.sample_source import Samples


def mirrored(samples: Samples, random: np.random.Generator) -> Samples:
    """Mirror an input (R, C, ...) left-right and up-down at random, and masks (R, C) with it."""
    turns = random.random(2) < 0.5
    axes = tuple(int(axis) for axis in np.flatnonzero(turns))
    inputs, *masks = samples
    return (np.flip(inputs, axes), *(np.flip(mask, axes) if np.ndim(mask) else mask for mask in masks))


def unchanged(samples: Samples, random: np.random.Generator) -> Samples:
    """No augmentation."""
    return samples
