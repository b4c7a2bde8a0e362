"""The plan of a fetch: its sources, their files, the files that are present and those to transfer."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import defaultdict
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

from sciml_datasets.benchmark import GlobusSource, Source
from sciml_datasets.benchmarks import find, raw_root
from sciml_datasets.errors import InputError
from sciml_datasets.fetch.file_transfer import WantedFile
from sciml_datasets.fetch.partial_file import arrived_bytes
from sciml_datasets.fetch.retries import with_retries
from sciml_datasets.fetch.sources.bounds import LISTING_TIMEOUTS, SIZES_A_SECOND
from sciml_datasets.fetch.sources.opening import LOCAL, check_url, open_remote, protocol_of
from sciml_datasets.fetch.sources.remote import (
    ConnectionSettings,
    RefusedError,
    Remote,
    RemoteFile,
    SourceError,
    TransientError,
    belongs,
    exact_names,
)
from sciml_datasets.fetch.sources.server_text import shown
from sciml_datasets.fetch.task_groups import run_all
from sciml_datasets.fetch.unusable_names import unusable_names
from sciml_datasets.files.checksums import NAME, Checksum, of_dataset, published_checksums, read_list

SHOWN_NAMES = 5
"""Names of files in a message."""
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """The options of a fetch.

    Attributes:
        only: glob patterns of file names, of which one must fit; ``*`` spans folders. None for all files.
        max_files: at most so many, evenly from the folders; None for all.
        sources: sources in place of the declared ones.
        accept_terms: the user accepts the terms of the data.
        rate: bytes a second at most, of all ranks together; None for no limit.
        settings: settings of the connections.
        record: list of published checksums to write the found ones to.
    """

    only: tuple[str, ...] = ()
    max_files: int | None = None
    sources: tuple[Source, ...] = ()
    accept_terms: bool = False
    rate: float | None = None
    settings: ConnectionSettings = field(default_factory=ConnectionSettings)
    record: Path | None = None


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """The plan of a fetch.

    Attributes:
        name: name of the data set.
        folder: folder of its raw files.
        sources: its sources in the order in which they are tried.
        wanted: the files that are not here yet.
        num_files: chosen files, with those that are here.
        num_bytes: number of bytes of the chosen files.
        here: chosen files that are here, with their checksums recorded.
        free: bytes on the disk.
        partly: bytes that interrupted runs have left.
        unusable: name of a chosen file that cannot come, or not be made here, to why, as a clause.
    """

    name: str
    folder: Path
    sources: tuple[Source, ...]
    wanted: tuple[WantedFile, ...]
    num_files: int
    num_bytes: int
    here: int
    free: int
    partly: int
    unusable: Mapping[str, str]

    @property
    def needed(self) -> int:
        """Bytes that must still come."""
        return sum(item.file.size or 0 for item in self.wanted)

    @property
    def lacks(self) -> str:
        """The sentence to print where the disk has no room for them, else ""."""
        lacks = too_little(self.folder, self.needed - self.partly, self.free)
        return lacks and f"{lacks}, or fewer files with --only or --max-files"


def plan_fetch(name: str, raw_dir: str | Path | None, options: FetchOptions) -> FetchPlan:
    """List the files of a data set at its first source that answers, and compare with what is here.

    Raises:
        InputError: there is nothing to fetch from, no source answers, no file fits, or the network is forbidden.
    """
    folder = raw_root(raw_dir) / name
    sources = sources_of(name, options)
    published, recorded = published_checksums(name), of_dataset(name, read_list(folder / NAME))
    number, files, unusable = asyncio.run(_listed(name, sources, options, published, folder))
    known = recorded | published

    def is_here(file: RemoteFile) -> bool:
        checksum, path = recorded.get(file.name), folder / file.name
        if checksum is None or not path.is_file():
            return False
        same = checksum.sha256 == known[file.name].sha256
        return same and path.stat().st_size == (checksum.size if file.size is None else file.size)

    wanted = tuple(WantedFile(file, number, known.get(file.name)) for file in files if not is_here(file))
    return FetchPlan(
        name,
        folder,
        sources,
        wanted,
        len(files) + len(unusable),
        sum(file.size or 0 for file in files),
        len(files) - len(wanted),
        free_bytes(folder),
        arrived_bytes(folder),
        unusable,
    )


def sources_of(name: str, options: FetchOptions) -> tuple[Source, ...]:
    """The sources of the raw files of a data set.

    A source that the user gives is asked for the same files as the declared one. Where these are declared one by one,
    ``only`` may name others, such as another raw form of the same data.

    Raises:
        InputError: nowhere, by Globus alone, a URL cannot be a source, or the network that they need is forbidden by
            SCIML_OFFLINE.
    """
    for source in options.sources:
        check_url(source.url)
    benchmark, dataset = find(name)
    declared = [source for source in benchmark.sources.get(name, ()) if isinstance(source, Source)]
    sources = tuple(options.sources or declared)
    if options.sources and declared:
        files = dict.fromkeys(declared[0].files)
        if exact_names(declared[0].files):
            files |= dict.fromkeys(exact_names(options.only))
        sources = tuple(replace(source, files=tuple(files)) for source in sources)
    if not sources:
        if dataset.simulated_samples:
            raise InputError(f"{name} is simulated, there is nothing to fetch: `sciml simulate {name} --out RAW`")
        raise InputError(f"{name} has no source: {benchmark.obtain}, or name a mirror with --source")
    if os.environ.get("SCIML_OFFLINE", "0") not in ("", "0"):
        remote = [source.url for source in sources if protocol_of(source.url) not in LOCAL]
        if remote:
            raise InputError(
                f"SCIML_OFFLINE forbids the network, which {shown(remote[0])} needs: unset it, or name a folder with "
                "--source"
            )
    return sources


def globus_source(name: str) -> GlobusSource | None:
    """The place of a data set that only Globus reaches."""
    declared = find(name)[0].sources.get(name, ())
    return next((source for source in declared if isinstance(source, GlobusSource)), None)


async def _listed(
    name: str, sources: Sequence[Source], options: FetchOptions, published: dict[str, Checksum], folder: Path
) -> tuple[int, list[RemoteFile], dict[str, str]]:
    """The number of the first source that answers, the chosen ones of its files, with sizes, and those that cannot come
    from it, or that no file of the folder can be called like, with why."""
    failures: dict[str, SourceError] = {}
    for number, source in enumerate(sources):
        remote = open_remote(source, options.settings)
        try:
            files = await _in_time(
                _list(name, remote, source, options.settings, published), LISTING_TIMEOUTS * options.settings.timeout
            )
            chosen = _chosen(files, options)
            last = number == len(sources) - 1
            refused = {file.name: file.refused for file in chosen if file.refused and (last or file.may_be_folder)}
            unusable = refused | unusable_names((file.name for file in chosen if file.name not in refused), folder)
            usable = [file for file in chosen if file.name not in unusable]
            if not usable:
                first, why = next(iter(unusable.items()))
                raise RefusedError(f"none of its {len(chosen)} files can come; {shown(first)}: {why}")
            seconds = LISTING_TIMEOUTS * options.settings.timeout + len(usable) / SIZES_A_SECOND
            return number, await _in_time(_with_sizes(remote, usable, options.settings), seconds), unusable
        except SourceError as error:
            failures[shown(source.url)] = error
        finally:
            await remote.close()
    said = "; ".join(f"{url}: {error}" for url, error in failures.items())
    remedies = dict.fromkeys(map(_remedy, failures.values()))
    if not options.sources:
        remedies["name a mirror with --source"] = None
    raise InputError(f"{said}: {', or '.join(remedies)}")


async def _in_time(work: Coroutine[Any, Any, Result], seconds: float) -> Result:
    """The result of a part of the listing; TransientError if that takes longer than ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as error:
        raise TransientError(f"its listing takes longer than {seconds:.0f} s") from error


