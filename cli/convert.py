"""``sciml convert slstr SOURCE --out RAW``."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from sciml_datasets.cli.arguments import add_json, report

EXAMPLE = "sciml convert slstr S3A_SL_1_RBT____20210827T074336_...SEN3 --out raw/cloudmask/inference"
FORMATS = {"slstr": "sciml_datasets.cloudmask.slstr"}
"""Format to the module whose ``convert`` reads it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml convert``."""
    parser.add_argument("format", choices=FORMATS, help="slstr: a Sentinel-3 SLSTR Level 1B product to a scene")
    parser.add_argument("source", metavar="SOURCE", help="the product's .SEN3 folder")
    parser.add_argument("--out", metavar="RAW", required=True, help="file to write, or an existing folder for it")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Convert and print what was written."""
    convert = importlib.import_module(FORMATS[args.format]).convert
    written = convert(Path(args.source), Path(args.out))
    return report(
        args,
        {"file": str(written), "bytes": written.stat().st_size},
        f"{written}: {written.stat().st_size / 1e6:.1f} MB",
    )
