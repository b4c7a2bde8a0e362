"""``sciml predict NAME --data-dir D (--run RUN | --model M) --out P.h5``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from sciml_datasets.cli.arguments import (
    FileArgument,
    PathArgument,
    add_data_dir,
    add_json,
    add_name,
    add_split,
    check_output,
    report,
)
from sciml_datasets.cli.measured import measured_lines
from sciml_datasets.errors import InputError

EXAMPLE = "sciml predict stemdl_demo --data-dir data --run run --out predictions.h5"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml predict``."""
    add_name(parser)
    add_data_dir(parser, urls=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", action=PathArgument, metavar="RUN", help="run folder with model.keras")
    source.add_argument(
        "--model", metavar="M", help="a .keras file, or package.module:function that makes a Keras model"
    )
    parser.add_argument("--out", action=FileArgument, metavar="P.h5", required=True, help="predictions file to write")
    add_split(parser, "of the partition that the run was trained on")
    parser.add_argument("--batch-size", metavar="B", type=int, help="samples in a batch (default: the recipe's)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Predict a split, and report the file of predictions and the time that a sample took."""
    check_output(args.out)
    sys.path.insert(0, str(Path.cwd()))  # so that --model finds a module in the current folder
    from sciml_datasets.cli.tensorflow import import_tensorflow_quietly
    from sciml_datasets.models import predict
    from sciml_datasets.models.run_arguments import check_split, prepared_and_recipe
    from sciml_datasets.models.run_config import trained_with

    model: Any = args.model
    settings: dict[str, Any] = {}
    split, partition = args.split, None
    of_data: dict[str, Any] = {}
    if args.run:
        folder = args.run
        model, (settings, partition, of_data) = str(folder / "model.keras"), trained_with(folder, args.name)
        if partition and ":" not in split:
            split = f"{partition}:{split}"
    if model is not None and Path(model).exists() and os.path.realpath(model) == os.path.realpath(args.out):
        raise InputError(f"--out {args.out}: this is the model, which would be lost: name another file")
    if args.batch_size is not None:
        settings["batch_size"] = args.batch_size
    check_split(prepared_and_recipe(args.name, args.data_dir, model, settings)[0], split)
    import_tensorflow_quietly()
    known: dict[str, Any] = {"trained_on": partition, **of_data}
    times = predict(args.name, model, args.out, args.data_dir, split, **known, **settings)
    lines = (
        f"{args.out}: predictions of the {split} split",
        f"single samples: {1e3 * times['latency_50']:.1f} ms (median), {1e3 * times['latency_90']:.1f} ms (90 %), "
        f"{1e3 * times['latency_99']:.1f} ms (99 %); batches of {times['batch_size']}: "
        f"{times['throughput']:.1f} samples/s",
        *measured_lines(times, "prediction"),
    )
    return report(args, {"predictions": str(args.out)} | times, *lines)
