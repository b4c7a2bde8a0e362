"""``sciml train NAME --data-dir D --out RUN``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sciml_datasets.benchmarks import dataset_names, find
from sciml_datasets.cli.arguments import PathArgument, add_data_dir, add_json, add_name, report
from sciml_datasets.cli.measured import advice_lines, measured_lines
from sciml_datasets.cli.result_lines import result_lines
from sciml_datasets.errors import DamagedRecordError, InputError
from sciml_datasets.parallel.launcher import speaks, world
from sciml_datasets.printable import notice

if TYPE_CHECKING:
    from mpi4py import MPI

EXAMPLE = "sciml train stemdl_demo --data-dir data --out run --epochs 10 --set learning_rate=0.001"
NO_SETTINGS = (
    *("name", "data_dir", "out_dir", "model", "strategy", "seed", "partition", "until_target", "tensorboard", "comm"),
    *("k", "by"),
)
"""Parameters of `train` and `cross_validate` that are no settings of a recipe."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml train``."""
    add_name(parser)
    add_data_dir(parser, urls=True)
    parser.add_argument(
        "--out",
        action=PathArgument,
        metavar="RUN",
        required=True,
        help="run folder: new, empty, or of an unfinished run, which is then continued",
    )
    parser.add_argument(
        "--model",
        metavar="package.module:function",
        help="function that makes a Keras model, or a .keras file (default: the reference)",
    )
    parser.add_argument(
        "--epochs", metavar="E", type=int, help="passes over the training split (default: the recipe's)"
    )
    parser.add_argument(
        "--batch-size", metavar="B", type=int, help="samples in a batch, all devices together (default: the recipe's)"
    )
    parser.add_argument(
        "--strategy",
        choices=("auto", "none", "mirrored", "multiworker"),
        default="auto",
        help="devices: all GPUs of this machine, or the processes that TF_CONFIG, mpiexec or srun name (default: auto)",
    )
    other = parser.add_mutually_exclusive_group()
    other.add_argument(
        "--fold", metavar="I/K", help="fold I of K in place of the canonical splits, or all/K for each in turn"
    )
    other.add_argument("--splits", metavar="NAME", help="splits by name in place of the canonical ones, as cell_blind")
    parser.add_argument("--by", metavar="KEY", help=f"what folds keep together: {_groupings()}")
    parser.add_argument("--until-target", action="store_true", help="end with the epoch that reaches the target")
    parser.add_argument("--tensorboard", action="store_true", help="also write event files, to RUN/tensorboard")
    parser.add_argument(
        "--seed", metavar="S", type=int, default=0, help="seed of weights, order and augmentation (default: 0)"
    )
    parser.add_argument(
        "--set",
        metavar="key=value",
        nargs="+",
        default=[],
        action="extend",
        help="settings by name: epochs and batch_size, as by their flags, learning_rate, weight_decay, warmup_share, "
        "clip_norm, patience, precision (float32, mixed_bfloat16 or float64), xla (off, on or auto), deterministic (on "
        "or off), parameters (of networks that have no fixed size); STEMDL: reference (ornl, stfc, stack, scaled; the "
        "demo: small), augmentation (none, mirrored, permuted, rotated, mirrored_permuted, all), class_weights (off or "
        "balanced)",
    )
    add_json(parser)


def _groupings() -> str:
    """The groupings that folds may keep together, in words, each list with the first data set that has it."""
    first: dict[tuple[str, ...], str] = {}
    for name in dataset_names():
        first.setdefault(tuple(find(name)[0].groupings), name)
    return "; ".join(["row (default)", *(f"{name}: {', '.join(known)}" for known, name in first.items() if known)])


def run(args: argparse.Namespace) -> int:
    """Train, score on the test split, and print the scores; words are checked before TensorFlow is imported."""
    sys.path.insert(0, str(Path.cwd()))  # so that --model finds a module in the current folder
    from sciml_datasets.cli.tensorflow import import_tensorflow_quietly
    from sciml_datasets.models.cross_validation import fold_of
    from sciml_datasets.models.run_arguments import check_training, prepared_and_recipe
    from sciml_datasets.models.run_folder import RunFolder
    from sciml_datasets.splits.groups import ROW

    settings = _settings(args)
    if args.by and not args.fold:
        raise InputError(f"--by {args.by}: it names what folds keep together: add --fold I/K")
    number, k = fold_of(args.fold) if args.fold else (1, 1)
    by = args.by or ROW
    partition = f"fold {number or 1}/{k} by {by}" if args.fold else args.splits or ""
    prepared, _ = prepared_and_recipe(args.name, args.data_dir, args.model, settings)
    check_training(prepared, args.seed, partition, until_target=args.until_target)
    if number is not None and args.strategy != "multiworker":  # of several workers the first one looks
        RunFolder(args.out).check()
    if speaks():
        _notice_on_commit(args.model)
    import_tensorflow_quietly()
    try:
        return _one(args, partition, settings) if number is not None else _each_fold(args, k, by, settings)
    except DamagedRecordError as error:
        kept = f"{args.out} keeps the epochs that were trained: prepare the data again, and the same command goes on"
        raise InputError(f"{error}; {kept}") from error


