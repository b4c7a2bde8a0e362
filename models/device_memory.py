"""A batch that does not fit into the memory of the device: one sentence that says which batch would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tree

from sciml_datasets.errors import InputError


def is_out_of_memory(error: Exception) -> bool:
    """Whether TensorFlow, or a library below it, asked for more memory than there is."""
    import tensorflow as tf

    return isinstance(error, tf.errors.ResourceExhaustedError) or "RESOURCE_EXHAUSTED" in str(error)


def largest_fitting(run: Callable[[Any], Any], batch: Any, multiple: int = 1) -> int:
    """The number of rows of the largest part of a batch, halved again and again, that a function can be run on; 0 where
    there is none.

    Args:
        run: function that has run out of memory on the whole batch.
        batch: arrays (N, ...).
        multiple: number that the number of rows must be a multiple of.
    """
    rows = len(tree.flatten(batch)[0])
    while (rows := rows // 2 // multiple * multiple) > 0:
        try:
            run(tree.map_structure(lambda array, rows=rows: array[:rows], batch))
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        else:
            return rows
    return 0


def does_not_fit(what: str, size: int, fits: int, error: Exception) -> InputError:
    """The sentence on a batch that is too large.

    Args:
        what: a clause that says what was done with it.
        size: number of samples of the batch, of all devices together.
        fits: number of samples that would fit; 0 where it is not known, or there is none.
        error: what TensorFlow raised.
    """
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    remedy = f"one of {fits} does: set batch_size={fits}" if fits else "set a smaller batch_size, or take more devices"
    return InputError(f"{what} a batch of {size} does not fit into the device's memory ({reason:.200}); {remedy}")
