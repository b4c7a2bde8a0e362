"""``sciml evaluate NAME --data-dir D --predictions P.h5``."""

from __future__ import annotations

import argparse
import os

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
from sciml_datasets.cli.result_lines import result_lines

EXAMPLE = "sciml evaluate stemdl_demo --data-dir data --predictions run/predictions.h5"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml evaluate``."""
    add_name(parser)
    add_data_dir(parser, urls=True)
    parser.add_argument(
        "--predictions",
        action=PathArgument,
        metavar="P.h5",
        nargs="+",
        required=True,
        help="HDF5 file with /id and /prediction; for several, as of other seeds, mean and spread are reported",
    )
    add_split(parser)
    parser.add_argument("--out", action=FileArgument, metavar="result.json", help="also write the result here")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Score predictions of any framework and print the scores beside targets and baselines."""
    from sciml_datasets.errors import InputError
    from sciml_datasets.metrics.evaluator import Evaluator
    from sciml_datasets.metrics.results import aggregate, make_result, write_result
    from sciml_datasets.metrics.truth import Truth
    from sciml_datasets.prepared.prepared import Prepared
    from sciml_datasets.submissions.runs import PREDICTIONS

    for path in args.predictions:
        if (path / PREDICTIONS).is_file():
            raise InputError(f"{path} is a run folder: name its predictions, {path / PREDICTIONS}")
    places = [os.path.realpath(path) for path in args.predictions]
    for path, place in zip(args.predictions, places, strict=True):
        if args.out and path.exists() and place == os.path.realpath(args.out):
            raise InputError(f"--out {args.out}: this is a predictions file, which would be lost: name another file")
    if args.out:
        check_output(args.out)
    prepared = Prepared.open(args.name, args.data_dir).check()
    truth = Truth(prepared, args.split)
    results = []
    for i, path in enumerate(args.predictions):
        if places[i] in places[:i]:
            raise InputError(f"{path} is given twice: give each run's file once")
        evaluator = Evaluator(prepared, args.split, truth=truth)
        evaluator.update_from_file(path)
        results.append(make_result(evaluator))
    result = aggregate(results) if len(results) > 1 else results[0]
    lines = result_lines(result)
    if args.out:
        write_result(result, args.out)
        lines.append(f"{args.out}: the same as JSON")
    return report(args, result, *lines)
