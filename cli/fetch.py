"""``sciml fetch NAME``."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sciml_datasets.cli.arguments import FileArgument, PathArgument, add_json, add_name, report
from sciml_datasets.errors import InputError
from sciml_datasets.printable import notice

if TYPE_CHECKING:
    from sciml_datasets.fetch.plan import FetchPlan
    from sciml_datasets.fetch.run import Report

EXAMPLE = "sciml fetch cloudmask --raw-dir raw --only 'training/*' --max-files 10 --dry-run"
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml fetch``."""
    add_name(parser)
    parser.add_argument(
        "--raw-dir",
        action=PathArgument,
        metavar="RAW",
        help="raw folder; the files go to RAW/NAME (default: SCIML_RAW_DIR, else TFDS's manual folder)",
    )
    parser.add_argument(
        "--only", metavar="GLOB", action="append", default=[], help="files that fit, * spans folders; may be repeated"
    )
    parser.add_argument("--max-files", metavar="N", type=int, help="at most N files, evenly from the folders")
    parser.add_argument(
        "--source",
        metavar="URL",
        action="append",
        default=[],
        help="a mirror in place of the declared source: any fsspec URL (http, s3, file, gs, ssh, ...) or a folder; may "
        "be repeated, they are tried in order",
    )
    parser.add_argument("--dry-run", action="store_true", help="show files, bytes and free space, fetch nothing")
    parser.add_argument("--accept-terms", action="store_true", help="accept the terms of the data")
    parser.add_argument("--jobs", metavar="J", type=int, default=8, help="connections of each process (default: 8)")
    parser.add_argument("--limit-rate", metavar="RATE", help="bytes a second at most, for example 500k, 20M or 1G")
    parser.add_argument("--retries", metavar="N", type=int, default=8, help="in a row, of a request (default: 8)")
    parser.add_argument(
        "--timeout", metavar="S", type=float, default=60.0, help="seconds without data until a retry (default: 60)"
    )
    parser.add_argument(
        "--record",
        action=FileArgument,
        metavar="FILE",
        nargs="?",
        const=True,
        help="for maintainers: publish what was recorded, in FILE (default: this package's checksums.tsv)",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Fetch raw files; under mpiexec or srun the ranks share them. Exit code 1 if a file did not come."""
    from sciml_datasets.benchmarks import raw_root
    from sciml_datasets.fetch.globus import bytes_here, steps
    from sciml_datasets.fetch.plan import free_bytes, globus_source, plan_fetch, too_little
    from sciml_datasets.fetch.run import fetch
    from sciml_datasets.parallel.launcher import speaks, world

    try:
        options = _options(args)
        through_globus = None if args.source else globus_source(args.name)
    except InputError:
        if speaks():  # all ranks have the same mistake
            raise
        return 2
    if (through_globus or args.dry_run) and not speaks():
        return 0
    if through_globus:
        folder = raw_root(args.raw_dir).absolute() / args.name
        lines = steps(args.name, through_globus, folder).splitlines()
        here, free = bytes_here(folder), free_bytes(folder)
        lacks = too_little(folder, through_globus.num_bytes - here, free)
        content = {
            "folder": str(folder),
            "files": through_globus.num_files,
            "bytes": through_globus.num_bytes,
            "here_bytes": here,
            "free_bytes": free,
            "fits": not lacks,
            "steps": lines,
        }
        code = _planned(args, content, lines, lacks)
        return code if args.dry_run else 1  # nothing was fetched
    if args.dry_run:
        plan = plan_fetch(args.name, args.raw_dir, options)
        code = _planned(args, _content(plan), _table(plan), plan.lacks)
        return code or int(bool(plan.unusable))
    done = fetch(args.name, args.raw_dir, options, world(), _announce, _show_terms)
    if done is None:
        return 0
    for note in done.notes:
        notice(note)
    content = {
        "folder": str(done.plan.folder),
        "files": done.plan.num_files,
        "fetched": done.fetched,
        "bytes": done.arrived,
        "first_seen": done.first_seen,
        "failures": list(done.failures),
        "published": str(options.record) if options.record else None,
    }
    published = [f"published in {options.record}"] if options.record else []
    report(args, content, *_summary(done), *published)
    return 1 if done.failures else 0


def _summary(done: Report) -> list[str]:
    lines = [
        f"{done.plan.folder}: {done.plan.num_files} files, {done.fetched} fetched now, {done.arrived / 1e6:.1f} MB"
    ]
    if done.first_seen:
        lines.append(
            f"{done.first_seen} of them have no published checksum: theirs was recorded at first sight in "
            f"{done.plan.folder / 'checksums.tsv'}, and is trusted from now on"
        )
    if done.failures:
        lines += [f"{len(done.failures)} did not come; run it again, what has come is kept:", *done.failures]
    return lines


def _options(args: argparse.Namespace) -> Any:
    from sciml_datasets.benchmark import Source
    from sciml_datasets.fetch.plan import FetchOptions
    from sciml_datasets.fetch.sources.remote import ConnectionSettings

    for flag in ("max_files", "jobs"):
        value = getattr(args, flag)
        if value is not None and value < 1:
            raise InputError(f"--{flag.replace('_', '-')} {value}: expected at least 1")
    if args.retries < 0:
        raise InputError(f"--retries {args.retries}: expected 0 or more")
    if not args.timeout > 0:
        raise InputError(f"--timeout {args.timeout}: expected more than 0 seconds")
    return FetchOptions(
        tuple(args.only),
        args.max_files,
        tuple(Source(url, 0) for url in args.source),
        args.accept_terms,
        _rate(args.limit_rate),
        ConnectionSettings(retries=args.retries, timeout=args.timeout, connections=args.jobs),
        _record(args),
    )


def _record(args: argparse.Namespace) -> Path | None:
    from sciml_datasets.files.checksums import published_list

    if args.record is None:
        return None
    found: Path = published_list(args.name) if args.record is True else args.record
    return found


def _rate(given: str | None) -> float | None:
    if given is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)", given.lower())
    if not match or not float(match[1]):
        raise InputError(f"--limit-rate {given}: expected bytes a second, for example 500k, 20M or 1G")
    return float(match[1]) * UNITS[match[2]]


def _show_terms(text: str) -> None:
    notice(*text.splitlines())


def _announce(plan: FetchPlan) -> None:
    from sciml_datasets.fetch.sources.server_text import shown

    here = f", {plan.here} are here" if plan.here else ""
    notice(
        f"{plan.name}: {len(plan.wanted)} files to fetch from {shown(plan.sources[0].url)}, "
        f"{plan.needed / 1e6:.1f} MB{here}; {plan.free / 1e9:.1f} GB free"
    )


def _planned(args: argparse.Namespace, content: dict[str, Any], lines: list[str], lacks: str) -> int:
    """Report a plan; exit code 2 and the sentence ``lacks`` where the disk has too little room for it."""
    report(args, content | ({"error": lacks} if lacks else {}), *lines)
    if lacks:
        notice(f"sciml fetch: {lacks}")
    return 2 if lacks else 0


def _content(plan: FetchPlan) -> dict[str, Any]:
    from sciml_datasets.fetch.sources.server_text import shown

    return {
        "folder": str(plan.folder),
        "sources": [shown(source.url) for source in plan.sources],
        "files": plan.num_files,
        "bytes": plan.num_bytes,
        "here": plan.here,
        "fetch_files": len(plan.wanted),
        "fetch_bytes": plan.needed,
        "partly_here_bytes": plan.partly,
        "free_bytes": plan.free,
        "fits": not plan.lacks,
        "unusable": dict(plan.unusable),
        "names": [item.file.name for item in plan.wanted],
    }


def _table(plan: FetchPlan) -> list[str]:
    from sciml_datasets.fetch.sources.server_text import shown

    lines = [f"{item.file.size if item.file.size is not None else '?':>14}  {item.file.name}" for item in plan.wanted]
    return [
        *lines,
        f"{plan.folder}: {plan.num_files} files, {plan.num_bytes:,} bytes; {plan.here} are here",
        f"to fetch: {len(plan.wanted)} files, {plan.needed:,} bytes, of which interrupted runs left about "
        f"{plan.partly:,}",
        *(f"cannot be fetched: {shown(name)}: {why}" for name, why in plan.unusable.items()),
        f"free: {plan.free:,} bytes{': too little' if plan.lacks else ''}",
    ]
