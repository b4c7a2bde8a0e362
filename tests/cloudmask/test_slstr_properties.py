"""Products of any types, layouts and grids: the scene has the values of their files, or the product is refused."""

from __future__ import annotations

import math
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slstr_files import NAME, write_product

from sciml_datasets import InputError
from sciml_datasets.cloudmask.slstr import convert
from sciml_datasets.cloudmask.validity import is_day

ROWS, COLUMNS = 8, 16
START, TRACK = 20437, 6
REFLECTIVE, THERMAL = ("S1", "S2", "S3", "S4", "S5", "S6"), ("S7", "S8", "S9")
ZENITH, SUN = 60.0, 1000.0


@dataclass(frozen=True)
class Form:
    """The storage of numbers between two limits.

    Attributes:
        dtype: type in the file.
        packed: whether by scale and offset.
        fill: number that stands for none, as it is written; None for no such attribute.
        as_unsigned: whether the numbers are unsigned though the type is not.
        layout: layout of the data set.
    """

    dtype: str
    packed: bool
    fill: str | None
    as_unsigned: bool
    layout: str


@st.composite
def forms(draw: st.DrawFn) -> Form:
    dtype = draw(st.sampled_from(["<i2", ">i2", "i1", "u1", "<u2", ">i4", "<u4", "<i8", "<f4", ">f4", "<f8"]))
    return Form(
        dtype,
        packed=np.dtype(dtype).kind in "iu" or draw(st.booleans()),
        fill=draw(st.sampled_from([None, "_FillValue", "missing_value", "text"])),
        as_unsigned=np.dtype(dtype).kind == "i" and draw(st.booleans()),
        layout=draw(st.sampled_from(["contiguous", "gzip", "shuffle", "fletcher32", "lzf", "compact"])),
    )


def write(path: Path, name: str, truth: np.ndarray, low: float, high: float, form: Form, *offsets: int) -> np.ndarray:
    """Store numbers between two limits, missing where NaN, in some form; return the numbers that this form can hold."""
    dtype = np.dtype(form.dtype)
    logical = np.dtype(f"u{dtype.itemsize}") if form.as_unsigned else dtype.newbyteorder("=")
    least = 1 if logical.kind == "u" else -100
    scale, offset = ((high - low) / 200, low - least * (high - low) / 200) if form.packed else (1.0, 0.0)
    fill = {"u": np.iinfo(logical).max, "i": np.iinfo(logical).min}[logical.kind] if logical.kind in "iu" else -9e9
    steps = (truth - offset) / scale
    steps = steps if logical.kind == "f" else np.round(steps)
    missing = np.isnan(truth)
    if form.fill is None and logical.kind in "iu":
        missing[...] = False  # and none of them is the number of unwritten ones
    numbers = np.nan_to_num(steps).astype(logical)
    numbers[missing] = fill if form.fill else np.nan if logical.kind == "f" else 0
    raw = numbers.view(dtype.newbyteorder("=")).astype(dtype)
    options: dict[str, Any] = {
        "contiguous": {},
        "gzip": {"compression": "gzip", "chunks": (5, 7)},
        "shuffle": {"compression": "gzip", "shuffle": True, "chunks": (3, 16)},
        "fletcher32": {"fletcher32": True, "chunks": (8, 8)},
        "lzf": {"compression": "lzf", "chunks": (4, 4)},
        "compact": {},
    }[form.layout]
    with h5py.File(path, "w") as file:
        if form.layout == "compact":
            made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            made.set_layout(h5py.h5d.COMPACT)
            space = h5py.h5s.create_simple(raw.shape)
            h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(dtype), space, made).write(
                h5py.h5s.ALL, h5py.h5s.ALL, raw
            )
        else:
            file.create_dataset(name, data=raw, **options)
        attributes = file[name].attrs
        if form.packed:
            attributes["scale_factor"], attributes["add_offset"] = np.array([scale]), offset
        if form.as_unsigned:
            attributes["_Unsigned"] = "true"
        if form.fill:
            number = logical.type(fill)
            attributes["_FillValue" if form.fill == "text" else form.fill] = (
                str(number) if form.fill == "text" else number
            )
        file.attrs["start_offset"], file.attrs["track_offset"] = (np.array([value], np.int32) for value in offsets)
        file.attrs["resolution"] = "[ 16000 1000 ]"
    reported = np.where(missing, np.nan, numbers.astype(float) * scale + offset)
    return np.asarray(reported)


def outcome(product: Path, scene: Path) -> Path | str:
    """The scene, or the sentence that refuses the product."""
    try:
        return convert(product, scene)
    except InputError as error:
        return str(error)


def mean_of_pixels(fine: np.ndarray, start: int, track: int, row: int, column: int) -> float:
    """The mean of the 500 m pixels whose place since the beginning of the orbit is in a 1 km pixel of the image."""
    found = []
    for place in (2 * (START + row) + i for i in range(2)):
        for across in (2 * (column - TRACK) + i for i in range(2)):
            y, x = place - start, across + track
            if 0 <= y < fine.shape[0] and 0 <= x < fine.shape[1] and not math.isnan(fine[y, x]):
                found.append(fine[y, x])
    return sum(found) / len(found) if found else math.nan


