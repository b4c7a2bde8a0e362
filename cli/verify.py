"""``sciml verify NAME``."""

from __future__ import annotations

import argparse

from sciml_datasets.benchmarks import find
from sciml_datasets.cli.arguments import PathArgument, add_data_dir, add_jobs, add_json, add_name, jobs_of, report
from sciml_datasets.errors import InputError

EXAMPLE = "sciml verify stemdl --data-dir data --quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml verify``."""
    add_name(parser)
    add_data_dir(parser, urls=True)
    parser.add_argument(
        "--raw-dir", action=PathArgument, metavar="RAW", help="check the raw files in RAW/NAME instead of prepared data"
    )
    parser.add_argument("--quick", action="store_true", help="compare names and sizes only, hash nothing")
    add_jobs(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the findings; exit code 1 if there are any."""
    find(args.name)
    if args.raw_dir is not None and args.data_dir is not None:
        raise InputError("--raw-dir and --data-dir together: choose one of them to verify")
    if args.raw_dir is not None and args.quick:
        raise InputError("--raw-dir with --quick: raw files are checked by their hashes, leave --quick out")
    findings, lines = _raw(args) if args.raw_dir is not None else _prepared(args)
    report(args, {"findings": findings}, *findings, *lines)
    return 1 if findings else 0


def _raw(args: argparse.Namespace) -> tuple[list[str], list[str]]:
    from sciml_datasets.benchmarks import raw_root
    from sciml_datasets.files.checksums import NAME, ChecksumError
    from sciml_datasets.preparation.verify import verify_raw

    folder = raw_root(args.raw_dir) / args.name
    try:
        agreed, recorded = verify_raw(args.name, folder, jobs_of(args))
    except ChecksumError as error:
        return [str(error)], []
    lines = [f"{folder}: {agreed} raw files agree with their checksums"]
    if recorded:
        what = f"{recorded} raw files that were seen for the first time are recorded here, by which later changes show"
        lines.append(f"{folder / NAME}: {what}; they were compared with no checksum of their publisher")
    return [], lines


def _prepared(args: argparse.Namespace) -> tuple[list[str], list[str]]:
    """The findings, and a line that says in which folder they are and what to do, or that there are none."""
    from sciml_datasets.prepared.prepared import Prepared
    from sciml_datasets.prepared.remote import place_of
    from sciml_datasets.prepared.verify import remedy_for

    prepared = Prepared.open(args.name, args.data_dir)
    findings, place = prepared.verify(quick=args.quick, jobs=jobs_of(args)), place_of(prepared.folder)
    if not findings:
        return [], [f"{place}: {'names and sizes' if args.quick else 'every byte'} as the manifest says"]
    remedy = remedy_for(findings, "prepare the data set, or stage it where it is a copy,")
    return findings, [f"{place}: {len(findings)} finding(s): {remedy}"]
