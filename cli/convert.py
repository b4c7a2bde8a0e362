"""``sciml convert FORMAT SOURCE --out RAW``."""

from __future__ import annotations

import argparse

from sciml_datasets.cli.arguments import FileArgument, PathArgument, add_json, report
from sciml_datasets.cli.choices import KINDS
from sciml_datasets.conversion import choices_of_all, conversions, flag

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
        meaning = one.meaning.replace("%", "%%")
        of = formats.add_parser(name, help=meaning, description=f"Convert {meaning}.", allow_abbrev=False)
        of.add_argument("source", action=PathArgument, metavar="SOURCE", help=one.source)
        place = "file to write, or an existing folder for it" if one.file else "folder to make"
        out = FileArgument if one.file else PathArgument
        of.add_argument("--out", action=out, metavar="FILE" if one.file else "RAW", required=True, help=place)
        own = {choice.name for choice in one.choices}
        for choice in choices_of_all().values():
            # Flags of other formats are hidden, and refused in a sentence of their own.
            help_text = choice.meaning.replace("%", "%%") if choice.name in own else argparse.SUPPRESS
            options = {"choices": choice.values} if isinstance(choice.values, tuple) else KINDS[choice.values]
            of.add_argument(f"--{flag(choice.name)}", help=help_text, **options)
        add_json(of)
        of.set_defaults(file=one.file)


def run(args: argparse.Namespace) -> int:
    """Convert and print what was written."""
    from sciml_datasets.conversion import convert

    made = convert(args.format, args.source, args.out, **{name: getattr(args, name) for name in choices_of_all()})
    return report(args, made.content, made.text)
