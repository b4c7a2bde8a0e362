"""Mutations of the structure of HDF5 files, through h5py; see `fuzz_cases.Mutation`."""

from __future__ import annotations

import contextlib
import random
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from fuzz_mutations import BYTES

TYPES: tuple[Any, ...] = (
    "f2",
    "f4",
    "f8",
    ">f4",
    ">f8",
    "i1",
    "u1",
    "i8",
    ">i2",
    "u8",
    "S1",
    "S7",
    "S0",
    "?",
    "c8",
    "V5",
    "f16",
    h5py.string_dtype(),
    h5py.string_dtype("ascii", 3),
    h5py.vlen_dtype(np.float32),
    h5py.ref_dtype,
    h5py.regionref_dtype,
    h5py.enum_dtype({"a": 1, "b": 2}),
    [("a", "f4"), ("b", "S3")],
    ("f4", (2,)),
    ("f4", (0,)),
)
ATTRIBUTES: tuple[Any, ...] = (
    0,
    -1,
    1.5,
    1e300,
    np.nan,
    np.inf,
    "",
    "x",
    "é",
    "a\nb",
    "\u202e",
    b"caf\xe9",
    np.bytes_(b"a\0b"),
    np.zeros(0),
    np.zeros((2, 0, 3)),
    np.ones(3),
    np.ones(4000),
    np.ones((1, 3, 3)),
    True,
    1j,
    ["a", "b"],
    h5py.Empty("f4"),
    h5py.Empty("S3"),
    np.zeros(1, [("a", "f4")]),
    np.void(b"abc"),
    np.float16(2),
    np.int8(-5),
    np.uint64(2**64 - 1),
    np.array([b"1.5"]),
    "9" * 3000,
    np.array([["x"]], object),
)
"""Values of attributes; texts among an array of objects are stored with varying length."""
FILTERS: tuple[dict[str, Any], ...] = (
    {"compression": "gzip"},
    {"compression": "lzf"},
    {"shuffle": True},
    {"fletcher32": True},
    {"scaleoffset": 2},
    {"compression": "gzip", "shuffle": True, "fletcher32": True},
    {"compression": "szip"},
)


def structure(path: Path, rng: random.Random) -> None:
    """Other objects, or other properties of one: type, shape, storage, link, attribute."""
    with h5py.File(path, "a") as file:
        for _ in range(rng.choice((1, 1, 2, 4))):
            rng.choice(CHANGES)(file, rng)


def structure_and_bytes(path: Path, rng: random.Random) -> None:
    """Another structure, and other bytes."""
    structure(path, rng)
    rng.choice(BYTES)(path, rng)


def latest_format(path: Path, rng: random.Random) -> None:
    """The same content in HDF5's newest format, in which metadata have checksums, and other bytes half of the times."""
    work = path.with_name(f"{path.name}.new")
    block = rng.choice((0, 0, 512))
    with h5py.File(path) as old, h5py.File(work, "w", libver="latest", userblock_size=block) as new:
        for name in old:
            old.copy(name, new)
        for name, value in old.attrs.items():
            new.attrs[name] = value
    work.replace(path)
    if rng.random() < 0.5:
        rng.choice(BYTES)(path, rng)


def compressed(path: Path, rng: random.Random) -> None:
    """Each data set in compressed chunks, with other bytes."""
    with h5py.File(path, "a") as file:
        for name in _names(file, h5py.Dataset):
            _rewritten(file, name, **(rng.choice(FILTERS) if file[name].ndim else {}))
    rng.choice(BYTES)(path, rng)


MOST_REWRITTEN = 1 << 20
"""Most bytes of values that a mutation reads and stores again; a case would take minutes with what `bomb` made."""


def _names(file: h5py.File, kind: type | tuple[type, ...] = (h5py.Dataset, h5py.Group)) -> list[str]:
    """Names of all data sets or groups below the root, in order."""
    found: list[str] = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, kind) else None)
    return sorted(found)


