"""The pool of buffers: memory is used again when nothing refers to it, and never before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sciml_datasets.models.batches import Batches
from sciml_datasets.models.cloudmask import RECIPES
from sciml_datasets.prepared.buffer_pool import BufferPool
from sciml_datasets.prepared.prepared import Prepared

FLOATS = np.dtype(np.float32)


def test_memory_is_used_again_for_arrays_of_its_size() -> None:
    pool = BufferPool()
    first = pool.empty((4, 5), FLOATS)
    place = first.ctypes.data
    del first
    assert pool.empty((3, 5), FLOATS).ctypes.data != place
    assert pool.empty((2, 10), FLOATS).ctypes.data == place


@pytest.mark.parametrize("kept", [lambda array: array[1:, 2], memoryview, lambda array: array.view(np.int32).T])
def test_whatever_is_made_of_an_array_keeps_its_memory(kept: object) -> None:
    pool = BufferPool()
    array = pool.empty((4, 5), FLOATS)
    place = array.ctypes.data
    assert callable(kept)
    held = kept(array)
    del array
    assert pool.empty((4, 5), FLOATS).ctypes.data != place
    del held
    assert pool.empty((4, 5), FLOATS).ctypes.data == place


def test_a_batch_that_is_kept_stays_as_it_was(data_dir: Path) -> None:
    recipe = RECIPES["cloudmask_demo"].with_settings({"batch_size": 1})
    batches = Batches(Prepared.open("cloudmask_demo", data_dir), recipe, seed=0)
    kept = [(inputs, inputs.copy()) for inputs, _, _ in batches.training(1)]
    assert len(kept) > 4
    for batch, copied in kept:
        np.testing.assert_array_equal(batch, copied)
