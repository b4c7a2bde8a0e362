"""``sciml convert FORMAT SOURCE --out RAW``."""

from __future__ import annotations

import argparse

from sciml_datasets.cli.arguments import FileArgument, PathArgument, add_json, report
from sciml_datasets.cli.choices import add_choice, unformatted
from sciml_datasets.conversion import conversions, names_of_choices

EXAMPLE = "sciml convert csv study/response.csv --out raw/candle_uno"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml convert``: each format has its own."""
    formats = parser.add_subparsers(
        dest="format",
        metavar="FORMAT",
        required=True,
        title="formats",
        description="`sciml convert FORMAT --help` shows the source and the flags of each, --out and --json of all.",
    )
    for name, (_, one) in conversions().items():
        meaning = unformatted(one.meaning)
        # A description is formatted only where it has the name of the program in it.
        description = meaning if "%(prog)" in meaning else one.meaning
        of = formats.add_parser(name, help=meaning, description=f"Convert {description}.", allow_abbrev=False)
        of.add_argument("source", action=PathArgument, metavar="SOURCE", help=unformatted(one.source))
        place = "file to write, or an existing folder for it" if one.file else "folder to make"
        out = FileArgument if one.file else PathArgument
        of.add_argument("--out", action=out, metavar="FILE" if one.file else "RAW", required=True, help=place)
        for choice in one.choices:
            add_choice(of, choice.name, choice.values, choice.meaning)
        own = {choice.name for choice in one.choices}
        for other in names_of_choices():
            if other not in own:  # hidden, and refused in a sentence of its own
                add_choice(of, other, "text", argparse.SUPPRESS)
        add_json(of)
        of.set_defaults(file=one.file)


def run(args: argparse.Namespace) -> int:
    """Convert and print what was written."""
    from sciml_datasets.conversion import convert

    made = convert(args.format, args.source, args.out, **{name: getattr(args, name) for name in names_of_choices()})
    return report(args, made.content, *made.text.split("\n"))