def _any(file: h5py.File, rng: random.Random, kind: type | tuple[type, ...] = h5py.Dataset) -> str:
    names = _names(file, kind)
    return rng.choice(names) if names else "x"


def _small(file: h5py.File, rng: random.Random) -> str:
    """Name of a data set whose values may be read and stored again."""
    names = [name for name in _names(file, h5py.Dataset) if (file[name].nbytes or 0) <= MOST_REWRITTEN]
    return rng.choice(names) if names else "x"


def _rewritten(file: h5py.File, name: str, data: Any = None, **options: Any) -> None:
    """Store a data set again in another way; its attributes stay."""
    old = file[name]
    values, kept = old[()] if data is None else data, dict(old.attrs)
    del file[name]
    made = file.create_dataset(name, data=values, **options)
    made.attrs.update(kept)


def other_type(file: h5py.File, rng: random.Random) -> None:
    name, kind = _small(file, rng), rng.choice(TYPES)
    values, kept = file[name][()], dict(file[name].attrs)
    del file[name]
    shape = np.shape(values)
    made = file.create_dataset(name, shape, kind)
    with contextlib.suppress(TypeError, ValueError):  # of references, objects and the like nothing is written
        made[...] = np.asarray(values).astype(made.dtype) if rng.random() < 0.8 else np.zeros(shape, made.dtype)
    made.attrs.update(kept)


def other_shape(file: h5py.File, rng: random.Random) -> None:
    name = _small(file, rng)
    values = np.asarray(file[name][()])
    choices: tuple[Callable[[], Any], ...] = (
        lambda: values.T,
        lambda: values[:0],
        lambda: values[..., None],
        lambda: values[:1],
        lambda: values.reshape(-1),
        lambda: np.repeat(values, 2, 0),
        lambda: values.reshape(-1)[0],
        lambda: np.zeros((1,) * 32, values.dtype),
        lambda: h5py.Empty(values.dtype),
        lambda: np.zeros((*values.shape[:-1], 0), values.dtype),
    )
    _rewritten(file, name, rng.choice(choices)())


def other_values(file: h5py.File, rng: random.Random) -> None:
    data = file[_small(file, rng)]
    values = np.asarray(data[()])
    flat = values.reshape(-1)
    places = [rng.randrange(flat.size) for _ in range(rng.choice((1, 5, flat.size)))]
    if values.dtype.kind == "f":
        flat[places] = rng.choice((np.nan, np.inf, -np.inf, -1, 0, 3e38, 1e-45, 1e6))
    elif values.dtype.kind in "iu":
        flat[places] = rng.choice((np.iinfo(values.dtype).min, np.iinfo(values.dtype).max, 0))
    elif values.dtype.kind == "O":
        flat[places] = rng.choice(("", "é", "x" * 4000, "a\nb", "a\0b"))
    data[...] = flat.reshape(values.shape)