@settings(max_examples=150)
@given(st.data())
def test_a_scene_is_what_the_files_of_the_product_say(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    down, right = data.draw(st.tuples(st.integers(-3, 3), st.integers(-3, 3)))
    fine_shape = 2 * ROWS + data.draw(st.integers(-2, 3)), 2 * COLUMNS
    start, track = 2 * START - down, 2 * TRACK - right
    plain = Form("<f8", packed=False, fill=None, as_unsigned=False, layout="contiguous")
    form, other = data.draw(forms()), data.draw(forms())
    with tempfile.TemporaryDirectory() as folder:
        product = Path(folder) / f"{NAME}.SEN3"
        product.mkdir()
        expected = np.full((ROWS, COLUMNS, 6), np.nan)
        for i, channel in enumerate(REFLECTIVE):
            radiance = rng.uniform(20, 90, fine_shape)
            radiance[rng.random(fine_shape) < 0.2] = np.nan
            path = product / f"{channel}_radiance_an.nc"
            reported = write(path, f"{channel}_radiance_an", radiance, 10, 100, form, start, track)
            for row in range(ROWS):
                for column in range(COLUMNS):
                    mean = mean_of_pixels(reported, start, track, row, column)
                    expected[row, column, i] = math.pi * mean / (SUN * math.cos(math.radians(ZENITH)))
            name = f"{channel}_solar_irradiance_an"
            write(product / f"{channel}_quality_an.nc", name, np.full((1, 4), SUN), 0, 1, plain, start, track)
        kelvin = np.empty((ROWS, COLUMNS, 3))
        for i, channel in enumerate(THERMAL):
            truth = rng.uniform(200, 310, (ROWS, COLUMNS))
            truth[0, 1:3] = np.nan
            path = product / f"{channel}_BT_in.nc"
            kelvin[..., i] = write(path, f"{channel}_BT_in", truth, 180, 330, other, START, TRACK)
        bits = rng.integers(0, 4, (ROWS, COLUMNS))
        with h5py.File(product / "flags_in.nc", "w") as file:
            file["bayes_in"] = bits.astype(data.draw(st.sampled_from(["u1", "i1", ">i2", "<u4", "<i8"])))
            file.attrs["start_offset"], file.attrs["track_offset"] = START, TRACK
        write(product / "geometry_tn.nc", "solar_zenith_tn", np.full((ROWS, 4), ZENITH), 0, 1, plain, START, 1)
        begins = max(abs(down), abs(right)) <= 2
        ends = max(abs(fine_shape[0] - down - 2 * ROWS), abs(right)) <= 4
        found = outcome(product, Path(folder) / "scene.hdf")
        if not begins or not ends:
            assert "does not fit the 1 km grid" in str(found)
            return
        if not is_day(
            expected.astype(np.float32), kelvin.astype(np.float32)
        ):  # few pixels are asked of so small a scene
            assert "S1 has no reflectances of a day" in str(found)
            return
        assert isinstance(found, Path)
        with h5py.File(found) as file:
            np.testing.assert_allclose(file["refs"][...], expected, rtol=1e-5)
            np.testing.assert_allclose(file["bts"][...], kelvin, rtol=1e-6)
            np.testing.assert_array_equal(file["bayes"][..., 0], bits)


FILES = {
    "S2_radiance_an": "S2_radiance_an.nc",
    "S3_solar_irradiance_an": "S3_quality_an.nc",
    "S8_BT_in": "S8_BT_in.nc",
    "bayes_in": "flags_in.nc",
    "solar_zenith_tn": "geometry_tn.nc",
}
ODD = {
    "empty": h5py.Empty("f4"),
    "nothing": np.zeros(0),
    "words": "n/a",
    "Latin-1": np.bytes_(b"\xe9" * 64),
    "numbers as text": np.array([b"1", b"2"]),
    "two": np.array([1.0, 2.0]),
    "NaN": np.nan,
    "infinite": np.array([-np.inf]),
    "zero": np.int8(0),
    "large": np.uint64(2**64 - 1),
    "complex": 1j,
    "truth": np.array([True]),
    "compound": np.array([(1, 2.0)], [("a", "i4"), ("b", "f4")]),
    "reference": "reference",
    "bytes": np.void(b"\x00\x01"),
}
NAMES = (
    *(
        "scale_factor",
        "add_offset",
        "_FillValue",
        "missing_value",
        "valid_min",
        "valid_max",
        "valid_range",
        "_Unsigned",
    ),
    *("units", "start_offset", "track_offset", "resolution", "product_name", "absolute_orbit_number", "start_time"),
)


@pytest.fixture(scope="module")
def whole_product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product without a fault."""
    return write_product(tmp_path_factory.mktemp("whole"), rows=ROWS, fine_rows=2 * ROWS, columns=COLUMNS)


@settings(max_examples=150)
@given(
    st.sampled_from(sorted(FILES)),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(sorted(ODD)), min_size=1, max_size=2),
)
def test_an_odd_attribute_ends_in_one_sentence_or_in_a_scene(
    whole_product: Path, variable: str, attributes: dict[str, str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        product = Path(shutil.copytree(whole_product, Path(folder) / whole_product.name))
        path = product / FILES[variable]
        with h5py.File(path, "a") as file:
            for name, kind in attributes.items():
                for owner in (file, file[variable]):
                    owner.attrs[name] = file.ref if kind == "reference" else ODD[kind]
        found = outcome(product, Path(folder) / "scene.hdf")
        if isinstance(found, str):
            assert "\n" not in found
            assert not list(Path(folder).glob("scene*"))
            return
        with h5py.File(found) as file:
            assert np.isfinite(file["bts"][...]).any(axis=(0, 1)).all()
            assert np.isfinite(file["refs"][...]).any(axis=(0, 1)).all()
