"""HDF5: its version, and the filters by which it reads compressed arrays."""

from __future__ import annotations

from collections.abc import Iterator

from sciml_datasets.doctor.child import Answer, answer, python_telling
from sciml_datasets.doctor.observation import Observation
from sciml_datasets.doctor.remedies import pip_install

SECONDS = 60.0
CODE = """
import h5py, hdf5plugin
from h5py import h5z
hdf5plugin.register(force=False)
builtin = {"gzip": h5z.FILTER_DEFLATE, "shuffle": h5z.FILTER_SHUFFLE, "fletcher32": h5z.FILTER_FLETCHER32}
builtin |= {"szip": h5z.FILTER_SZIP, "lzf": h5z.FILTER_LZF}
filters = {name: bool(h5z.filter_avail(number)) for name, number in {**builtin, **hdf5plugin.FILTERS}.items()}
found = {"h5py": h5py.__version__, "hdf5": h5py.version.hdf5_version, "filters": filters}
"""
NEEDED = {"gzip": "raw files", "shuffle": "raw files", "blosc": "the prebuilt file of CANDLE-UNO"}
"""Filter to the data that cannot be read without it."""


def observe_hdf5() -> Iterator[Observation]:
    """The version of HDF5 and its filters, which are asked for in a child process."""
    yield from filters_of(answer(python_telling(CODE), SECONDS))


def filters_of(found: Answer) -> Iterator[Observation]:
    """The rows for what the child process has answered."""
    remedy = pip_install("--force-reinstall", "h5py", "hdf5plugin")
    if found.failure:
        yield Observation("HDF5", f"it cannot be used: {found.failure}", "wrong", remedy)
        return
    content = found.value
    yield Observation("HDF5", f"{content['hdf5']}, h5py {content['h5py']}")
    absent = [name for name, there in content["filters"].items() if not there]
    needed = [f"{name} ({NEEDED[name]})" for name in NEEDED if not content["filters"].get(name)]
    present = ", ".join(name for name, there in content["filters"].items() if there)
    if needed:
        yield Observation("filters", f"missing: {', '.join(needed)}", "wrong", remedy)
    else:
        yield Observation("filters", present + (f"; not {', '.join(absent)}" if absent else ""))
