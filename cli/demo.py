"""``sciml demo [NAME ...]``: simulate, prepare, draw, train and score, on two cores in minutes."""

from __future__ import annotations

import argparse
import itertools
import os
import time
from pathlib import Path
from typing import Any

from sciml_datasets.benchmarks import BENCHMARKS, find
from sciml_datasets.cli.arguments import PathArgument, add_json, report
from sciml_datasets.errors import InputError
from sciml_datasets.printable import notice

EXAMPLE = "sciml demo stemdl_demo --out demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml demo``."""
    names = _demos()
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"demo data sets (default: {' '.join(names)})")
    parser.add_argument(
        "--out", action=PathArgument, metavar="DIR", default=Path("demo"), help="where everything goes (default: demo)"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run all steps for each demo, and print its scores and the files that it made."""
    names = args.names or _demos()
    for name in names:
        if name not in _demos():
            find(name)
            raise InputError(f"{name} is not simulated: choose from {', '.join(_demos())}")
    results = [_walk(name, args.out) for name in names]
    from sciml_datasets.metrics.result_table import table

    texts = [
        "\n".join(
            [table(made["result"]), *(f"{what:<10}{made[what]}" for what in ("raw", "prepared", "picture", "run"))]
        )
        for made in results
    ]
    return report(args, results, *"\n\n".join(texts).split("\n"))


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
    started = time.perf_counter()

    def say(text: str) -> None:
        notice(f"[{time.perf_counter() - started:5.1f} s] {name}: {text}")

    if not (raw / name).exists():
        say("simulating raw files")
        simulate(name, raw, jobs=os.cpu_count() or 1)
    say("preparing")
    folder = prepare(name, raw, data)
    say("drawing samples")
    number = next(i for i in itertools.count(1) if not (_picture(out, name, i).exists() or _run(out, name, i).exists()))
    picture, run_folder = _picture(out, name, number), _run(out, name, number)
    show(Prepared.open(name, data).check(), "test", picture)
    say("training and scoring")
    from sciml_datasets.cli.tensorflow import import_tensorflow_quietly

    import_tensorflow_quietly()
    from sciml_datasets.models import train

    result = train(name, data, run_folder)
    say("done")
    return {
        "raw": str(raw / name),
        "prepared": str(folder),
        "picture": str(picture),
        "run": str(run_folder),
        "result": result,
    }
