"""All examinations, in the order in which they are reported."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from sciml_datasets.doctor.observation import Observation
from sciml_datasets.errors import InputError
from sciml_datasets.paths import NoHomeError, home_folder
from sciml_datasets.preparation.places import raw_place
from sciml_datasets.prepared.remote import place_to_read


def examine(
    data_dir: str | Path | None = None, raw_dir: str | Path | None = None
) -> Iterator[tuple[str, list[Observation]]]:
    """Title and rows of each examination, as soon as it is done.

    Args:
        data_dir: folder or URL of prepared data sets; default as in TFDS.
        raw_dir: folder or URL of raw files; default SCIML_RAW_DIR, else TFDS's manual folder in a ``data_dir`` that is
            a folder.
    """
    from sciml_datasets.doctor.devices import observe_devices
    from sciml_datasets.doctor.hdf5_filters import observe_hdf5
    from sciml_datasets.doctor.keras_settings import observe_keras
    from sciml_datasets.doctor.kernel import observe_kernel
    from sciml_datasets.doctor.limits import observe_limits
    from sciml_datasets.doctor.mpi import observe_mpi
    from sciml_datasets.doctor.network import observe_network
    from sciml_datasets.doctor.versions import observe_packages, observe_python

    environ, home = os.environ, home_folder()
    yield "versions", rows_of(observe_python)
    yield "packages", rows_of(observe_packages)
    yield "Keras", rows_of(lambda: observe_keras(environ, home))
    yield "devices", rows_of(lambda: observe_devices(environ))
    yield "MPI", rows_of(lambda: observe_mpi(environ))
    yield "HDF5", rows_of(observe_hdf5)
    yield "limits", rows_of(observe_limits)
    yield from examine_folders(data_dir, raw_dir)
    yield "network", rows_of(lambda: observe_network(environ, home))
    yield "sandbox", rows_of(observe_kernel)


def examine_folders(
    data_dir: str | Path | None = None, raw_dir: str | Path | None = None
) -> Iterator[tuple[str, list[Observation]]]:
    """Title and rows of the examinations of folders; see `examine`."""
    from sciml_datasets.doctor.data_sets import observe_data
    from sciml_datasets.doctor.disks import observe_disks
    from sciml_datasets.doctor.incomplete_folders import observe_incomplete

    places: list[Any] = []
    wrong: list[Observation] = []
    for flag, variable, read, given in (
        ("--data-dir", "TFDS_DATA_DIR", place_to_read, data_dir),
        ("--raw-dir", "SCIML_RAW_DIR", raw_place, raw_dir),
    ):
        try:
            places.append(read(given))
        except NoHomeError as error:
            wrong.append(Observation(flag, str(error), "wrong", f"export {variable}=FOLDER"))
        except InputError:  # its message holds the value, which may be a URL with a password
            subject, remedy = (variable, f"unset {variable}") if given is None else (flag, f"leave {flag} out")
            wrong.append(Observation(subject, "neither a path on this machine nor a URL of a store", "wrong", remedy))
    if wrong:
        yield "folders", wrong
        return
    data, raw = places
    if raw is None and isinstance(data, Path):
        raw = data / "downloads" / "manual"
    yield "folders", rows_of(lambda: observe_disks(data, raw, os.environ))
    yield "data", rows_of(lambda: observe_data(data, raw))
    yield "killed runs", rows_of(lambda: observe_incomplete(data, raw))


def rows_of(examination: Callable[[], Iterable[Observation]]) -> list[Observation]:
    """The rows of an examination; trouble of the machine ends it with a row that says so.

    Example:
        >>> from pathlib import Path
        >>> from sciml_datasets.doctor.examinations import rows_of
        >>> [row] = rows_of(lambda: list(Path("none").iterdir()))
        >>> row.found, row.state
        ('none: No such file or directory', 'wrong')
    """
    rows = []
    try:
        for row in examination():
            rows.append(row)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        what = f"{place}{error.strerror or error}"
        rows.append(Observation("examination", what, "wrong", "check the disk and the permissions"))
    return rows