def other_storage(file: h5py.File, rng: random.Random) -> None:
    name = _small(file, rng)
    shape = file[name].shape
    if shape:
        chunks = tuple(rng.choice((1, length, max(1, length // 2))) for length in shape)
        options = rng.choice((*FILTERS, {}, {"maxshape": (None,) * len(shape)}))
        _rewritten(file, name, **{"chunks": chunks, **options})


def huge(file: h5py.File, rng: random.Random) -> None:
    """A data set that is declared to be huge, of which nothing is written."""
    name = _any(file, rng)
    old, kept = file[name], dict(file[name].attrs)
    rank = max(1, old.ndim)
    shape = tuple(rng.choice((1, 3, 1 << 10, 1 << 20, 1 << 31, 1 << 40)) for _ in range(rank))
    kind = rng.choice((old.dtype, "f8", "u1"))
    del file[name]
    chunks = tuple(min(length, rng.choice((1, 3, 1 << 8, 1 << 14))) for length in shape)
    options: dict[str, Any] = rng.choice(({}, {"chunks": chunks}, {"chunks": chunks, "compression": "gzip"}))
    made = file.create_dataset(name, shape, kind, **options)
    if options and rng.random() < 0.5:
        made[(0,) * rank] = 1
    made.attrs.update(kept)


def bomb(file: h5py.File, rng: random.Random) -> None:
    """Up to a gigabyte of zeros, which take some kilobytes of the file."""
    name = _any(file, rng)
    kept, kind, rank = dict(file[name].attrs), np.dtype(rng.choice(("u1", "i2", "f4"))), max(1, file[name].ndim)
    chunk = (1,) * (rank - 2) + ((1 << 13, (1 << 13) // kind.itemsize) if rank > 1 else ((1 << 26) // kind.itemsize,))
    times = rng.choice((1, 4, 16))
    axis = rng.randrange(rank)
    shape = tuple(length * (times if i == axis else 1) for i, length in enumerate(chunk))
    del file[name]
    made = file.create_dataset(name, shape, kind, chunks=chunk, compression="gzip")
    for i in range(times):
        made.id.write_direct_chunk(tuple(length * i * (j == axis) for j, length in enumerate(chunk)), zeros())
    made.attrs.update(kept)


@cache
def zeros() -> bytes:
    """64 MiB of zeros, compressed."""
    return zlib.compress(bytes(1 << 26))


def elsewhere(file: h5py.File, rng: random.Random) -> None:
    """The values lie in another file, or in another data set of this one."""
    name = _any(file, rng)
    old, kept = file[name], dict(file[name].attrs)
    shape, kind = old.shape, old.dtype
    del file[name]
    if rng.random() < 0.5:
        file.create_dataset(
            name, shape, kind, external=[(rng.choice((file.filename, "/dev/zero", "gone")), 0, 1 << 40)]
        )
    else:
        layout = h5py.VirtualLayout(shape, kind)
        layout[...] = h5py.VirtualSource(rng.choice((".", "/dev/zero", "gone")), rng.choice((name, "x")), shape)
        file.create_virtual_dataset(name, layout)
    file[name].attrs.update(kept)


def other_link(file: h5py.File, rng: random.Random) -> None:
    """A name leads to something else, or nowhere, or there is another name."""
    name = _any(file, rng, (h5py.Dataset, h5py.Group))
    match rng.randrange(8):
        case 0:
            del file[name]
        case 1:
            file.move(name, f"{name}{rng.choice(('2', ' ', 'é', chr(10), chr(0x202E)))}")
        case 2:
            del file[name]
            file[name] = h5py.SoftLink(rng.choice(("/", f"/{name}", "gone", "../x", _any(file, rng))))
        case 3:
            del file[name]
            file[name] = h5py.ExternalLink(rng.choice(("gone.h5", "/dev/zero", file.filename)), "/")
        case 4:
            del file[name]
            file[name] = file["/"]  # a circle of hard links
        case 5:
            del file[name]
            file[name] = np.dtype("f4")
        case 6:
            del file[name]
            file.create_group(name)
        case 7:
            file[rng.choice(("extra", "\x01", "é", "a" * 3000))] = file[name]


def other_attribute(file: h5py.File, rng: random.Random) -> None:
    """An attribute of any object, or of the file, has another value, another name, or is gone."""
    node = file[rng.choice(("/", *_names(file)))]
    names = sorted(node.attrs) or ["units"]
    name = rng.choice((*names, "scale_factor", "valid_range", "_FillValue", "x" * 500))
    node.attrs.pop(name, None)
    if rng.random() < 0.9:
        value = rng.choice((*ATTRIBUTES, np.array([file.ref], h5py.ref_dtype)))
        if isinstance(value, np.ndarray) and value.dtype == object and value.size and isinstance(value.flat[0], str):
            node.attrs.create(name, value, dtype=h5py.string_dtype())
        else:
            node.attrs[name] = value


DATA_SETS = (other_type, other_shape, other_values, other_storage, huge, bomb, elsewhere)
CHANGES = (*DATA_SETS, other_link, other_attribute, other_attribute)
HDF5 = (structure, structure, structure_and_bytes, latest_format, compressed)
