"""Folders that are written to: whether they can be, and how much room there is."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from sciml_datasets.doctor.observation import Observation
from sciml_datasets.doctor.remedies import command
from sciml_datasets.files.regular_files import is_there

LITTLE_ROOM = 100_000_000
"""Bytes below which not even a demo data set can be prepared."""
FEW_NAMES = 1000
"""Number of further files below which the file system counts as full."""


def observe_disks(
    data_dir: Path | str, raw_dir: Path | str | None, environ: Mapping[str, str]
) -> Iterator[Observation]:
    """The folders of prepared data, of raw files and of temporary files.

    Args:
        data_dir, raw_dir: the folders, which need not exist, or URLs; None where none is named.
        environ: environment variables; TMPDIR names the folder of temporary files.
    """
    for subject, place in (("--data-dir", data_dir), ("--raw-dir", raw_dir)):
        if isinstance(place, Path):
            yield disk(subject, place, only_read=subject == "--raw-dir" and place.is_dir())
        else:
            what = "none is named" if place is None else f"{place}: a URL, whose room and rights are not looked at"
            yield Observation(subject, what)
    yield temporary_folder(environ.get("TMPDIR"))


def temporary_folder(wanted: str | None) -> Observation:
    """The row for the folder of temporary files: Python takes another one where that of TMPDIR cannot be written to."""
    try:
        taken = tempfile.gettempdir()
    except OSError as error:
        return Observation(
            "TMPDIR", f"no folder for temporary files: {error.strerror}", "wrong", "export TMPDIR=FOLDER"
        )
    if wanted and os.path.realpath(wanted) != os.path.realpath(taken):
        what = f"{wanted} cannot be written to: {taken} is taken in its place"
        return Observation("TMPDIR", what, "wrong", f"{command('mkdir', '-p', wanted)}, or export TMPDIR=FOLDER")
    return disk("TMPDIR", Path(taken))


def disk(subject: str, folder: Path, *, only_read: bool = False) -> Observation:
    """The row for a folder, or for the nearest one above it that exists, in which it would be made.

    Args:
        subject: what the folder is, the flag or variable that names it.
        folder: its path.
        only_read: whether it is enough that it can be read.
    """
    there = next((above for above in (folder, *folder.absolute().parents) if is_there(above)), Path("/"))
    shown = str(folder) if there == folder else f"{folder} (to be made in {there})"
    other = f"name another folder with {subject}" if subject.startswith("--") else f"export {subject}=FOLDER"
    if not there.is_dir():
        return Observation(subject, f"{shown}: {there} is no folder", "wrong", other)
    if only_read and not os.access(there, os.R_OK | os.X_OK):
        return Observation(
            subject, f"{shown} cannot be read", "wrong", f"{command('chmod', 'u+rx', there)}, or {other}"
        )
    if not only_read and not os.access(there, os.W_OK | os.X_OK):
        return Observation(
            subject, f"{shown} cannot be written to", "wrong", f"{command('chmod', 'u+wx', there)}, or {other}"
        )
    room, names = shutil.disk_usage(there).free, os.statvfs(there)
    text = f"{shown}: {room / 1e9:,.1f} GB free"
    if only_read:
        return Observation(subject, text)
    if room < LITTLE_ROOM:
        return Observation(subject, text, "wrong", f"make room, or {other}")
    if names.f_files and names.f_favail < FEW_NAMES:
        return Observation(
            subject, f"{text}, but only {names.f_favail:,} more files", "wrong", f"remove files, or {other}"
        )
    return Observation(subject, text)
