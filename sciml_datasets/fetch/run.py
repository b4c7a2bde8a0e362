"""``sciml fetch``: from sources to raw files. Plans, checks space and terms, transfers, records checksums."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sciml_datasets.benchmarks import raw_root
from sciml_datasets.errors import InputError, naming
from sciml_datasets.fetch import terms
from sciml_datasets.fetch.file_transfer import Outcome, WantedFile
from sciml_datasets.fetch.partial_file import FOLDER, clear
from sciml_datasets.fetch.plan import FetchOptions, FetchPlan, plan_fetch, sources_of
from sciml_datasets.fetch.sources.server_text import shown
from sciml_datasets.fetch.transfer import transfer
from sciml_datasets.files.checksums import NAME, Checksum, of_dataset, parse_list, read_list, write_list
from sciml_datasets.files.documents import read_text
from sciml_datasets.parallel.executors import MpiRanks, Serial, Tick
from sciml_datasets.parallel.progress import progress

if TYPE_CHECKING:
    from mpi4py import MPI

JOURNAL = re.compile(r"checksums-.+-[0-9]+-[0-9a-f]{8}\.(tsv|taken)", re.DOTALL)
"""Name of a record of checksums that a process writes: its machine, its number and random digits."""


@dataclass(frozen=True, slots=True)
class Report:
    """The report of a fetch.

    Attributes:
        plan: the plan that it followed.
        fetched: files that came.
        arrived: their bytes.
        first_seen: files without a known checksum, whose checksums were recorded at first sight.
        failures: a sentence per file that did not come.
        notes: sentences.
    """

    plan: FetchPlan
    fetched: int
    arrived: int
    first_seen: int
    failures: tuple[str, ...]
    notes: tuple[str, ...]


def fetch(
    name: str,
    raw_dir: str | Path | None = None,
    options: FetchOptions | None = None,
    comm: MPI.Intracomm | None = None,
    show: Callable[[FetchPlan], object] = lambda _: None,
    show_terms: Callable[[str], object] = lambda _: None,
) -> Report | None:
    """Fetch the raw files of a data set to ``<raw_dir>/<name>``; what is there already is kept.

    A file gets its name when it is complete, checked and on disk; what interrupted runs have left is continued.

    Args:
        name: name of the data set.
        raw_dir: the folder that holds one folder of raw files per data set; default SCIML_RAW_DIR, else TFDS's.
        options: the options that the user chooses.
        comm: an mpi4py communicator whose ranks all call this function, and share the files.
        show: called with the plan before anything is transferred, on rank 0.
        show_terms: called with the terms of the data where they have not been accepted yet, on rank 0.

    Returns:
        What was done, on rank 0; None elsewhere.

    Raises:
        InputError: as `plan_fetch`; also, the disk is too small, or the terms are not accepted.
        PeerFailedError: another rank failed, and raised why.
        OSError: the raw folder cannot be written.
    """
    options = options or FetchOptions()
    executor = MpiRanks(comm) if comm is not None else Serial()

    def begin() -> FetchPlan:
        sources_of(name, options)
        terms.check(name, raw_root(raw_dir) / name, accepted=options.accept_terms, show=show_terms)
        _merge(raw_root(raw_dir) / name)
        plan = plan_fetch(name, raw_dir, options)
        if plan.lacks:
            raise InputError(plan.lacks)
        show(plan)
        plan.folder.mkdir(parents=True, exist_ok=True)
        terms.keep(name, plan.folder, show_terms)
        return plan

    plan = executor.run_once(begin)
    rate = options.rate / executor.size if options.rate else None
    journal = plan.folder / FOLDER / f"checksums-{os.uname().nodename}-{os.getpid()}-{secrets.token_hex(4)}.tsv"

    def work(drawn: Iterator[WantedFile], tick: Tick) -> list[Outcome]:
        return transfer(drawn, plan.folder, plan.sources, options.settings, rate, tick, lambda o: _journal(journal, o))

    bar = progress("Fetching", plan.needed, "B", scale=True) if executor.rank == 0 else nullcontext(lambda _: None)
    with bar as advance:
        outcomes = executor.share(work, plan.wanted, advance)
    executor.run_once(lambda: _merge(plan.folder))
    if executor.rank != 0:
        return None
    clear(plan.folder)
    if options.record:
        _publish(name, plan.folder, options.record)
    return _report(plan, outcomes)


def _journal(path: Path, outcome: Outcome) -> None:
    """Record the checksum of a file at once; `_merge` brings the records of all processes together."""
    if outcome.checksum is None:
        return
    known = outcome.checksum
    line = "\t".join((outcome.name, known.sha256, str(known.size), known.etag)) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    with naming(path), os.fdopen(descriptor, "wb", buffering=0) as file:
        file.write(line.encode())


def _merge(folder: Path) -> None:
    """Write what the processes have recorded, of this run or of one that was killed, to the list of the raw folder."""
    left = [path for path in sorted((folder / FOLDER).glob("checksums-*")) if JOURNAL.fullmatch(path.name)]
    taken = [path for path in map(_take, left) if path is not None]
    found: dict[str, Checksum] = {}
    for path in taken:
        text = read_text(path, "remove the file")
        found |= parse_list(text[: text.rfind("\n") + 1], str(path))  # a kill may have cut the last line
    if found:
        write_list(folder / NAME, read_list(folder / NAME) | found)
    for path in taken:
        path.unlink(missing_ok=True)


def _take(journal: Path) -> Path | None:
    """Rename a journal, so that a process that is still writing begins a new one; None if another run was faster."""
    try:
        return journal.rename(journal.with_suffix(".taken"))
    except FileNotFoundError:
        return None


def _publish(name: str, folder: Path, path: Path) -> None:
    """Put the recorded checksums of a data set into a list of published ones."""
    recorded = of_dataset(name, read_list(folder / NAME))
    write_list(path, read_list(path) | {f"{name}/{file}": known for file, known in recorded.items()})


def _report(plan: FetchPlan, outcomes: list[Outcome]) -> Report:
    failed = {o.name: o.failure for o in outcomes if o.failure} | dict(plan.unusable)
    failures = tuple(f"{plan.folder}/{shown(name)}: {why}" for name, why in sorted(failed.items()))
    unknown = {item.file.name for item in plan.wanted if item.known is None}
    return Report(
        plan,
        sum(o.arrived is not None for o in outcomes),
        sum(o.arrived or 0 for o in outcomes),
        sum(o.checksum is not None and o.name in unknown for o in outcomes),
        failures,
        tuple(note for o in outcomes for note in o.notes),
    )