def _notice_on_commit(model: str | None) -> None:
    """Tell where the log of the run will name no commit of the user's code, or one that does not hold it."""
    from sciml_datasets.metrics.mllog import commit_of, uncommitted
    from sciml_datasets.models.networks import file_of_model

    commit = commit_of(Path.cwd())
    if commit is None:
        notice("no git checkout here, so the log will name no commit of your code: `sciml submit` will need --commit")
    elif model and (changed := uncommitted(Path.cwd(), file_of_model(model))):
        notice(
            f"{changed} is not as in commit {commit[:12]}, which the log will name: commit it before you train for a "
            "submission"
        )


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """Settings of the recipe by name, those of --set and those that have a flag of their own."""
    settings: dict[str, Any] = {}
    for key, value in map(_key_value, args.set):
        if key in NO_SETTINGS:
            raise InputError(f"--set {key}={value}: this is no setting: `sciml train --help` shows the flag for it")
        if key in settings:
            raise InputError(f"--set {key}: it is given twice: give it once")
        settings[key] = value
    given = {"epochs": args.epochs, "batch_size": args.batch_size}
    given = {key: value for key, value in given.items() if value is not None}
    for key in given.keys() & settings.keys():
        raise InputError(f"{key} is given twice, by a flag and by --set: give it once")
    return settings | given


def _each_fold(args: argparse.Namespace, k: int, by: str, settings: dict[str, Any]) -> int:
    """Train on each fold in turn, and print the table of the scores."""
    from sciml_datasets.metrics.cross_validation import fold_table
    from sciml_datasets.models import cross_validate
    from sciml_datasets.models.cross_validation import TABLE

    settings |= {"until_target": args.until_target, "tensorboard": args.tensorboard}
    found = cross_validate(args.name, k, by, args.data_dir, args.out, args.model, args.strategy, args.seed, **settings)
    last = f"{args.out}: {TABLE}, and a run folder for each fold"
    return report(args, found, *fold_table(found).split("\n"), last)


def _one(args: argparse.Namespace, partition: str, settings: dict[str, Any]) -> int:
    """Train once, and print the scores."""
    from sciml_datasets.models import train

    result = train(
        args.name,
        args.data_dir,
        args.out,
        args.model,
        args.strategy,
        args.seed,
        partition=partition,
        until_target=args.until_target,
        tensorboard=args.tensorboard,
        comm=_ranks() if args.strategy == "multiworker" else None,
        **settings,
    )
    if not result:  # another worker writes and reports
        return 0
    lines = [*result_lines(result), *([_reached(result)] if args.until_target else [])]
    lines += measured_lines(result, "training")
    lines += advice_lines(args.name, result.get("input_wait"), result["durations"]["training"])
    return report(args, result, *lines, f"{args.out}: weights, predictions, logs and plots")


def _reached(result: dict[str, Any]) -> str:
    """A sentence on when the target was reached on the validation split."""
    convergence = result["convergence"]
    if convergence is None:
        return f"{result['dataset']} has no target: the run trained to its end"
    target = f"{convergence['criterion']} {convergence['target']:g} on the validation split"
    if convergence["reached"] is None:
        return f"{target}: not reached"
    reached = convergence["reached"]
    return f"{target}: reached after {reached['epochs']:g} epochs and {reached['seconds']:.1f} s"


def _ranks() -> MPI.Intracomm | None:
    """MPI's ranks, unless TF_CONFIG names the workers or srun started them without MPI."""
    if "TF_CONFIG" in os.environ:
        return None
    try:
        return world()
    except InputError:
        if "SLURM_STEP_NODELIST" in os.environ:
            return None
        raise


def _key_value(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--set {text}: expected key=value")
    return key, value
