"""Units of the numbers of a scene: kelvin and reflectances in each channel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from cloudmask_files import COLUMNS, ROWS, scene, write_scene
from cloudmask_reading import NAME, read, read_changed

from sciml_datasets import InputError


def test_celsius_and_per_cent_are_named(tmp_path: Path) -> None:
    celsius, percent = scene()["bts"] - np.float32(273.15), scene()["refs"] * 100
    with pytest.raises(InputError, match=r"bts are .* at most, expected kelvin"):
        read_changed(tmp_path, bts=celsius)
    with pytest.raises(InputError, match=r"expected 1 for white, not per cent"):
        read_changed(tmp_path, refs=percent)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (
            {"bts": np.random.default_rng(0).integers(-8000, 3000, (ROWS, COLUMNS, 3), "i2")},
            "bts are not from 0 to 400",
        ),
        ({"refs": np.random.default_rng(0).integers(101, 9000, (ROWS, COLUMNS, 6), "i2")}, "refs are above 100"),
    ],
)
def test_stored_integers_are_no_kelvin_and_no_reflectance(tmp_path: Path, changes: dict[str, Any], match: str) -> None:
    path = write_scene(tmp_path / f"{NAME}.hdf", **changes)
    with pytest.raises(
        InputError, match=rf"{NAME}.hdf: more than half of the {match}, expected .*, not stored integers"
    ):
        read(path)


def test_packed_numbers_are_stored_as_the_values_that_they_mean(tmp_path: Path) -> None:
    made = scene()
    path = write_scene(tmp_path / f"{NAME}.hdf", bts=np.round((made["bts"] - 283.73) / 0.01).astype(np.int16))
    with h5py.File(path, "a") as file:
        file["bts"].attrs.update({"scale_factor": 0.01, "add_offset": 283.73, "_FillValue": np.int16(-32768)})
        file["bts"][2, 3, 1] = -32768
        file["refs"].attrs["_FillValue"] = np.float32(np.nan)
        file["bayes"].attrs["_FillValue"] = np.uint8(3)
    example = read(path)
    expected = made["bts"].copy()
    expected[2, 3, 1] = np.nan
    np.testing.assert_allclose(example["brightness_temperature"], expected, atol=0.006)
    np.testing.assert_array_equal(example["reflectance"], made["refs"])
    labelled = made["bayes"][..., 0] != 3
    labelled[2, 3] = False
    np.testing.assert_array_equal(example["valid"].view(bool), labelled)


def with_channel(name: str, channel: int, change: Callable[[np.ndarray], Any]) -> dict[str, np.ndarray]:
    """One of the scene's arrays with a changed channel."""
    values = scene()[name]
    values[..., channel] = change(values[..., channel])
    return {name: values}


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_kelvin_are_expected_in_each_channel(tmp_path: Path, channel: int) -> None:
    message = f"expected kelvin in S{channel + 7}"
    with pytest.raises(InputError, match=f"bts are .* at most, {message}"):
        read_changed(tmp_path, **with_channel("bts", channel, lambda kelvin: kelvin - 273.15))
    with pytest.raises(InputError, match=f"more than half of the bts are below 150, {message}"):
        read_changed(tmp_path, **with_channel("bts", channel, lambda kelvin: np.where(kelvin > 290, kelvin, 100)))
    with pytest.raises(InputError, match=f"more than half of the bts are not from 0 to 400, {message}"):
        read_changed(tmp_path, **with_channel("bts", channel, lambda kelvin: kelvin * 100))


@pytest.mark.parametrize("channel", range(6))
def test_reflectances_are_expected_in_each_channel(tmp_path: Path, channel: int) -> None:
    name = f"S{channel + 1}"
    with pytest.raises(InputError, match=f"half of the reflectances of {name} are above .*, expected 1 for white"):
        read_changed(tmp_path, **with_channel("refs", channel, lambda light: light * 30))
    with pytest.raises(InputError, match=f"refs are above 100, expected 1 for white in {name}"):
        read_changed(tmp_path, **with_channel("refs", channel, lambda light: light * 10000))


@pytest.mark.parametrize("missing", [0, np.nan, -32768])
@pytest.mark.parametrize("channel", range(6))
def test_a_channel_without_a_value_by_day_is_named(tmp_path: Path, channel: int, missing: float) -> None:
    with pytest.raises(InputError, match=f"the refs of S{channel + 1} are missing throughout, expected reflectances"):
        read_changed(tmp_path, **with_channel("refs", channel, lambda _: missing))


def test_a_channel_that_is_missing_in_the_pixels_asked_alone_is_taken(tmp_path: Path) -> None:
    values = scene()["refs"]
    values[::8, ::8, 2] = 0
    assert read_changed(tmp_path, refs=values)["day"] == 1
