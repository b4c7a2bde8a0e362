"""Pictures of CloudMask scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cloudmask_files import COLUMNS, ROWS, granule, scene, write_scene

from sciml_datasets.cloudmask.pictures import contact_sheet, false_colour
from sciml_datasets.cloudmask.raw import Scenes
from sciml_datasets.raw_format import Sample


def example(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    path = write_scene(tmp_path / f"{granule()}.hdf", **changes)
    with Scenes(ROWS, COLUMNS).reader(tmp_path) as read:
        return read(Sample("test", path.stem, path.name, "", 0, "", ""))


@pytest.mark.parametrize("predicted", [False, True])
def test_a_picture_of_day_and_night_is_drawn(tmp_path: Path, predicted: bool) -> None:
    night = np.full((ROWS, COLUMNS, 6), np.nan, np.float32)
    samples = [example(tmp_path), example(tmp_path, refs=night, bayes=np.zeros((ROWS, COLUMNS, 1), np.uint8))]
    probabilities = [np.full((ROWS, COLUMNS), 0.7)] * 2 if predicted else None
    contact_sheet(samples, tmp_path / "scenes.png", probabilities)
    assert (tmp_path / "scenes.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_says_what_its_colours_and_axes_are(tmp_path: Path) -> None:
    contact_sheet([example(tmp_path)], tmp_path / "scenes.svg", [np.full((ROWS, COLUMNS), 0.7)])
    drawn = (tmp_path / "scenes.svg").read_text()
    for text in ("km", "S5 1.61 µm", "outline of cloud", "missed cloud", "false cloud", "brightness temperature, K"):
        assert f"<!-- {text} -->" in drawn


def test_colours_are_in_range_and_invalid_pixels_black(tmp_path: Path) -> None:
    bts = scene()["bts"]
    bts[3, 4] = np.nan
    colour = false_colour(example(tmp_path, bts=bts))
    assert colour.shape == (ROWS, COLUMNS, 3)
    assert (colour[3, 4] == 0).all()
    assert 0 <= colour.min() < colour.max() <= 1
