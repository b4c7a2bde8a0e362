"""``sciml simulate NAME --out RAW``."""

from __future__ import annotations

import argparse

from sciml_datasets.benchmark import Benchmark, Choice
from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.cli.arguments import PathArgument, add_jobs, add_json, add_name, jobs_of, report
from sciml_datasets.cli.choices import add_choices, chosen

EXAMPLE = "sciml simulate stemdl --out raw --samples 200 (STEMDL, many ranks: mpiexec -n 8 sciml simulate ...)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml simulate``."""
    add_name(parser)
    parser.add_argument(
        "--out", action=PathArgument, metavar="RAW", required=True, help="raw folder; the files go to RAW/NAME"
    )
    parser.add_argument(
        "--samples", metavar="N", type=int, help="all splits together (default: 200, or a demo's own number)"
    )
    parser.add_argument("--seed", metavar="S", type=int, default=0, help="seed of the random numbers (default: 0)")
    add_jobs(parser, ", where no MPI launcher started several")
    add_choices(parser, _declared())
    add_json(parser)


def _declared() -> list[tuple[Benchmark, Choice]]:
    return [(benchmark, choice) for benchmark in BENCHMARKS.values() for choice in benchmark.simulator]


def run(args: argparse.Namespace) -> int:
    """Write raw files and print where they are; under mpiexec or srun the ranks share the work."""
    from sciml_datasets.files.checksums import NAME
    from sciml_datasets.parallel.launcher import world
    from sciml_datasets.simulation import simulate

    comm = world()
    options = chosen(args, _declared())
    folder = simulate(args.name, args.out, args.samples, args.seed, jobs_of(args, comm), comm, **options)
    if comm is not None and comm.Get_rank() != 0:
        return 0
    files = [path for path in folder.rglob("*") if path.is_file() and path != folder / NAME]
    size = sum(path.stat().st_size for path in files)
    content = {"folder": str(folder), "files": len(files), "bytes": size}
    return report(args, content, f"{folder}: {len(files)} raw files, {size / 1e6:.1f} MB")
