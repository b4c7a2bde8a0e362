"""Copies of prepared data on the disk of a node, made once per node and verified; see ``sciml stage``."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sciml_datasets.errors import InputError, PeerFailedError, naming, whole
from sciml_datasets.files import atomic
from sciml_datasets.files.atomic_folders import check_vacant, publish, work_folder
from sciml_datasets.files.checksums import ChecksumError
from sciml_datasets.files.hashing import sha256_of
from sciml_datasets.files.sync import sync
from sciml_datasets.parallel.executors import MpiRanks, Serial, Tick
from sciml_datasets.parallel.processes import abandoned, owner_lives, signature
from sciml_datasets.parallel.progress import progress
from sciml_datasets.paths import path_of
from sciml_datasets.preparation.work_folder import PLAN, interrupted
from sciml_datasets.prepared.manifest import NAME, listed_files, read_manifest
from sciml_datasets.prepared.prepared import Prepared
from sciml_datasets.prepared.remote import mirror_of, place_of
from sciml_datasets.prepared.verify import remedy_for, verify_prepared

if TYPE_CHECKING:
    from mpi4py import MPI

Result = TypeVar("Result")
Files = dict[str, tuple[int, str]]
"""Size and SHA-256 of files by name."""
BLOCK = 4 << 20


def stage(
    prepared: Prepared,
    to: str | Path,
    comm: MPI.Intracomm | None = None,
    *,
    jobs: int = 4,
    quick: bool = False,
) -> tuple[Path, int]:
    """Copy a prepared data set to ``to``, a folder on each node's own disk with the layout of a ``data_dir``.

    Every byte that is read is hashed and compared with the manifest. The copy appears by one rename. An existing copy
    is hashed and compared, and nothing is copied.

    Args:
        prepared: the data set.
        to: the folder on the node, to be given as ``data_dir`` afterwards.
        comm: an mpi4py communicator whose ranks all call this function: one rank of each node copies.
        jobs: number of files that are copied, or hashed, at a time on a node.
        quick: whether only names and sizes of an existing copy are compared.

    Returns:
        The folder of the copy, and the number of bytes that were copied to all nodes together.

    Raises:
        InputError: the data set or the existing copy is damaged, the disk is too small, or the folder holds other data.
        PeerFailedError: another rank failed, and raised why.
        OSError: the disk cannot be written.
    """
    whole(jobs, "jobs")
    final = path_of(to, "to") / prepared.folder.relative_to(prepared.data_dir)
    if comm is None:
        return final, Serial().run_once(lambda: _copy(prepared, final, jobs, quick=quick, shows=True))
    from mpi4py import MPI

    node = MpiRanks(MPI.Intracomm(comm.Split_type(MPI.COMM_TYPE_SHARED)))
    error: Exception | None = None
    copied = 0
    try:
        copied = node.run_once(lambda: _copy(prepared, final, jobs, quick=quick, shows=comm.Get_rank() == 0))
    except (InputError, OSError, PeerFailedError) as caught:
        error = caught
    outcomes: list[tuple[bool, int]] = comm.allgather((error is not None, copied if node.rank == 0 else 0))
    if error is not None:
        raise error
    if any(failed for failed, _ in outcomes):
        raise PeerFailedError
    return final, sum(amount for _, amount in outcomes)


def _copy(prepared: Prepared, final: Path, jobs: int, *, quick: bool, shows: bool) -> int:
    source, manifest = prepared.check().folder, prepared.manifest
    files = listed_files(manifest)
    if source.absolute() == final.absolute():
        raise InputError(f"{final}: this is where the prepared data lie: name another folder with --to")
    check_vacant(final)
    _remove_abandoned(final)
    if final.exists():
        if read_manifest(final) != manifest:
            raise InputError(f"{final} holds other data than {source}: remove it, and stage again")
        findings = verify_prepared(final, quick=True)
        if not findings and not quick:
            findings = _damaged(final, files, jobs, shows=shows)
        if findings:
            raise InputError(f"{final}: {findings[0]}: {remedy_for(findings, 'stage')}")
        return 0
    total = sum(size for size, _ in files.values())
    final.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(final.parent).free
    if free < total:
        raise InputError(
            f"{final.parent}: {total / 1e9:.3f} GB are to be copied and {free / 1e9:.3f} GB are free: make room or "
            "choose another --to"
        )
    work = work_folder(final, signature())
    (work / "folder").mkdir(parents=True)

    def copy(file: str, tick: Tick) -> None:
        _copy_file(source / file, work / "folder" / file, *files[file], tick)

    try:
        _each("Staging", copy, files, jobs, shows=shows)
        atomic.copy_bytes(source / NAME, work / "folder" / NAME)
        if read_manifest(work / "folder") != manifest:
            raise InputError(f"{source} changed while it was copied: stage again")
        publish(work / "folder", final)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return total


def _damaged(folder: Path, files: Files, jobs: int, *, shows: bool) -> list[str]:
    """A clause for each file whose SHA-256 differs, sorted."""

    def compare(file: str, tick: Tick) -> str:
        found, expected = sha256_of(folder / file, tick), files[file][1]
        return "" if found == expected else f"{file} has the SHA-256 {found}, expected {expected}"

    return sorted(filter(None, _each("Hashing", compare, files, jobs, shows=shows)))


def _each(title: str, work: Callable[[str, Tick], Result], files: Files, jobs: int, *, shows: bool) -> list[Result]:
    """The results of ``work`` on each file, by threads; the first error ends all."""
    stop, lock = threading.Event(), threading.Lock()
    total = sum(size for size, _ in files.values())
    bar = progress(title, total, "B", scale=True) if shows else nullcontext(lambda _: None)
    with bar as advance, ThreadPoolExecutor(jobs) as pool:

        def tick(amount: int) -> None:
            if stop.is_set():
                raise PeerFailedError
            with lock:
                advance(amount)

        try:
            started = [pool.submit(work, file, tick) for file in files]
            finished, _ = wait(started, return_when=FIRST_EXCEPTION)
            for one in finished:
                one.result()
            return [one.result() for one in started]
        finally:
            stop.set()


def _content(path: Path, size: int) -> Iterator[memoryview]:
    """The content of a file in order, from the URL where it is one of a copy; it may be overwritten when more is asked
    for."""
    mirror = mirror_of(path.parent)
    if mirror is not None:
        yield from mirror.blocks(path.name, size)
        return
    block = bytearray(BLOCK)
    with naming(path), path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            yield memoryview(block)[:count]


def _copy_file(source: Path, target: Path, size: int, sha256: str, tick: Tick) -> None:
    """Copy a file and return when it is on disk.

    Raises:
        ChecksumError: its size or SHA-256 differs from the manifest.
    """
    found, done = hashlib.sha256(), 0
    with naming(target), target.open("wb", buffering=0) as new:
        for view in _content(source, size):
            found.update(view)
            done += len(view)
            tick(len(view))
            while view:
                view = view[new.write(view) :]
        sync(new.fileno())
    if (done, found.hexdigest()) != (size, sha256):
        raise ChecksumError(
            f"{place_of(source.parent)}/{source.name}: {done} bytes with the SHA-256 {found.hexdigest()}, expected "
            f"{size} with {sha256}: run `sciml verify`, and prepare the data set again if it is damaged"
        )


def _remove_abandoned(final: Path) -> None:
    """Remove what killed copies have left: those of this machine at once, and those of another machine, or from before
    a reboot, after some time."""
    for work in interrupted(final):
        if owner_lives(work.name) is False or (not (work / PLAN).exists() and abandoned(work)):
            shutil.rmtree(work, ignore_errors=True)
