"""``sciml prepare NAME``."""

from __future__ import annotations

import argparse
from typing import Any

from sciml_datasets.benchmark import Benchmark, Choice
from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.cli.arguments import (
    PathArgument,
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
        action=PathArgument,
        metavar="RAW",
        help="raw files, one folder per data set (default: SCIML_RAW_DIR, else <data-dir>/downloads/manual)",
    )
    add_data_dir(parser)
    parser.add_argument("--file-format", choices=("tfrecord", "array_record"), help="of the shards (default: tfrecord)")
    add_jobs(parser, ", where no MPI launcher started several")
    parser.add_argument("--restart", action="store_true", help="remove what an interrupted preparation has left")
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
    from sciml_datasets.benchmarks import prepared_dir
    from sciml_datasets.parallel.launcher import world
    from sciml_datasets.preparation.prepare import prepare
    from sciml_datasets.prepared.manifest import read_manifest

    comm = world()
    wanted = [
        dataset.name
        for benchmark in BENCHMARKS.values()
        for dataset in benchmark.datasets
        if args.name == (dataset.preprocessed_from if args.preprocess else dataset.name)
    ]
    there = any((prepared_dir(name, args.data_dir) / "manifest.json").exists() for name in wanted)
    folder = prepare(
        args.name,
        args.raw_dir,
        args.data_dir,
        comm,
        jobs=jobs_of(args, comm),
        file_format=args.file_format,
        restart=args.restart,
        verify_raw=args.verify_raw,
        preprocess=args.preprocess,
        **chosen(args, _declared()),
    )
    if comm is not None and comm.Get_rank() != 0:
        return 0
    shards = read_manifest(folder)["shards"]
    content: dict[str, Any] = {
        "folder": str(folder),
        "shards": len(shards),
        "records": sum(shard["records"] for shard in shards),
        "bytes": sum(shard["bytes"] for shard in shards),
        "left_out": facts_of(folder).get("left_out", {}),
    }
    text = f"{folder}: {content['records']:,} records in {len(shards)} shards, {content['bytes'] / 1e6:.1f} MB"
    if there:
        text += ", prepared before: nothing was done"
        if args.verify_raw:
            text += f" and no raw file was read, `sciml verify {args.name} --raw-dir` does that"
    reasons = (f"{count:,} raw samples {reason_text(reason)}" for reason, count in content["left_out"].items())
    return report(args, content, text, *reasons)
