"""Files that appear under their names when they are whole."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from sciml_datasets import InputError
from sciml_datasets.appearing import appearing
from sciml_datasets.metrics.predictions import read_predictions, write_predictions


@pytest.mark.parametrize("unique", [False, True])
def test_a_file_appears_when_the_block_ends(tmp_path: Path, unique: bool) -> None:
    path = tmp_path / "a.json"
    with appearing(path, unique=unique) as temporary:
        temporary.write_text("{}")
        assert not path.exists()
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_failed_block_keeps_the_file_that_was_there_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("before")

    def write_half() -> None:
        with appearing(path) as temporary:
            temporary.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space") as raised:
        write_half()
    assert raised.value.filename == str(path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["before"]


def test_predictions_that_cannot_fit_are_not_begun(tmp_path: Path) -> None:
    batch = ["a"], np.zeros((1, 1000), np.float32)
    with pytest.raises(OSError, match=r"p\.h5") as raised:
        write_predictions(tmp_path / "p.h5", 10**12, iter([batch]))
    assert raised.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())


def test_no_predictions_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"p\.h5: there are no predictions"):
        write_predictions(tmp_path / "p.h5", 0, [])
    assert not list(tmp_path.iterdir())


def test_predictions_are_read_as_they_were_written(tmp_path: Path) -> None:
    batches = [(["a", "b"], np.ones((2, 3), np.float32)), (["c"], np.zeros((1, 3), np.float32))]
    write_predictions(tmp_path / "p.h5", 3, iter(batches))
    ids, values = zip(*read_predictions(tmp_path / "p.h5"), strict=True)
    assert np.concatenate(ids).tolist() == [b"a", b"b", b"c"]
    np.testing.assert_array_equal(np.concatenate(values), [[1, 1, 1], [1, 1, 1], [0, 0, 0]])
