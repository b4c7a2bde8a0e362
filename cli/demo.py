"""``sciml demo [NAME ...]``: simulate, prepare, train, score and draw, on two cores in minutes."""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sciml_datasets.benchmarks import BENCHMARKS, find
from sciml_datasets.cli.arguments import PathArgument, add_json, report
from sciml_datasets.cli.result_lines import result_lines
from sciml_datasets.cli.streams import say
from sciml_datasets.errors import InputError
from sciml_datasets.nearest import one_of
from sciml_datasets.printable import notice
from sciml_datasets.submissions.runs import LOG, PREDICTIONS, is_of_run

EXAMPLE = "sciml demo stemdl_demo --out demo"
FIRST = ("candle_uno_demo", "cloudmask_demo")
"""The demos that take the shortest time, which are walked by default."""
MINUTES: Mapping[str, float] = {
    "candle_uno_demo": 0.5,
    "cloudmask_demo": 1.0,
    "stemdl_demo": 6,
    "stemdl_reconstruction_demo": 4,
}
"""Time that `sciml demo` takes on a machine with two cores and no other work."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml demo``."""
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"demo data sets (default: {' '.join(FIRST)})")
    parser.add_argument("--all", action="store_true", help=f"all demo data sets: {' '.join(_demos())}")
    parser.add_argument(
        "--out", action=PathArgument, metavar="DIR", default=Path("demo"), help="where everything goes (default: demo)"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run all steps for each demo, and print its scores and the files that it made when it ends."""
    if args.all and args.names:
        raise InputError(f"--all and {' '.join(args.names)}: give one of them")
    names = _demos() if args.all else args.names or FIRST
    for name in names:
        if name not in _demos():
            find(name)
            raise InputError(f"{name} is not simulated: {one_of(name, _demos())}")
    if is_of_run(args.out / LOG):
        raise InputError(f"--out {args.out} is a run folder: name a folder for raw files, data, runs and pictures")
    notice(f"{len(names)} of {len(_demos())} demos, on two cores: {', '.join(map(_expected, names))}")
    results = []
    for name in names:
        made = _walk(name, args.out)
        results.append(made)
        if not args.json:
            places = (f"{what:<10}{made[what]}" for what in ("raw", "prepared", "run", "picture"))
            say(*result_lines(made["result"]), *places, "")
    rest = [name for name in _demos() if name not in names]
    if rest:
        notice(f"left: {', '.join(map(_expected, rest))}: sciml demo --all --out {args.out}")
    return report(args, results) if args.json else 0


def _expected(name: str) -> str:
    """A demo with the time that it takes, where that is known."""
    minutes = MINUTES.get(name)
    if minutes is None:
        return name
    return f"{name} {minutes:g} min" if minutes >= 1 else f"{name} {60 * minutes:g} s"


def _demos() -> list[str]:
    return [dataset.name for row in BENCHMARKS.values() for dataset in row.datasets if dataset.simulated_samples]


def _picture(out: Path, name: str, number: int) -> Path:
    return out / (f"{name}.png" if number == 1 else f"{name}-{number}.png")


def _run(out: Path, name: str, number: int) -> Path:
    return out / "runs" / f"{name}-{number}"


def _walk(name: str, out: Path) -> dict[str, Any]:
    """Run one demo; raw files and the prepared data set are used again where they exist."""
    from sciml_datasets.cli.show import show
    from sciml_datasets.preparation.prepare import prepare
    from sciml_datasets.prepared.prepared import Prepared
    from sciml_datasets.simulation import simulate

    raw, data = out / "raw", out / "data"
    started, steps = time.perf_counter(), itertools.count(1)

    def step(text: str) -> None:
        notice(f"[{time.perf_counter() - started:5.1f} s] {name} {next(steps)}/4: {text}")

    if (raw / name).exists():
        step("raw files are there")
    else:
        step("simulating raw files")
        simulate(name, raw, jobs=os.cpu_count() or 1)
    step("preparing")
    folder = prepare(name, raw, data)
    number = next(i for i in itertools.count(1) if not (_picture(out, name, i).exists() or _run(out, name, i).exists()))
    picture, run_folder = _picture(out, name, number), _run(out, name, number)
    step("training and scoring" if number == 1 else f"training and scoring again, in {run_folder}: earlier runs stay")
    from sciml_datasets.cli.tensorflow import import_tensorflow_quietly

    import_tensorflow_quietly()
    from sciml_datasets.models import train

    result = train(name, data, run_folder)
    step("drawing samples and predictions")
    show(Prepared.open(name, data).check(), "test", picture, predictions=run_folder / PREDICTIONS)
    return {
        "raw": str(raw / name),
        "prepared": str(folder),
        "run": str(run_folder),
        "picture": str(picture),
        "result": result,
    }
