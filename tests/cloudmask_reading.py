"""Scenes of CloudMask read from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cloudmask_files import COLUMNS, ROWS, write_scene

from sciml_datasets.cloudmask.raw import Scenes
from sciml_datasets.raw_format import Example, Sample

NAME = "S3A_SL_1_RBT____20190612T004900_20190612T005200_20190612T030639_0179_045_359_1080_LN2_O_NR_003"
SCENES = Scenes(ROWS, COLUMNS)


def indexed(folder: Path) -> list[Sample]:
    return [sample for file in SCENES.files(folder) for sample in SCENES.index(folder, file)]


def read(path: Path) -> Example:
    """One scene file, read as a raw folder's only training scene would be."""
    sample = Sample("train", path.stem, path.name, "", 0, "", "")
    with SCENES.reader(path.parent) as read_sample:
        return read_sample(sample)


def read_changed(tmp_path: Path, **changes: Any) -> Example:
    return read(write_scene(tmp_path / f"{NAME}.hdf", **changes))
