"""``sciml prepare NAME``."""

from __future__ import annotations

import argparse

from sciml_datasets.cli.arguments import add_data_dir, add_json, add_name, report

EXAMPLE = "sciml prepare stemdl --raw-dir raw --data-dir data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml prepare``."""
    add_name(parser)
    parser.add_argument(
        "--raw-dir",
        metavar="RAW",
        help="raw files, one folder per data set (default: SCIML_RAW_DIR, else <data-dir>/downloads/manual)",
    )
    add_data_dir(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prepare a data set and print what it holds."""
    from sciml_datasets.preparation.manifest import read_manifest
    from sciml_datasets.preparation.run import prepare

    folder = prepare(args.name, args.raw_dir, args.data_dir)
    shards = read_manifest(folder)["shards"]
    content = {
        "folder": str(folder),
        "shards": len(shards),
        "records": sum(shard["records"] for shard in shards),
        "bytes": sum(shard["bytes"] for shard in shards),
    }
    text = f"{folder}: {content['records']:,} records in {len(shards)} shards, {content['bytes'] / 1e6:.1f} MB"
    return report(args, content, text)
