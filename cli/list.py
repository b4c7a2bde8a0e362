"""``sciml list``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from sciml_datasets.benchmarks import BENCHMARKS, dataset_names, prepared_dir
from sciml_datasets.cli.arguments import add_data_dir, add_json, report
from sciml_datasets.errors import InputError
from sciml_datasets.paths import NoHomeError
from sciml_datasets.printable import notice

EXAMPLE = "sciml list --json"
WORDS = {True: "prepared", False: "-", None: "?"}
"""Words for whether a data set is prepared; None where that is not known."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml list``."""
    add_data_dir(parser, urls=True)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print every data set and whether it is prepared; where the home folder is not known, none counts as prepared."""
    prepared = _prepared(args.data_dir)
    rows: list[dict[str, Any]] = [
        {
            "name": dataset.name,
            "version": dataset.version,
            "benchmark": benchmark.name,
            "title": dataset.title,
            "prepared": prepared[dataset.name],
        }
        for benchmark in BENCHMARKS.values()
        for dataset in benchmark.datasets
    ]
    width = max(map(len, prepared)) + 2
    lines = [f"{row['name']:<{width}}{row['version']:<8}{WORDS[row['prepared']]:<10}{row['title']}" for row in rows]
    return report(args, rows, f"{'name':<{width}}{'version':<8}{'here':<10}what it is", *lines)


def _prepared(data_dir: Path | str | None) -> dict[str, bool | None]:
    """Whether each data set is prepared, by name; None where a store does not say it."""
    from sciml_datasets.prepared.remote import place_to_read, prepared_at

    try:
        place = place_to_read(data_dir)
        if isinstance(place, Path):
            return {name: (prepared_dir(name, place) / "manifest.json").exists() for name in dataset_names()}
    except NoHomeError:
        if data_dir is not None or os.environ.get("TFDS_DATA_DIR"):
            raise
        return dict.fromkeys(dataset_names(), False)
    try:
        return {**prepared_at(place)}
    except InputError as error:
        notice(f"it is not known what is prepared there: {error}")
        return dict.fromkeys(dataset_names())
