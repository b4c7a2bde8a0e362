"""``sciml croissant NAME --data-dir D --out F.json``."""

from __future__ import annotations

import argparse
import json
from datetime import datetime

from sciml_datasets.cli.arguments import FileArgument, add_data_dir, add_json, add_name, check_output, report

EXAMPLE = "sciml croissant candle_uno_demo --data-dir data --out croissant.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml croissant``."""
    add_name(parser)
    add_data_dir(parser, urls=True)
    parser.add_argument(
        "--out",
        action=FileArgument,
        metavar="F.json",
        required=True,
        help="document to write; it names the files by their places from its own folder",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Write the Croissant document of a prepared data set."""
    from sciml_datasets.croissant import croissant
    from sciml_datasets.files import atomic
    from sciml_datasets.prepared.prepared import Prepared

    check_output(args.out)
    prepared = Prepared.open(args.name, args.data_dir).check()
    document = croissant(prepared, args.out.absolute().parent)
    text = json.dumps(document, indent=1, ensure_ascii=False, default=datetime.isoformat)
    atomic.write_text(args.out, f"{text}\n")
    files, sets = len(document["distribution"]), len(document["recordSet"])
    content = {"document": str(args.out), "files": files, "record_sets": sets}
    return report(args, content, f"{args.out}: {files} files and {sets} record sets of {args.name}")
