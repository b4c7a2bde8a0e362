"""Data that only Globus reaches: the steps, to the command."""

from __future__ import annotations

from pathlib import Path

from sciml_datasets.benchmark import GlobusSource
from sciml_datasets.fetch.plan import free_bytes
from sciml_datasets.files.endings import is_hdf5


def bytes_here(folder: Path) -> int:
    """Number of bytes of the raw files that lie in a folder already, however they came."""
    return sum(path.stat().st_size for path in folder.glob("*/*") if is_hdf5(path))


def steps(name: str, source: GlobusSource, folder: Path) -> str:
    """The steps to get the raw files of a data set, as text.

    Args:
        name: name of the data set.
        source: the source of the data set.
        folder: folder for the raw files.
    """
    archive = f"{folder}/{source.folder}.tar"
    size, free = source.num_bytes / 2**30, free_bytes(folder) / 2**30
    return f"""{name}: {source.num_files:,} files, {size:.1f} GiB, through Globus only; {free:.1f} GiB are free

1. Get a Globus identity at https://app.globus.org, and a collection of your own that can write to
   {folder}:
   your cluster's, or Globus Connect Personal. With the command line: pip install globus-cli, globus login.
2. Open {source.page}: its download button opens the folder of the data set, whose
   name ends in {source.folder}, in the collection "{source.collection}" of the Globus web app. The id of the
   collection and the path of the folder stand in the address bar, as origin_id and origin_path;
   `globus endpoint search '{source.collection}'` prints the id as well.
3. Transfer, with ORIGIN_ID and ORIGIN_PATH from there and MINE the id of your collection; it resumes after
   failures, and checks what it has copied:
       globus transfer --recursive --sync-level checksum --verify-checksum \\
           ORIGIN_ID:ORIGIN_PATH MINE:{folder}
4. If it came as one archive, unpack it:
       tar -xf {archive} -C {folder}
   In the end the folder holds train/, dev/ and test/ with *.h5 files.
5. Record or compare the checksums, then prepare:
       sciml verify {name} --raw-dir {folder.parent}
       sciml prepare {name} --raw-dir {folder.parent}"""
