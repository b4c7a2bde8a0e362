"""Raw HDF5 files of any structure: the prepared data are those that h5py reads, or the file is refused."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from cloudmask_files import granule, scene
from hypothesis import given, settings
from hypothesis import strategies as st

from sciml_datasets import InputError
from sciml_datasets.cloudmask.raw import Scenes
from sciml_datasets.raw_format import Example, Note, RawFile, ignored
from sciml_datasets.stemdl.raw import Hdf5Stacks

PIXELS, ROWS, COLUMNS = 4, 32, 40
NO_REFERENCE = np.array([h5py.Reference()], h5py.ref_dtype)
Values = np.ndarray[Any, Any]
Write = Callable[[h5py.Group, str, Values], object]


def plain(**options: Any) -> Write:
    return lambda group, name, values: group.create_dataset(name, data=values, **options)


def compact(group: h5py.Group, name: str, values: Values) -> None:
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_layout(h5py.h5d.COMPACT)
    space, kind = h5py.h5s.create_simple(values.shape), h5py.h5t.py_create(values.dtype)
    h5py.h5d.create(group.id, name.encode(), kind, space, made).write(h5py.h5s.ALL, h5py.h5s.ALL, values)


def big_endian(group: h5py.Group, name: str, values: Values) -> None:
    group.create_dataset(name, data=values.astype(values.dtype.newbyteorder(">")))


def external(group: h5py.Group, name: str, values: Values) -> None:
    place = Path(group.file.filename).with_name(f"{name}.bin")
    place.write_bytes(values.tobytes())
    group.create_dataset(name, values.shape, values.dtype, external=[(str(place), 0, values.nbytes)])


def virtual(group: h5py.Group, name: str, values: Values) -> None:
    source = Path(group.file.filename).with_name(f"{name}.source")
    with h5py.File(source, "w") as file:
        file["x"] = values
    layout = h5py.VirtualLayout(values.shape, values.dtype)
    layout[...] = h5py.VirtualSource(str(source), "x", values.shape)
    group.create_virtual_dataset(name, layout, fillvalue=1)


def unwritten(group: h5py.Group, name: str, values: Values) -> None:
    group.create_dataset(name, values.shape, values.dtype, fillvalue=1)


def half_written(group: h5py.Group, name: str, values: Values) -> None:
    data = group.create_dataset(name, values.shape, values.dtype, chunks=(1, *values.shape[1:]), fillvalue=1)
    data[: len(values) // 2] = values[: len(values) // 2]


HERE: dict[str, Write] = {
    "contiguous": plain(),
    "compact": compact,
    "chunks": plain(chunks=True),
    "gzip": plain(compression="gzip", shuffle=True, fletcher32=True),
    "lzf": plain(compression="lzf"),
    "blosc": plain(**dict(hdf5plugin.Blosc())),
    "zstd": plain(**dict(hdf5plugin.Zstd())),
    "big-endian": big_endian,
    "growing": plain(maxshape=(None, None, None)),
}
ELSEWHERE: dict[str, Write] = {
    "external": external,
    "virtual": virtual,
    "unwritten": unwritten,
    "half written": half_written,
}


def hard(group: h5py.Group, name: str, values: Values, write: Write) -> None:
    write(group, name, values)


def soft(group: h5py.Group, name: str, values: Values, write: Write) -> None:
    write(group, f"{name} itself", values)
    group[name] = h5py.SoftLink(f"{name} itself")


def round_soft(group: h5py.Group, name: str, values: Values, write: Write) -> None:
    group[name] = h5py.SoftLink(f"{group.name}/{name}")


def external_link(group: h5py.Group, name: str, values: Values, write: Write) -> None:
    other = Path(group.file.filename).with_name(f"{name}.other")
    with h5py.File(other, "w") as file:
        write(file, "x", values)
    group[name] = h5py.ExternalLink(other.name, "/x")


LINKS = {"hard": hard, "soft": soft, "round": round_soft, "external link": external_link}


@dataclass(frozen=True)
class Structure:
    """The storage of a file and its arrays."""

    storage: str
    link: str
    userblock: int
    libver: str

    @property
    def is_whole(self) -> bool:
        """Whether all bytes are in the file."""
        return self.storage in HERE and self.link in ("hard", "soft")

    def write(self, group: h5py.Group, name: str, values: Values) -> None:
        storage = (HERE | ELSEWHERE)[self.storage]
        LINKS[self.link](group, name, values, storage)

    def create(self, path: Path) -> h5py.File:
        path.parent.mkdir(parents=True, exist_ok=True)
        return h5py.File(path, "w", userblock_size=self.userblock, libver=self.libver)


structures = st.builds(
    Structure,
    storage=st.one_of(st.sampled_from(sorted(HERE)), st.sampled_from(sorted(HERE | ELSEWHERE))),
    link=st.sampled_from(["hard", "hard", *LINKS]),
    userblock=st.sampled_from([0, 512]),
    libver=st.sampled_from(["earliest", "latest"]),
)

NOTHING = (h5py.Empty("f8"), h5py.Empty("S1"), np.zeros(0), np.zeros(0, "S3"))
ODD = (NO_REFERENCE, np.zeros(1, [("a", "f4")]), np.bytes_(b"caf\xe9" * 16), np.array(["a", "b"], object), 1j)
odd_attributes = st.dictionaries(
    st.sampled_from(["material", "space_group", "formula", "energy_keV", "abc_angstrom", "z_dirs"]),
    st.sampled_from([*NOTHING, *ODD, "", "x", 7, 0, -1, 1e300, np.nan, np.inf, np.ones(2), np.zeros((1, 3, 3))]),
    max_size=2,
)
GOOD = {"material": np.bytes_(b"mp-1"), "space_group": "14", "formula": "Si2", "abc_angstrom": np.ones(3)}


def read_back(raw_format: Any, path: Path, note: Note = ignored) -> Example | str:
    """The one sample of a file, or the sentence that refuses it."""
    raw = path.parents[1]
    try:
        (sample,) = raw_format.index(raw, RawFile("train", f"{path.parent.name}/{path.name}", 0, 0))
        with raw_format.reader(raw, note) as read:
            found: Example = read(sample)
            return found
    except InputError as error:
        return str(error)


def stored(path: Path, name: str) -> Values:
    """The array that h5py reads."""
    with h5py.File(path) as file:
        values: Values = file[name][...]
        return values


@settings(max_examples=250, deadline=None)
@given(
    structure=structures,
    odd=odd_attributes,
    special=st.lists(st.sampled_from([0, 1e-30, 3e38, np.nan, np.inf, -1]), max_size=3),
    dtype=st.sampled_from(["f4", "f4", "f4", "f8", "i4", "u1"]),
)
def test_a_stack_is_what_h5py_reads_or_is_refused(
    structure: Structure, odd: dict[str, Any], special: list[float], dtype: str
) -> None:
    stack = np.arange(1, 49).reshape(3, PIXELS, PIXELS).astype(dtype)
    if dtype == "f4":
        stack[1, 2, : len(special)] = special
    noted: list[str] = []
    with tempfile.TemporaryDirectory() as raw:
        path = Path(raw) / "train" / "a.h5"
        with structure.create(path) as file:
            structure.write(file.create_group("s0"), "cbed_stack", stack)
            file["s0"].attrs.update(GOOD | odd)
        example = read_back(Hdf5Stacks(PIXELS), path, lambda what, _: noted.append(what))
        expected = stored(path, "s0/cbed_stack") if structure.is_whole else stack
    if isinstance(example, str):
        assert example.startswith(str(path))
        assert "\n" not in example
        assert not structure.is_whole or odd or dtype != "f4" or -1 in special
        return
    assert structure.is_whole
    np.testing.assert_array_equal(example["cbed_stack"], np.where(np.isnan(expected), 0, expected))
    assert ("have NaN pixels, stored as 0" in noted) == np.isnan(expected).any()
    assert ("have infinite pixels, stored as they are" in noted) == np.isinf(expected).any()
    usual = {"material": "mp-1", "space_group": 14, "formula": "Si2"}
    assert all(example[name] == value for name, value in usual.items() if name not in odd)


@settings(max_examples=60, deadline=None)
@given(
    structure=structures,
    kind=st.sampled_from(["f4", "f8", ">f4", "f2"]),
    bits=st.sampled_from(["u1", "i2", "i8", "f4"]),
    wrong=st.sampled_from([None, None, np.nan, np.inf, 1e300, -32768, 1e-300]),
    scale=st.sampled_from([1, 1, 1, 100]),
)
def test_a_scene_is_what_h5py_reads_or_is_refused(
    structure: Structure, kind: str, bits: str, wrong: float | None, scale: int
) -> None:
    made = scene()
    name = f"training/{granule()}.hdf"
    with np.errstate(over="ignore"):
        content = {
            "refs": (made["refs"] * scale).astype(kind),
            "bts": (made["bts"] * scale).astype(kind),
            "bayes": made["bayes"].astype(bits),
        }
        if wrong is not None:
            content["bts"][3, 4, 1] = wrong
    with tempfile.TemporaryDirectory() as raw:
        path = Path(raw) / name
        with structure.create(path) as file:
            for key, values in content.items():
                structure.write(file, key, values)
        example = read_back(Scenes(ROWS, COLUMNS), path)
        if isinstance(example, str):
            assert example.startswith(str(path))
            assert "\n" not in example
            beyond = wrong == 1e300 and kind == "f8"
            assert not structure.is_whole or bits == "f4" or scale == 100 or beyond
            return
        assert structure.is_whole
        assert scale == 1, "raw counts are no kelvin"
        for feature, key in (("reflectance", "refs"), ("brightness_temperature", "bts"), ("bayes", "bayes")):
            np.testing.assert_array_equal(example[feature], stored(path, key).astype(example[feature].dtype))
    assert example["valid"].view(bool)[3, 4] == (wrong is None)
