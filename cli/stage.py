"""``sciml stage NAME --data-dir D --to LOCAL``."""

from __future__ import annotations

import argparse

from sciml_datasets.cli.arguments import PathArgument, add_data_dir, add_json, add_name, report

EXAMPLE = "sciml stage stemdl --data-dir data --to $TMPDIR (once per node: srun sciml stage ...)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml stage``."""
    add_name(parser)
    add_data_dir(parser, urls=True)
    parser.add_argument(
        "--to",
        action=PathArgument,
        metavar="LOCAL",
        required=True,
        help="folder on the node's disk, the --data-dir of what follows",
    )
    parser.add_argument("--jobs", metavar="J", type=int, default=4, help="files at a time on a node (default: 4)")
    parser.add_argument(
        "--quick", action="store_true", help="compare only names and sizes of a copy that exists already"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Copy a prepared data set; under mpiexec or srun one rank of each node copies it."""
    from sciml_datasets.parallel.executors import MpiRanks, Serial
    from sciml_datasets.parallel.launcher import world
    from sciml_datasets.prepared.prepared import Prepared
    from sciml_datasets.staging import stage

    comm = world()
    ranks = Serial() if comm is None else MpiRanks(comm)
    prepared = ranks.run_once(lambda: Prepared.open(args.name, args.data_dir))
    folder, copied = stage(prepared, args.to, comm, jobs=args.jobs, quick=args.quick)
    if comm is not None and comm.Get_rank() != 0:
        return 0
    there = f"there already, {'names and sizes' if args.quick else 'every byte'} as the manifest says"
    done = f"{copied / 1e6:.1f} MB copied and verified" if copied else there
    return report(args, {"folder": str(folder), "bytes": copied}, f"{folder}: {done}")
