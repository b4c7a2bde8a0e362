"""``sciml prepare NAME``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from sciml_datasets.benchmark import Benchmark, Choice
from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.cli.arguments import (
    DataArgument,
    add_data_dir,
    add_jobs,
    add_json,
    add_name,
    jobs_of,
    reason_text,
    report,
)
from sciml_datasets.cli.choices import add_choices, chosen
from sciml_datasets.prepared.metadata import facts_of

EXAMPLE = "sciml prepare stemdl --raw-dir raw --data-dir data (many ranks: mpiexec -n 8 sciml prepare ...)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml prepare``."""
    add_name(parser)
    parser.add_argument(
        "--raw-dir",
        action=DataArgument,
        metavar="RAW",
        help="folder, or URL, of raw files, one folder per data set (default: SCIML_RAW_DIR, else "
        "<data-dir>/downloads/manual)",
    )
    add_data_dir(parser, urls=True)
    parser.add_argument("--file-format", choices=("tfrecord", "array_record"), help="of the shards (default: tfrecord)")
    add_jobs(parser, ", where no MPI launcher started several")
    parser.add_argument("--restart", action="store_true", help="remove what an interrupted preparation has left")
    parser.add_argument("--dry-run", action="store_true", help="show what would be read and written, and write nothing")
    parser.add_argument(
        "--share",
        metavar="I/N",
        help="write this share of the shards, I from 0, or slurm for that of a task of a job array; the last one "
        "finishes (default: all shards)",
    )
    parser.add_argument(
        "--verify-raw", action="store_true", help="hash the raw files and compare or record their checksums"
    )
    parser.add_argument(
        "--preprocess",
        action="store_true",
        help="prepare the preprocessed form of the data set from its raw files (of stemdl and cloudmask)",
    )
    add_choices(parser, _declared())
    add_json(parser)


def _declared() -> list[tuple[Benchmark, Choice]]:
    return [(benchmark, choice) for benchmark in BENCHMARKS.values() for choice in benchmark.choices]


def run(args: argparse.Namespace) -> int:
    """Prepare a data set and print what it holds; under mpiexec or srun the ranks share the work."""
    from sciml_datasets.parallel.executors import MpiRanks, Serial
    from sciml_datasets.parallel.launcher import world
    from sciml_datasets.preparation.places import data_place
    from sciml_datasets.preparation.prepare import destination_of, prepare
    from sciml_datasets.prepared.manifest import read_manifest

    comm = world()
    leader = Serial() if comm is None else MpiRanks(comm)
    place = leader.run_once(lambda: data_place(args.data_dir))
    if args.dry_run:
        return _dry_run(args, place, comm)
    wanted = [
        dataset.name
        for benchmark in BENCHMARKS.values()
        for dataset in benchmark.datasets
        if args.name == (dataset.preprocessed_from if args.preprocess else dataset.name)
    ]
    places = leader.run_once(lambda: [destination_of(name, place) for name in wanted])
    there = leader.run_once(lambda: any(destination.is_finished() for destination in places))
    folder = prepare(
        args.name,
        args.raw_dir,
        place,
        comm,
        jobs=jobs_of(args, comm),
        file_format=args.file_format,
        share=args.share,
        restart=args.restart,
        verify_raw=args.verify_raw,
        preprocess=args.preprocess,
        **chosen(args, _declared()),
    )
    if comm is not None and comm.Get_rank() != 0:
        return 0
    (destination,) = (one for one in places if str(one) == str(folder))
    if args.share is not None and not destination.is_finished():
        return report(args, {"folder": str(folder), "finished": False}, f"{folder}: other shares are not finished yet")
    with destination.described() as files:
        shards, facts = read_manifest(files)["shards"], facts_of(files)
    content: dict[str, Any] = {
        "folder": str(folder),
        "finished": True,
        "shards": len(shards),
        "records": sum(shard["records"] for shard in shards),
        "bytes": sum(shard["bytes"] for shard in shards),
        "left_out": facts.get("left_out", {}),
    }
    text = f"{folder}: {content['records']:,} records in {len(shards)} shards, {content['bytes'] / 1e6:.1f} MB"
    if there:
        text += ", prepared before: nothing was done"
        if args.verify_raw:
            text += f" and no raw file was read, `sciml verify {args.name} --raw-dir` does that"
    reasons = (f"{count:,} raw samples {reason_text(reason)}" for reason, count in content["left_out"].items())
    return report(args, content, text, *reasons)


def _dry_run(args: argparse.Namespace, place: Any, comm: Any) -> int:
    """Print what would be read and written; 2 where there is too little room."""
    from sciml_datasets.preparation.survey import survey

    found = survey(
        args.name,
        args.raw_dir,
        place,
        comm,
        jobs=jobs_of(args, comm),
        file_format=args.file_format,
        preprocess=args.preprocess,
        **chosen(args, _declared()),
    )
    if comm is not None and comm.Get_rank() != 0:
        return 0
    if found.prepared:
        return report(args, asdict(found), f"{found.destination} is prepared: nothing would be done")
    fits = found.needed <= found.free
    splits = ", ".join(f"{count:,} {split}" for split, count in (found.records or {}).items())
    report(
        args,
        asdict(found),
        f"to read: {found.raw}: {found.raw_files:,} files, {found.raw_bytes / 1e6:.1f} MB",
        f"to write: {found.destination}: {splits} records in {found.shards:,} shards, {found.written / 1e6:.1f} MB",
        *([f"at most {found.requests:,} requests to write them"] if found.requests else []),
        f"room in {found.room}: {found.needed / 1e9:.3f} GB needed, {found.free / 1e9:.3f} GB free",
    )
    return 0 if fits else 2
