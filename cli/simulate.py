"""``sciml simulate NAME --out RAW``."""

from __future__ import annotations

import argparse

from sciml_datasets.cli.arguments import PathArgument, add_jobs, add_json, add_name, jobs_of, report

OPTIONS = ("pixels", "engine", "space_groups", "structures", "rows", "columns")
"""Of the simulators; what is not given is the simulator's own."""
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
    parser.add_argument(
        "--pixels", metavar="P", type=int, help="STEMDL: width of a pattern (default: 512; stemdl_demo: 128)"
    )
    parser.add_argument(
        "--engine",
        choices=("zolz", "box", "kinematic"),
        help="STEMDL: multislice in the zero-order Laue zone, multislice in the original's box (slow: 44 s of a core "
        "for a stack of 512 x 512), or kinematic theory (default: zolz)",
    )
    parser.add_argument(
        "--space-groups",
        metavar="G",
        type=int,
        nargs="+",
        help="STEMDL: numbers that take turns (default: all 230, some of them frequent; of the demo ten)",
    )
    parser.add_argument(
        "--structures",
        action=PathArgument,
        metavar="PATH",
        help="STEMDL: your crystals, a CIF or POSCAR file or a folder of them",
    )
    parser.add_argument("--rows", metavar="R", type=int, help="CloudMask: of a scene (default: 1200; demo: 256)")
    parser.add_argument("--columns", metavar="C", type=int, help="CloudMask: of a scene (default: 1500; demo: 320)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Write raw files and print where they are; under mpiexec or srun the ranks share the work."""
    from sciml_datasets.parallel.launcher import world
    from sciml_datasets.simulation import simulate

    given = {key: getattr(args, key) for key in OPTIONS}
    options = {key: value for key, value in given.items() if value is not None}
    comm = world()
    folder = simulate(args.name, args.out, args.samples, args.seed, jobs_of(args, comm), comm, **options)
    if comm is not None and comm.Get_rank() != 0:
        return 0
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in files)
    content = {"folder": str(folder), "files": len(files), "bytes": size}
    return report(args, content, f"{folder}: {len(files)} raw files, {size / 1e6:.1f} MB")
