"""``sciml list``."""

from __future__ import annotations

import argparse
import os

from sciml_datasets.benchmarks import BENCHMARKS, data_root, dataset_names, prepared_dir
from sciml_datasets.cli.arguments import add_data_dir, add_json, report
from sciml_datasets.paths import NoHomeError

EXAMPLE = "sciml list --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml list``."""
    add_data_dir(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print every data set and whether it is prepared; where the home folder is not known, none counts as prepared."""
    try:
        root = data_root(args.data_dir)
    except NoHomeError:
        if args.data_dir is not None or os.environ.get("TFDS_DATA_DIR"):
            raise
        root = None
    rows = [
        {
            "name": dataset.name,
            "version": dataset.version,
            "benchmark": benchmark.name,
            "title": dataset.title,
            "prepared": root is not None and (prepared_dir(dataset.name, root) / "manifest.json").exists(),
        }
        for benchmark in BENCHMARKS.values()
        for dataset in benchmark.datasets
    ]
    width = max(map(len, dataset_names())) + 2
    lines = [
        f"{row['name']:<{width}}{row['version']:<8}{'prepared' if row['prepared'] else '-':<10}{row['title']}"
        for row in rows
    ]
    return report(args, rows, f"{'name':<{width}}{'version':<8}{'here':<10}what it is", *lines)