def _remedy(error: SourceError) -> str:
    return error.remedy or ("try again later" if isinstance(error, TransientError) else "correct the address")


async def _list(
    name: str, remote: Remote, source: Source, settings: ConnectionSettings, published: dict[str, Checksum]
) -> list[RemoteFile]:
    if published and protocol_of(source.url).startswith("http"):  # no need of a listing, which HTTP does not have
        named = ((file, known) for file, known in sorted(published.items()) if belongs(source, file))
        return [RemoteFile(file, known.size, sha256=known.sha256) for file, known in named]
    return await with_retries(settings, lambda: remote.files(name), first=True)


def _chosen(files: list[RemoteFile], options: FetchOptions) -> list[RemoteFile]:
    """The files that ``only`` and ``max_files`` leave.

    Raises:
        InputError: nothing.
    """
    only = options.only or ("*",)
    chosen = [file for file in files if file.may_be_folder or any(fnmatchcase(file.name, each) for each in only)]
    if not chosen:
        names = ", ".join(shown(file.name) for file in files[:SHOWN_NAMES])
        raise InputError(f"--only {' '.join(only)}: none of the {len(files)} files fits, the first are {names}")
    if options.max_files is None:
        return chosen
    folders: dict[str, list[RemoteFile]] = defaultdict(list)
    for file in chosen:
        folders[file.name.rpartition("/")[0]].append(file)
    evenly = [file for row in zip_longest(*folders.values()) for file in row if file is not None]
    return sorted(evenly[: options.max_files], key=lambda file: file.name)


async def _with_sizes(remote: Remote, files: list[RemoteFile], settings: ConnectionSettings) -> list[RemoteFile]:
    """The files with the sizes that the source gives.

    Raises:
        SourceError: the source knows none of the files, or does not respond now; it names a file.
    """
    looked = {file.name: file for file in files}
    unsized = iter([file for file in files if file.size is None and not file.refused])
    refusals: list[RefusedError] = []

    async def look() -> None:
        for file in unsized:  # drawn by all
            try:
                found = await with_retries(settings, partial(remote.look, file.name), first=True)
            except TransientError as error:
                raise TransientError(f"{file.name}: {error}", remedy=error.remedy) from error
            except SourceError as error:  # one file may be missing here and be found at the next source
                refusals.append(RefusedError(f"{file.name}: {error}", remedy=error.remedy))
            else:
                looked[file.name] = replace(found, sha256=file.sha256)

    await run_all(look() for _ in range(settings.connections))
    if refusals and len(refusals) == len(files):
        raise min(refusals, key=str)
    return list(looked.values())


def free_bytes(folder: Path) -> int:
    """Free on the disk of a folder, which need not exist yet."""
    folder = folder.absolute()
    return shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.is_dir())).free


def too_little(folder: Path, needed: int, free: int) -> str:
    """The sentence that says so, where bytes that must come have no room; "" where they have."""
    if needed <= free:
        return ""
    return (
        f"{folder}: {needed / 1e9:.3f} GB must come and {free / 1e9:.3f} GB are free: make room or choose another "
        "--raw-dir"
    )
