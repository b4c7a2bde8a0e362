"""``sciml convert slstr|improve|csv SOURCE --out RAW``."""

from __future__ import annotations

import argparse
from pathlib import Path

from sciml_datasets.cli.arguments import add_json, report, told
from sciml_datasets.errors import InputError

EXAMPLE = "sciml convert csv study/response.csv --out raw/candle_uno"
FORMATS = ("slstr", "improve", "csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml convert``."""
    parser.add_argument(
        "format",
        choices=FORMATS,
        help="slstr: a Sentinel-3 SLSTR Level 1B product to a scene of CloudMask; improve: a folder of IMPROVE's "
        "cross-study data, csv: a drug response study as drevalpy or DrugCell lay it out, to raw data of CANDLE-UNO in "
        "IMPROVE's layout; improve also makes that of other raw data of CANDLE-UNO",
    )
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="the product's .SEN3 folder; csa_data, its raw_data, or a raw folder of CANDLE-UNO; drevalpy's table of "
        "responses, DrugCell's drugcell_train.txt, or the folder of one of the two",
    )
    parser.add_argument(
        "--out",
        metavar="RAW",
        required=True,
        help="slstr: file to write, or an existing folder for it; else a folder to make",
    )
    parser.add_argument(
        "--response",
        metavar="COLUMN",
        help="column to take as the response (improve and csv; default: the first there is of auc, auc1, aac, aac1, "
        "dss, dss1, ln_ic50, pic50, ic50, ec50, in any case)",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Convert and print what was written."""
    return _scene(args) if args.format == "slstr" else _study(args)


def _scene(args: argparse.Namespace) -> int:
    from sciml_datasets.cloudmask.slstr import convert

    if args.response is not None:
        raise InputError("--response is for improve and csv: a scene has no responses")
    written = convert(Path(args.source), Path(args.out))
    return report(
        args,
        {"file": str(written), "bytes": written.stat().st_size},
        f"{written}: {written.stat().st_size / 1e6:.1f} MB",
    )


def _study(args: argparse.Namespace) -> int:
    from sciml_datasets.candle_uno.studies import convert_csv, convert_improve

    convert = convert_improve if args.format == "improve" else convert_csv
    facts = convert(Path(args.source), Path(args.out), args.response).facts()
    lines = [
        f"{facts['folder']}: {facts['responses']} responses of {facts['cells']} cells and {facts['drugs']} drugs",
        f"response: {facts['response']}",
        f"features: {facts['cell_features']} of cells, {facts['drug_features']} of drugs",
        "splits: " + (", ".join(f"{name} {count}" for name, count in facts["splits"].items()) or "none given"),
        *(f"{count} responses {told(reason)}" for reason, count in facts["left_out"].items()),
    ]
    return report(args, facts, "\n".join(lines))
