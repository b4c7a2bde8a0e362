"""``sciml convert slstr|improve|csv SOURCE --out RAW``."""

from __future__ import annotations

import argparse

from sciml_datasets.cli.arguments import FileArgument, PathArgument, add_json, reason_text, report
from sciml_datasets.errors import InputError

EXAMPLE = "sciml convert csv study/response.csv --out raw/candle_uno"
FORMATS = {
    "slstr": "a Sentinel-3 SLSTR Level 1B product to a scene of CloudMask",
    "improve": "a folder of IMPROVE's cross-study data, or other raw data of CANDLE-UNO, to raw data of CANDLE-UNO in "
    "IMPROVE's layout",
    "csv": "a drug response study as drevalpy or DrugCell lay it out to raw data of CANDLE-UNO in IMPROVE's layout",
}
SOURCES = {
    "slstr": "the product's .SEN3 folder, or a folder that holds it alone",
    "improve": "csa_data, its raw_data, or a raw folder of CANDLE-UNO",
    "csv": "drevalpy's table of responses, DrugCell's drugcell_train.txt, or the folder of one of the two",
}
RESPONSE = (
    "column to take as the response (default: AUC, in any case, else AUC_curvecurator, else the one there is of AUC1, "
    "AAC, AAC1, DSS, DSS1, LN_IC50, IC50, EC50, pIC50, pEC50, and of the same with _curvecurator); the unit of another "
    "one is told in measures.tsv beside the responses"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml convert``: each format has its own."""
    formats = parser.add_subparsers(
        dest="format",
        metavar="FORMAT",
        required=True,
        title="formats",
        description="`sciml convert FORMAT --help` shows the source and the flags of each, --out and --json of all.",
    )
    for name, text in FORMATS.items():
        of = formats.add_parser(name, help=text, description=f"Convert {text}.", allow_abbrev=False)
        of.add_argument("source", action=PathArgument, metavar="SOURCE", help=SOURCES[name])
        scene = name == "slstr"
        place = "file to write, or an existing folder for it" if scene else "folder to make"
        out = FileArgument if scene else PathArgument
        of.add_argument("--out", action=out, metavar="SCENE" if scene else "RAW", required=True, help=place)
        # To a scene it is hidden, and refused in a sentence of its own.
        of.add_argument("--response", metavar="COLUMN", help=argparse.SUPPRESS if scene else RESPONSE)
        add_json(of)


def run(args: argparse.Namespace) -> int:
    """Convert and print what was written."""
    return _scene(args) if args.format == "slstr" else _study(args)


def _scene(args: argparse.Namespace) -> int:
    from sciml_datasets.cloudmask.slstr import convert

    if args.response is not None:
        raise InputError("--response is for improve and csv: a scene has no responses")
    written = convert(args.source, args.out)
    return report(
        args,
        {"file": str(written), "bytes": written.stat().st_size},
        f"{written}: {written.stat().st_size / 1e6:.1f} MB",
    )


def _study(args: argparse.Namespace) -> int:
    from sciml_datasets.candle_uno.convert.studies import convert_csv, convert_improve

    convert = convert_improve if args.format == "improve" else convert_csv
    facts = convert(args.source, args.out, args.response).facts()
    lines = [
        f"{facts['folder']}: {facts['responses']} responses of {facts['cells']} cells and {facts['drugs']} drugs",
        f"response: {facts['response']}, {facts['measure']['unit'] or 'a pure number'}, {facts['measure']['range']}",
        f"features: {facts['cell_features']} of cells, {facts['drug_features']} of drugs",
        "splits: " + (", ".join(f"{name} {count}" for name, count in facts["splits"].items()) or "none given"),
        *(f"{count} responses {reason_text(reason)}" for reason, count in facts["left_out"].items()),
    ]
    lost = sum(count for reason, count in facts["left_out"].items() if reason.startswith("no features of"))
    if lost > facts["responses"]:
        lines.append("most responses have no features: compare their ids with those of the tables of features")
    return report(args, facts, "\n".join(lines))
