"""What is drawn of a stack of STEMDL, and its augmentations: those of the references and our own.

Inputs are (R, C, 3). A stored stack is (3, P, P): for the device the host copies the projections that are drawn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.models.augmentation import Augmentation, mirrored, mirrored_batch, turns
from sciml_datasets.models.sample_source import Samples

VIEWS = 3
"""Number of projections of a stack."""


def _one_projection(sample: Samples, random: np.random.Generator) -> Samples:
    inputs, *rest = sample
    first = which_projection(random)
    return (inputs[..., first : first + 1], *rest)


def which_projection(random: np.random.Generator) -> int:
    """The number of a projection."""
    return int(random.integers(VIEWS))


one_projection = Augmentation(_one_projection, which_projection, lambda stack, first: stack[first : first + 1])
"""One of the projections of an input (R, C, 3) at random: (R, C, 1)."""


def _permuted(sample: Samples, random: np.random.Generator) -> Samples:
    inputs, *rest = sample
    return (inputs[..., _order(random)], *rest)


def _order(random: np.random.Generator) -> NDArray[np.int64]:
    return random.permutation(VIEWS)


permuted = Augmentation(_permuted, _order, lambda stack, order: stack[order])
"""The projections of an input (R, C, 3) in random order: theirs is by strength, which says little of symmetry."""


def rotated(sample: Samples, random: np.random.Generator) -> Samples:
    """Each projection of an input (R, C, 3) turned about the direct beam by a random angle, linearly interpolated."""
    from scipy.ndimage import affine_transform

    inputs, *rest = sample
    centre = np.array(inputs.shape[:2]) // 2
    turned = np.empty_like(inputs)
    for view, angle in enumerate(random.uniform(0, 2 * np.pi, inputs.shape[-1])):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        turned[..., view] = affine_transform(inputs[..., view], turn, centre - turn @ centre, order=1)
    return (turned, *rest)


mirrored_and_permuted = Augmentation(
    lambda sample, random: permuted(mirrored(sample, random), random),
    lambda random: (turns(random), _order(random)),
    lambda stack, drawn: stack[drawn[1]],
    lambda xp, batch, drawn: mirrored_batch(xp, batch, drawn[0]),
)
"""Mirrored, and the projections in random order."""


def all_augmentations(sample: Samples, random: np.random.Generator) -> Samples:
    """Mirrored, permuted and rotated."""
    return rotated(mirrored_and_permuted(sample, random), random)
