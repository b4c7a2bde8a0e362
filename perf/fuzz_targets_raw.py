"""Targets of `fuzz.py`: the raw formats of STEMDL, its reconstruction and CloudMask, SLSTR products, and the tables of
omics of an IMPROVE folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cloudmask_files
import h5py
import npz_files
import numpy as np
import scan_files
import slstr_files
import stemdl_files
import uno_files
from fuzz_archives import LMDB, NPZ
from fuzz_cases import Target
from fuzz_hdf5 import HDF5
from fuzz_mutations import BYTES, FILE, LINES

from sciml_datasets.candle_uno.forms import improve
from sciml_datasets.candle_uno.forms.cell_tables import OMICS
from sciml_datasets.cloudmask.raw import Scenes
from sciml_datasets.cloudmask.slstr import convert
from sciml_datasets.raw_format import RawFormat
from sciml_datasets.stemdl.npz import NpzStacks
from sciml_datasets.stemdl.raw import Hdf5Stacks
from sciml_datasets.stemdl_reconstruction.raw import Scans

PIXELS = 8
"""Width and height of the patterns of STEMDL, form A, and of scenes."""
Read = Callable[[Path], Iterable[object]]


def prepared(raw_format: RawFormat, below: str = ".") -> Read:
    """Function that reads all samples of a raw folder, as a preparation does, with the defects that were noted."""

    def read(folder: Path) -> Iterator[object]:
        raw, noted = folder / below, list[str]()
        files = raw_format.files(raw)
        samples = [sample for file in files for sample in raw_format.index(raw, file)]
        yield [(*sample.__reduce__()[1],) for sample in samples]
        yield [raw_format.extent(sample) for sample in samples]
        yield raw_format.beside(raw, samples).layouts
        with raw_format.reader(raw, lambda what, _: noted.append(what)) as read_sample:
            for sample in samples:
                yield read_sample(sample)
        yield noted

    return read


def make_stacks(folder: Path) -> None:
    """Form A: a file of three groups, in the format that the simulator writes."""
    vectors = {"abc_angstrom": np.ones(3), "z_dirs": np.eye(3)[None], "formula": "Si2"}
    samples = {f"sample_0_{i}": stemdl_files.sample(f"mp-{i}", pixels=PIXELS, **vectors) for i in range(3)}
    for name in ("train", "dev", "test"):
        stemdl_files.write_file(
            folder / name / f"batch_{name}_0.h5", samples if name == "train" else {"s": samples["sample_0_0"]}
        )


def make_scans(folder: Path) -> None:
    """Form C: environments whose trees have one, two and two levels."""
    for seed, name in enumerate(scan_files.FILES):
        entries = scan_files.headers() | scan_files.records(seed, count=(2, 40, 3)[seed])
        scan_files.write_file(
            folder / name, entries | ({f"more_{i}": b"x" * 900 for i in range(30)} if seed == 2 else {})
        )


def make_scenes(folder: Path) -> None:
    """A scene of each split; the mutated one is held out."""
    small = {name: values[:PIXELS, :PIXELS] for name, values in cloudmask_files.scene().items()}
    for orbit in (1, 4):  # passes whose hashes are of train and of validation
        cloudmask_files.write_scene(folder / "training" / f"{cloudmask_files.granule(orbit=orbit)}.hdf", **small)
    cloudmask_files.write_scene(folder / "inference" / f"{cloudmask_files.granule(date='20191001')}.hdf", **small)


def make_product(folder: Path) -> None:
    """A product of 8 x 16 pixels, in the layout of the real ones."""
    slstr_files.write_product(folder, rows=PIXELS, columns=2 * PIXELS, fine_rows=2 * PIXELS)


def converted(folder: Path) -> Iterator[object]:
    """The scene of the only product of a folder."""
    (product,) = (path for path in folder.iterdir() if path.suffix == ".SEN3")
    scene = folder / "scene.hdf"
    scene.unlink(missing_ok=True)
    with h5py.File(convert(product, scene)) as file:
        yield {name: file[name][...] for name in file}


def make_omics(folder: Path) -> None:
    """An IMPROVE folder with tables of omics."""
    uno_files.write_mutations(uno_files.write_omics(uno_files.write_improve(folder)))


def omics(folder: Path) -> Iterator[object]:
    """The tables of omics of an IMPROVE folder, and the responses that have them."""
    tables = improve.read(folder, omics=[*uno_files.OMICS, "mutation"])
    yield {name: [table.ids, table.columns, table.values] for name, table in tables.omics.items()}
    yield [tables.responses.to_pylist(), dict(tables.left_out)]


TARGETS = (
    Target("stemdl_hdf5", make_stacks, prepared(Hdf5Stacks(PIXELS)), ("train/*.h5",), (*BYTES, *HDF5, *HDF5, *FILE)),
    Target(
        "stemdl_npz",
        npz_files.write_raw,
        prepared(NpzStacks(), "stemdl_preprocessed"),
        ("stemdl_preprocessed/training/*.npz",),
        (*BYTES, *NPZ, *NPZ, *NPZ, *FILE),
    ),
    Target("stemdl_lmdb", make_scans, prepared(Scans(density=False)), ("*.db",), (*BYTES, *LMDB, *LMDB, *LMDB, *FILE)),
    Target(
        "cloudmask_hdf5",
        make_scenes,
        prepared(Scenes(PIXELS, PIXELS)),
        ("inference/*.hdf",),
        (*BYTES, *HDF5, *HDF5, *FILE),
    ),
    Target(
        "uno_omics",
        make_omics,
        omics,
        tuple(f"x_data/{OMICS[name].file}" for name in uno_files.OMICS),
        (*BYTES, *LINES, *LINES, *LINES, *FILE),
    ),
    Target("uno_mutations", make_omics, omics, (f"x_data/{OMICS['mutation'].file}",), (*BYTES, *FILE)),
    Target("slstr_product", make_product, converted, ("*.SEN3/*.nc",), (*BYTES, *HDF5, *HDF5, *FILE)),
)
