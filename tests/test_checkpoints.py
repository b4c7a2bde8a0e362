"""Checkpoints: what was saved comes back, and a damaged file is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sciml_datasets import InputError
from sciml_datasets.models.checkpoints import Progress, restore, save


class Variable:
    """As much of a framework's variable as a checkpoint needs."""

    def __init__(self, value: np.ndarray) -> None:
        self.value, self.shape = value, value.shape

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.value

    def assign(self, value: np.ndarray) -> None:
        self.value = value


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_bit_that_rotted_is_told_or_changes_nothing(tmp_path: Path, place: float, bit: int) -> None:
    path = tmp_path / "checkpoint.npz"
    save(path, Progress(epoch=3), [Variable(np.arange(9.0)), Variable(np.ones((2, 3)))])
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    found = [Variable(np.zeros(9)), Variable(np.zeros((2, 3)))]
    try:
        progress = restore(path, found)
    except InputError as error:
        told = str(error)
    else:
        told = str(path)
        assert progress.epoch == 3
        np.testing.assert_array_equal(found[0].value, np.arange(9.0))
        np.testing.assert_array_equal(found[1].value, np.ones((2, 3)))
    assert told.startswith(str(path))
    assert "\n" not in told


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_checkpoint_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"is damaged .*: remove it to start over"):
        restore(path, [])


def test_trouble_of_the_machine_is_no_damaged_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.npz").mkdir()
    with pytest.raises(IsADirectoryError):
        restore(tmp_path / "checkpoint.npz", [])
