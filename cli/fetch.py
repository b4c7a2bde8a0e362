"""``sciml fetch NAME``."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sciml_datasets.cli.arguments import add_json, add_name, report
from sciml_datasets.errors import InputError

if TYPE_CHECKING:
    from sciml_datasets.fetch.plan import Plan

EXAMPLE = "sciml fetch cloudmask --raw-dir raw --only 'training/*' --max-files 10 --dry-run"
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
SHOWN_FAILURES = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml fetch``."""
    add_name(parser)
    parser.add_argument(
        "--raw-dir",
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
        metavar="FILE",
        help="for maintainers: put all recorded checksums into FILE, such as sciml_datasets/cloudmask/checksums.tsv",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Fetch raw files; under mpiexec or srun the ranks share them."""
    from sciml_datasets.benchmarks import raw_root
    from sciml_datasets.cli.ranks import world
    from sciml_datasets.fetch.globus import steps
    from sciml_datasets.fetch.plan import globus_source, plan_fetch
    from sciml_datasets.fetch.run import fetch
    from sciml_datasets.fetch.terms import TermsError
    from sciml_datasets.preparation.crew import PeerFailedError

    options = _options(args)
    through_globus = globus_source(args.name)
    if through_globus and not args.source:
        folder = raw_root(args.raw_dir).absolute() / args.name
        text = steps(args.name, through_globus, folder)
        report(args, {"folder": str(folder), "steps": text.splitlines()}, text)
        return 1
    if args.dry_run:
        plan = plan_fetch(args.name, args.raw_dir, options)
        return report(args, _planned(plan), _table(plan))
    try:
        done = fetch(args.name, args.raw_dir, options, world(), _announce)
    except TermsError as error:
        print(error.text, file=sys.stderr)
        raise
    except PeerFailedError:  # that rank has said why
        return 2
    if done is None:
        return 0
    for note in done.notes:
        print(note, file=sys.stderr)
    if done.failures:
        more = len(done.failures) - SHOWN_FAILURES
        shown = [*done.failures[:SHOWN_FAILURES], *([f"and {more} more"] if more > 0 else [])]
        raise InputError(
            f"{len(done.failures)} of {done.plan.num_files} files did not come ({done.fetched} came): "
            f"{' | '.join(shown)}: run it again, what has come is kept"
        )
    content = {
        "folder": str(done.plan.folder),
        "files": done.plan.num_files,
        "fetched": done.fetched,
        "bytes": done.arrived,
        "first_seen": done.first_seen,
    }
    text = f"{done.plan.folder}: {done.plan.num_files} files, {done.fetched} fetched now, {done.arrived / 1e6:.1f} MB"
    if done.first_seen:
        text += (
            f"\n{done.first_seen} of them have no published checksum: theirs was recorded at first sight in "
            f"{done.plan.folder / 'checksums.tsv'}, and is trusted from now on"
        )
    return report(args, content, text)


def _options(args: argparse.Namespace) -> Any:
    from sciml_datasets.benchmarks import Source
    from sciml_datasets.fetch.plan import Options
    from sciml_datasets.fetch.remote import Patience

    for flag in ("max_files", "jobs"):
        value = getattr(args, flag)
        if value is not None and value < 1:
            raise InputError(f"--{flag.replace('_', '-')} {value}: expected at least 1")
    if args.retries < 0:
        raise InputError(f"--retries {args.retries}: expected 0 or more")
    if not args.timeout > 0:
        raise InputError(f"--timeout {args.timeout}: expected more than 0 seconds")
    return Options(
        tuple(args.only),
        args.max_files,
        tuple(Source(url, 0) for url in args.source),
        args.accept_terms,
        _rate(args.limit_rate),
        Patience(retries=args.retries, timeout=args.timeout, connections=args.jobs),
        Path(args.record) if args.record else None,
    )


def _rate(given: str | None) -> float | None:
    if given is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)", given.lower())
    if not match or not float(match[1]):
        raise InputError(f"--limit-rate {given}: expected bytes a second, for example 500k, 20M or 1G")
    return float(match[1]) * UNITS[match[2]]


def _announce(plan: Plan) -> None:
    here = f", {plan.here} are here" if plan.here else ""
    print(
        f"{plan.name}: {len(plan.wanted)} files to fetch from {plan.sources[0].url}, {plan.needed / 1e6:.1f} MB{here}; "
        f"{plan.free / 1e9:.1f} GB free",
        file=sys.stderr,
    )


def _planned(plan: Plan) -> dict[str, Any]:
    return {
        "folder": str(plan.folder),
        "sources": [source.url for source in plan.sources],
        "files": plan.num_files,
        "bytes": plan.num_bytes,
        "here": plan.here,
        "fetch_files": len(plan.wanted),
        "fetch_bytes": plan.needed,
        "partly_here_bytes": plan.partly,
        "free_bytes": plan.free,
        "fits": plan.needed - plan.partly <= plan.free,
        "names": [item.file.name for item in plan.wanted],
    }


def _table(plan: Plan) -> str:
    lines = [f"{item.file.size if item.file.size is not None else '?':>14}  {item.file.name}" for item in plan.wanted]
    fits = "" if plan.needed - plan.partly <= plan.free else ": too little"
    return "\n".join(
        [
            *lines,
            f"{plan.folder}: {plan.num_files} files, {plan.num_bytes:,} bytes; {plan.here} are here",
            f"to fetch: {len(plan.wanted)} files, {plan.needed:,} bytes, of which interrupted runs left about "
            f"{plan.partly:,}",
            f"free: {plan.free:,} bytes{fits}",
        ]
    )
