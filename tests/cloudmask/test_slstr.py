"""From a Sentinel-3 product to a benchmark scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from slstr_files import COLUMNS, NAME, ROWS, write_nc, write_product

from sciml_datasets import InputError
from sciml_datasets.cloudmask.raw import Scenes
from sciml_datasets.cloudmask.slstr import bayes_bits, brightness_temperatures, convert, reflectances
from sciml_datasets.cloudmask.slstr_grids import averaged
from sciml_datasets.raw_format import Sample


@pytest.fixture
def sample() -> Path:
    """The real product of 27 August 2021, from a folder of public data beside the checkout."""
    folder = Path(__file__).parents[3] / "shared" / "data" / "cloudmask" / f"{NAME}.SEN3"
    if not folder.is_dir():
        pytest.skip(f"the real product {NAME}.SEN3 is not beside the checkout, in ../shared/data/cloudmask")
    return folder


# A product made by hand


def test_reflectance_is_pi_radiance_over_irradiance_and_cosine(tmp_path: Path) -> None:
    found = reflectances(write_product(tmp_path))
    assert found.shape == (ROWS, COLUMNS, 6)
    np.testing.assert_allclose(
        found[5, 5], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], rtol=5e-4
    )  # radiances come in steps of 0.01


def test_a_lower_sun_means_more_reflectance(tmp_path: Path) -> None:
    found = reflectances(write_product(tmp_path, zenith=75))
    assert found[5, 5, 0] == pytest.approx(0.1 * np.cos(np.radians(60)) / np.cos(np.radians(75)), rel=5e-4)


def test_by_night_there_is_no_reflectance(tmp_path: Path) -> None:
    assert np.isnan(reflectances(write_product(tmp_path, zenith=100))).all()


def test_fill_values_are_missing_and_never_numbers(tmp_path: Path) -> None:
    product = write_product(tmp_path)
    assert np.argwhere(np.isnan(reflectances(product)[..., 0])).tolist() == [[r, c] for r in (0, 1) for c in (0, 1, 2)]
    assert np.argwhere(np.isnan(brightness_temperatures(product)[..., 1])).tolist() == [[0, 0]]


def test_temperatures_are_scaled_and_offset(tmp_path: Path) -> None:
    np.testing.assert_allclose(brightness_temperatures(write_product(tmp_path))[3, 4], [283.73, 284.73, 285.73])


def test_two_by_two_pixels_are_averaged_as_far_as_they_are_there() -> None:
    fine = np.array([[1.0, 2, 10, np.nan], [3, 4, 20, 30], [np.nan, np.nan, 1, 1], [np.nan, np.nan, 1, 5]])
    np.testing.assert_array_equal(averaged(fine), [[2.5, 20], [np.nan, 2]])


def test_a_shift_of_the_grids_pairs_other_rows() -> None:
    fine = np.arange(4.0)[:, None] * np.ones((4, 2))
    np.testing.assert_array_equal(averaged(fine, (1, 0)), [[1.5], [3]])
    np.testing.assert_array_equal(averaged(fine, (-1, 0)), [[0], [1.5]])


def test_the_offsets_of_the_grids_decide_the_shift(tmp_path: Path) -> None:
    product = write_product(tmp_path, fine_start=40873)  # as in the real product, one row before twice the 1 km grid
    missing = np.isnan(reflectances(product)[..., 0])
    assert missing[0, :3].all()
    assert not missing[1].any()  # one of its two fine rows is there


def test_the_sun_zenith_angle_is_linear_between_tie_points(tmp_path: Path) -> None:
    product = write_product(tmp_path)
    ties = np.tile(np.linspace(0, 64.5, 130), (ROWS, 1))  # half a degree per tie point, 32 at the track
    write_nc(product / "geometry_tn.nc", "solar_zenith_tn", ties, (20437, 64))
    zenith = 32 + (np.arange(COLUMNS) - 20) / 16 * 0.5
    expected = 0.2 * np.cos(np.radians(60)) / np.cos(np.radians(zenith))
    np.testing.assert_allclose(reflectances(product)[9, :, 1], expected, rtol=5e-4)


def test_a_converted_product_is_a_scene_of_the_benchmark(tmp_path: Path) -> None:
    path = convert(write_product(tmp_path), tmp_path)
    assert path == tmp_path / f"{NAME}.hdf"
    with Scenes(ROWS, COLUMNS).reader(tmp_path) as read:
        example = read(Sample("test", NAME, path.name, "", 0, "", ""))
    assert example["cloud"].sum() == COLUMNS
    assert example["valid"].sum() == ROWS * COLUMNS - 6
    assert (example["day"], example["frame"]) == (1, 3060)


def test_missing_files_are_named(tmp_path: Path) -> None:
    product = write_product(tmp_path)
    (product / "S3_radiance_an.nc").unlink()
    (product / "geometry_tn.nc").unlink()
    with pytest.raises(InputError, match=r"\.SEN3: the product lacks S3_radiance_an\.nc, geometry_tn\.nc: fetch"):
        convert(product, tmp_path)
    assert not list(tmp_path.glob("*.hdf*"))


def test_a_missing_variable_is_named(tmp_path: Path) -> None:
    product = write_product(tmp_path)
    write_nc(product / "S8_BT_in.nc", "S8_BT_io", np.zeros((ROWS, COLUMNS)), (0, 0))
    with pytest.raises(InputError, match=r"S8_BT_in\.nc: S8_BT_in is missing"):
        convert(product, tmp_path)


def test_a_product_or_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.SEN3: there is no such folder"):
        convert(tmp_path / "nowhere.SEN3", tmp_path)
    with pytest.raises(FileNotFoundError) as raised:
        convert(write_product(tmp_path), tmp_path / "no" / "scene.hdf")
    assert raised.value.filename == str(tmp_path / "no" / "scene.hdf")


def test_an_existing_scene_is_kept(tmp_path: Path) -> None:
    product = write_product(tmp_path)
    convert(product, tmp_path)
    with pytest.raises(InputError, match=r"\.hdf exists: remove it or choose another name"):
        convert(product, tmp_path)


def test_a_folder_that_is_no_product_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not the name of a granule"):
        convert(tmp_path, tmp_path)


# The real product


def test_temperatures_of_the_real_product(sample: Path) -> None:
    kelvin = brightness_temperatures(sample)
    assert kelvin.shape == (1200, 1500, 3)
    assert np.isnan(kelvin).mean(axis=(0, 1)) == pytest.approx([66179 / 1_800_000] * 3)
    # Kelvin by the product's own scale (0.01) and offset (283.73); minima and maxima of the stored integers.
    assert np.nanmin(kelvin, axis=(0, 1)) == pytest.approx([255.52, 210.10, 209.73])
    assert np.nanmax(kelvin, axis=(0, 1)) == pytest.approx([312.91, 324.68, 321.13])


def test_bits_of_the_real_product(sample: Path) -> None:
    bits = bayes_bits(sample)
    assert bits.shape == (1200, 1500, 1)
    assert {int(value): int(count) for value, count in zip(*np.unique(bits, return_counts=True), strict=True)} == {
        0: 1_683_833,
        2: 116_167,
    }
    assert not bits[np.isnan(brightness_temperatures(sample)).any(axis=-1)].any()


def test_what_the_sample_lacks_is_named(sample: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the product lacks S1_radiance_an\.nc, S1_quality_an\.nc, S2_rad"):
        convert(sample, tmp_path)
