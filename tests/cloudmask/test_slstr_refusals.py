"""Products that make no scene, and odd attributes that do not matter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from slstr_files import COLUMNS, FILL, NAME, REPROCESSED, ROWS, change, scene_of, write_nc, write_product

from sciml_datasets import InputError
from sciml_datasets.cloudmask.raw import Scenes
from sciml_datasets.cloudmask.slstr import convert
from sciml_datasets.raw_format import Sample

Change = Callable[[Path], None]


def refused(product: Path, message: str) -> None:
    """Make sure that a product is refused in one sentence, and that no file is left."""
    with pytest.raises(InputError, match=message) as raised:
        convert(product, product.parent / "scene.hdf")
    assert "\n" not in str(raised.value)
    assert str(product) in str(raised.value)
    assert not list(product.parent.glob("scene*"))


def of_radiances(**attributes: Any) -> Change:
    def act(product: Path) -> None:
        for path in product.glob("*_radiance_an.nc"):
            change(path, **attributes)

    return act


def of_temperatures(attribute: str, first: Any, second: Any) -> Change:
    """S7 and S8 say different things."""

    def act(product: Path) -> None:
        change(product / "S7_BT_in.nc", **{attribute: first})
        change(product / "S8_BT_in.nc", **{attribute: second})

    return act


def of(file: str, variable: str = "", values: Any = None, **attributes: Any) -> Change:
    return lambda product: change(product / file, variable, values, **attributes)


def irradiance(*detectors: float) -> Change:
    return of("S2_quality_an.nc", "S2_solar_irradiance_an", np.array(detectors))


def bits(values: Any, **attributes: Any) -> Change:
    return of("flags_in.nc", "bayes_in", np.broadcast_to(values, (ROWS, COLUMNS)), **attributes)


def unpacked(channel: str, kind: str, value: float) -> Change:
    """A channel that has one value throughout, as a float without attributes."""
    size = 2 if kind == "radiance_an" else 1
    values = np.full((size * ROWS, size * COLUMNS), value)
    file = f"{channel}_{kind}.nc"
    return of(file, f"{channel}_{kind}", values, scale_factor=None, add_offset=None, _FillValue=None)


S7 = "S7_BT_in.nc", "S7_BT_in"
RADIANCE = 0.1 * 1000 * np.cos(np.radians(60)) / np.pi
DEFECTS: dict[str, tuple[Change, str]] = {
    "radiances without offsets": (
        of_radiances(start_offset=None, track_offset=None),
        r"S1_radiance_an\.nc: the attribute start_offset, the place of its pixels, is missing",
    ),
    "offsets of another place": (
        of_radiances(start_offset=[np.int32(40000)]),
        r"start_offset 40000 and track_offset 40, which does not fit the 1 km grid, 24 x 48 pixels, start_offset 20437",
    ),
    "columns of another place": (of_radiances(track_offset=[np.int32(43)]), "track_offset 43.* does not fit the 1 km"),
    "an offset of half a pixel": (of_radiances(start_offset=[40874.5]), r"start_offset is 40874\.5, expected a whole"),
    "an offset beyond all orbits": (
        of_radiances(track_offset=np.uint64(2**64 - 1)),
        "expected a whole number up to 1,000,",
    ),
    "temperatures of another place": (of("S9_BT_in.nc", start_offset=[np.int32(20438)]), "S9_BT_in has 24 x 48 pixels"),
    "mask without offsets": (of("flags_in.nc", track_offset=None), r"flags_in\.nc: the attribute track_offset"),
    "angles of another place": (of("geometry_tn.nc", start_offset=[np.int32(2)]), r"geometry_tn\.nc: its image has"),
    "irradiance of 0": (irradiance(1000, 0, 1000, 1000), "S2_solar_irradiance_an is 0 to 1000, expected 20 to 3000"),
    "irradiance below 0": (irradiance(-1000), "S2_solar_irradiance_an is -1000 to -1000, expected"),
    "no irradiance": (irradiance(np.nan, np.nan), "S2_solar_irradiance_an is missing, expected"),
    "no detector": (irradiance(), "S2_solar_irradiance_an is missing, expected"),
    "irradiance in another unit": (irradiance(1.5, 1.5), "S2_solar_irradiance_an is 1.5 to 1.5, expected"),
    "infinite irradiance": (irradiance(np.inf), "S2_solar_irradiance_an holds the value inf, expected a finite"),
    "bits below 0": (bits(np.int16(-1)), "bayes_in holds -1, expected 8 bits"),
    "bits beyond a byte": (bits(np.uint16(256)), "bayes_in holds 256, expected 8 bits"),
    "bits as fractions": (bits(1.0), "bayes_in is float64, expected integers"),
    "bits with a scale": (of("flags_in.nc", "bayes_in", scale_factor=[2.0]), "bayes_in has a scale or an offset"),
    "no label": (
        bits(np.uint8(255), _FillValue=[np.uint8(255)]),
        "no pixel has values in all channels and a label",
    ),
    "an empty channel": (of(*S7, np.full((ROWS, COLUMNS), FILL, np.int16)), "S7 has no value up to 400 kelvin"),
    "an empty channel by day": (
        of("S4_radiance_an.nc", "S4_radiance_an", np.full((2 * ROWS, 2 * COLUMNS), FILL, np.int16)),
        "S4 has no value though the sun is up",
    ),
    "a day in the dark": (
        of("S1_radiance_an.nc", "S1_radiance_an", np.full((2 * ROWS, 2 * COLUMNS), -9990, np.int16)),
        "the sun is up in more than half of the pixels, but S1 has no reflectances of a day there",
    ),
    "no sun zenith angles": (
        of("geometry_tn.nc", "solar_zenith_tn", np.full((ROWS, 130), np.nan)),
        r"geometry_tn\.nc: no sun zenith angle for half of the pixels",
    ),
    "zenith angles in radians": (of("geometry_tn.nc", "solar_zenith_tn", units="radian"), "in 'radian', expected degr"),
    "zenith angles below 0": (
        of("geometry_tn.nc", "solar_zenith_tn", np.full((ROWS, 130), -5.0)),
        "-5 to -5, expected",
    ),
    "another spacing of ties": (
        of("geometry_tn.nc", resolution="[ 0 0 ]"),
        r"resolution is '\[ 0 0 \]', expected \[ 16",
    ),
    "temperatures in Celsius": (
        of("S8_BT_in.nc", "S8_BT_in", add_offset=[10.0]),
        "bts are 11 at most, expected kelvin",
    ),
    "radiances of per cent": (
        of("S1_radiance_an.nc", "S1_radiance_an", np.full((2 * ROWS, 2 * COLUMNS), 30000, np.int16)),
        "half of the reflectances of S1 are above 2.5.*, expected 1 for white",
    ),
    "temperatures of S7 in Celsius": (of(*S7, add_offset=[10.0]), "bts are 10 at most, expected kelvin in S7"),
    "temperatures without an offset": (
        of("S9_BT_in.nc", "S9_BT_in", add_offset=None),
        "bts are 2 at most, expected kelvin in S9",
    ),
    "temperatures of 100 kelvin": (unpacked("S7", "BT_in", 100.0), "bts are 100 at most, expected kelvin in S7"),
    "temperatures as stored": (
        unpacked("S9", "BT_in", -3000.0),
        "S9 has no value up to 400 kelvin",
    ),
    **{
        f"reflectances of {channel} thirty times too large": (
            unpacked(channel, "radiance_an", 30 * RADIANCE),
            f"half of the reflectances of {channel} are above {3 * number}, expected 1 for white",
        )
        for number, channel in enumerate(("S1", "S2", "S3", "S4", "S5", "S6"), start=1)
    },
    "reflectances far below 0": (
        unpacked("S3", "radiance_an", -30 * RADIANCE),
        "half of the reflectances of S3 are below -9, expected 0 for black",
    ),
    "a channel of 0 by day": (
        unpacked("S3", "radiance_an", 0.0),
        "the refs of S3 are missing throughout, expected reflectances of a day",
    ),
    "a scale in words": (of(*S7, scale_factor=["n/a"]), "scale_factor does not hold a number"),
    "a scale of 0": (of(*S7, scale_factor=[0.0]), "scale_factor is 0 and add_offset 283.73, expected finite"),
    "a scale of NaN": (of(*S7, scale_factor=[np.nan]), "scale_factor is nan"),
    "an infinite offset": (of(*S7, add_offset=[np.inf]), "add_offset inf"),
    "an empty scale": (of(*S7, scale_factor=h5py.Empty("f8")), "scale_factor is empty, expected a number"),
    "two scales": (of(*S7, scale_factor=[0.01, 0.02]), "scale_factor does not hold one value"),
    "two fill values": (of(*S7, _FillValue=np.array([1, 2], np.int16)), "_FillValue does not hold one number"),
    "a fill value in words": (of(*S7, _FillValue="none"), "_FillValue is 'none', expected a number"),
    "a fill value of another type": (
        of(*S7, _FillValue=[np.int32(70000)]),
        "_FillValue is 70000, which int16 cannot hold",
    ),
    "an empty fill value": (of(*S7, _FillValue=h5py.Empty("i2")), "_FillValue does not hold one number"),
    "a range of one number": (of(*S7, valid_range=[np.int16(3)]), "valid_range does not hold two numbers"),
    "a limit of NaN": (of(*S7, valid_max=[np.nan]), "a limit of its values is NaN"),
    "a sign in words": (of(*S7, _Unsigned="perhaps"), "_Unsigned is 'perhaps', expected true or false"),
    "another shape": (of(*S7, np.zeros((ROWS - 1, COLUMNS), np.int16)), "S7_BT_in has 23 x 48 pixels"),
    "three axes": (
        of(*S7, np.zeros((1, ROWS, COLUMNS), np.int16)),
        r"has the shape \(1, 24, 48\), expected \(any, any\)",
    ),
    "an empty image": (of("S1_radiance_an.nc", "S1_radiance_an", np.zeros((0, 0), np.int16)), "expected an image"),
    "a mask larger than any": (
        of("flags_in.nc", "bayes_in", np.zeros((2048, 1025), np.uint8)),
        r"bayes_in has the shape \(2048, 1025\), expected an image of a product",
    ),
    "more detectors than any": (
        of("S1_quality_an.nc", "S1_solar_irradiance_an", np.full(1001, 1000.0)),
        r"S1_solar_irradiance_an has the shape \(1001,\), expected a value a detector",
    ),
    "a fill value of 400 digits": (
        of(*S7, _FillValue="9" * 400),
        r"_FillValue is '9{200}'..., expected a number that a variable can hold",
    ),
    "text": (of(*S7, np.full((ROWS, COLUMNS), b"x")), r"S7_BT_in is \|S1, expected numbers"),
    "infinite temperatures": (of(*S7, np.full((ROWS, COLUMNS), 1e300)), "S7_BT_in holds the value 1e\\+298, expected"),
    "files of two products": (
        of_temperatures("product_name", f"{NAME}.SEN3", f"{NAME[:-1]}5.SEN3"),
        r"S7_BT_in\.nc and .*S8_BT_in\.nc are of two products: their product_name is S3A",
    ),
    "files of two orbits": (
        of_temperatures("absolute_orbit_number", [np.uint32(28783)], [np.uint32(28784)]),
        "are of two products: their absolute_orbit_number is 28783 and 28784",
    ),
    "a folder of another name": (
        of("S7_BT_in.nc", product_name=f"{REPROCESSED}.SEN3"),
        f"by its files the product is {REPROCESSED}",
    ),
    "a file of another time": (
        of("S7_BT_in.nc", start_time="2021-08-27T07:46:36.1Z"),
        "started at .* but the product at",
    ),
    "a unit that does not show": (
        of("geometry_tn.nc", "solar_zenith_tn", units="\u202e\n"),
        r"solar_zenith_tn is in '\\u202e\\n', expected degrees",
    ),
    "a time that is none": (
        of("S7_BT_in.nc", start_time="this morning"),
        "start_time is 'this morning', expected a time",
    ),
}


@pytest.mark.parametrize(("defect", "message"), DEFECTS.values(), ids=DEFECTS.keys())
def test_a_product_that_makes_no_scene_is_refused(tmp_path: Path, defect: Change, message: str) -> None:
    product = write_product(tmp_path)
    defect(product)
    refused(product, message)


@pytest.mark.parametrize(
    ("dtype", "unwritten"),
    [("i2", -32767), (">i2", -32767), ("u2", 2**16 - 1), ("i4", 1 - 2**31), ("u4", 2**32 - 1), ("i8", 2 - 2**63),
     ("u8", 2**64 - 2), ("f4", 9.9692099683868690e36), ("f8", 9.9692099683868690e36)],
)  # fmt: skip
def test_what_the_library_puts_where_nothing_was_written_is_missing(
    tmp_path: Path, dtype: str, unwritten: float
) -> None:
    product = write_product(tmp_path)
    raw = np.full((ROWS, COLUMNS), 300, dtype)
    raw[3, 4] = unwritten
    change(product / "S7_BT_in.nc", "S7_BT_in", raw, scale_factor=None, add_offset=None, _FillValue=None)
    assert np.argwhere(np.isnan(scene_of(product)["bts"][..., 0])).tolist() == [[3, 4]]


def test_a_declared_fill_value_takes_the_place_of_the_librarys(tmp_path: Path) -> None:
    product = write_product(tmp_path)
    raw = np.zeros((ROWS, COLUMNS), np.int16)
    raw[3, 4] = -32767
    change(product / "S7_BT_in.nc", "S7_BT_in", raw, scale_factor=[0.001])
    assert scene_of(product)["bts"][3, 4, 0] == pytest.approx(283.73 - 32.767)


def test_bytes_have_no_number_for_what_was_not_written(tmp_path: Path) -> None:
    product = write_product(tmp_path)
    values = np.zeros((ROWS, COLUMNS), np.uint8)
    values[7, 9] = 255
    change(product / "flags_in.nc", "bayes_in", values)
    assert scene_of(product)["bayes"][7, 9, 0] == 255


def test_one_irradiance_for_all_detectors_may_have_no_axis(tmp_path: Path) -> None:
    product = write_product(tmp_path)
    before = scene_of(product)["refs"]
    (tmp_path / "scene.hdf").unlink()
    change(product / "S1_quality_an.nc", "S1_solar_irradiance_an", 1000.0)
    np.testing.assert_allclose(scene_of(product)["refs"], before, rtol=1e-6)


@pytest.mark.parametrize("fill", ["-32768", np.int64(FILL), -32768.0, np.array([FILL], ">i2")])
def test_a_fill_value_of_any_type_counts_as_the_number_that_it_says(tmp_path: Path, fill: Any) -> None:
    product = write_product(tmp_path)
    change(product / "S7_BT_in.nc", "S7_BT_in", _FillValue=fill)
    assert np.argwhere(np.isnan(scene_of(product)["bts"][..., 0])).tolist() == [[0, 0]]


def test_missing_values_and_values_beyond_the_limits_are_missing(tmp_path: Path) -> None:
    product = write_product(tmp_path)
    raw = np.zeros((ROWS, COLUMNS), np.int16)
    raw[3, :6] = [7, 8, 101, -101, 5000, FILL]
    change(product / "S7_BT_in.nc", "S7_BT_in", raw, missing_value=np.array([7, 8], np.int16),
           valid_range=np.array([-100, 100], np.int16), valid_max=300.0)  # fmt: skip
    assert np.argwhere(np.isnan(scene_of(product)["bts"][..., 0])).tolist() == [[3, column] for column in range(6)]


def test_unsigned_numbers_in_a_signed_variable(tmp_path: Path) -> None:
    product = write_product(tmp_path)
    raw = np.full((ROWS, COLUMNS), 30000, np.uint16)
    raw[2, 3], raw[2, 4] = 40000, 65535
    write_nc(product / "S7_BT_in.nc", "S7_BT_in", raw.view(np.int16), (20437, 20), scale_factor=0.01,
             _Unsigned=b"true", _FillValue=np.int16(-1))  # fmt: skip
    kelvin = scene_of(product)["bts"][..., 0]
    assert kelvin[0, 0] == pytest.approx(300)
    assert kelvin[2, 3] == pytest.approx(400)
    assert np.isnan(kelvin[2, 4])


def test_a_pixel_without_bits_has_no_label(tmp_path: Path) -> None:
    product = write_product(tmp_path)
    values = np.zeros((ROWS, COLUMNS), np.uint8)
    values[7, 9], values[8, 9] = 255, 3
    change(product / "flags_in.nc", "bayes_in", values, _FillValue=[np.uint8(255)])
    path = convert(product, tmp_path)
    with Scenes(ROWS, COLUMNS).reader(tmp_path) as read:
        example = read(Sample("test", NAME, path.name, "", 0, "", ""))
    assert (example["valid"][7, 9], example["valid"][8, 9]) == (0, 1)
    assert np.argwhere(example["cloud"]).tolist() == [[8, 9]]


def test_a_detector_that_is_missing_leaves_the_mean_of_the_others(tmp_path: Path) -> None:
    product = write_product(tmp_path)
    before = scene_of(product)["refs"]
    (tmp_path / "scene.hdf").unlink()
    irradiance(500, np.nan, 500, 500)(product)
    np.testing.assert_allclose(scene_of(product)["refs"], before, rtol=1e-6)


def test_a_product_of_the_night_needs_no_radiances(tmp_path: Path) -> None:
    product = write_product(tmp_path, zenith=100)
    for path in product.glob("*_radiance_an.nc"):
        with h5py.File(path, "w") as file:  # as where nothing was written
            file.create_dataset(path.stem, (2 * ROWS, 2 * COLUMNS), "i2", chunks=(8, 8), fillvalue=FILL)
    scene = scene_of(product)
    assert np.isnan(scene["refs"]).all()
    assert np.isfinite(scene["bts"]).sum() == 3 * (ROWS * COLUMNS - 1)


def test_a_limit_of_the_file_size_leaves_no_scene(tmp_path: Path) -> None:
    product = write_product(tmp_path)
    command = f'ulimit -f 20; exec "{sys.executable}" -m sciml_datasets.cli.main convert slstr "$1" --out "$2"'
    run = subprocess.run(
        ["bash", "-c", command, "bash", product, tmp_path / "scene.hdf"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert run.stderr.startswith(f"sciml convert: {tmp_path / 'scene.hdf'}: File too large")
    assert run.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [product.name]
