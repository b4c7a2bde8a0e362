"""Keras models from files of others: a sentence, whatever the archive holds."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from sciml_datasets import InputError
from sciml_datasets.models.networks import load_network

EVAL = json.dumps({"module": "builtins", "class_name": "eval", "config": "1", "registered_name": None})


def archive(path: Path, config: str, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("metadata.json", json.dumps({"keras_version": "3.0.0", "date_saved": ""}))
        file.writestr("config.json", config)
        file.writestr("model.weights.h5", b"")
    return path


@pytest.mark.parametrize("config", ["", "null", "[1]", "[" * 100_000, EVAL])
def test_what_describes_no_model_is_refused(tmp_path: Path, config: str) -> None:
    with pytest.raises(InputError, match=r"model\.keras cannot be loaded as a Keras model without running its code"):
        load_network(archive(tmp_path / "model.keras", config))


def test_an_archive_that_may_inflate_to_any_size_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.keras", " " * 100_000, zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match=r"model\.keras holds what is compressed: save it again with Keras"):
        load_network(path)


def test_an_archive_with_a_damaged_byte_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.keras", json.dumps({"class_name": "Sequential"}))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"Sequential", b"Sequentiel"))
    with pytest.raises(InputError, match=r"model\.keras cannot be loaded .*Bad CRC-32"):
        load_network(path)
