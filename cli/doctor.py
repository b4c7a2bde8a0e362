"""``sciml doctor``: what is there, what is wrong, and the command that mends it."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from sciml_datasets.cli.arguments import DataArgument, add_data_dir, add_json, report
from sciml_datasets.cli.streams import say
from sciml_datasets.doctor.observation import Observation

EXAMPLE = "sciml doctor --data-dir data --raw-dir raw"
WIDTH = 120
"""Number of characters of a line of packages."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml doctor``."""
    add_data_dir(parser, urls=True)
    parser.add_argument(
        "--raw-dir",
        action=DataArgument,
        metavar="RAW",
        help="folder, or URL, of raw files, one folder per data set (default: SCIML_RAW_DIR, else "
        "<data-dir>/downloads/manual)",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Examine the installation and print a page; exit code 1 if anything is wrong."""
    from sciml_datasets.doctor.examinations import examine

    found: list[dict[str, str]] = []
    for title, rows in examine(args.data_dir, args.raw_dir):
        found += [{"section": title, **asdict(row)} for row in rows]
        if not args.json:  # each as soon as it is there: TensorFlow takes a while
            say(*lines_of(title, rows))
    wrong, notes = (sum(row["state"] == state for row in found) for state in ("wrong", "note"))
    report(args, {"rows": found, "wrong": wrong, "notes": notes}, f"{wrong or 'nothing'} wrong, {notes} note(s)")
    return int(wrong > 0)


def lines_of(title: str, rows: Sequence[Observation]) -> Iterator[str]:
    """Lines of a section: packages that are right share lines, any other row has its own, and one for the remedy."""
    yield title
    plain = [row for row in rows if title != "packages" or row.state != "ok"]
    width = max([14, *(len(row.subject) for row in plain)]) + 2
    for row in plain:
        yield f"  {row.state:<7}{row.subject:<{width}}{row.found}"
        if row.remedy:
            yield f"  {'':<7}{'':<{width}}-> {row.remedy}"
    packages = ", ".join(f"{row.subject} {row.found}" for row in rows if row not in plain)
    if packages:
        wrapper = textwrap.TextWrapper(WIDTH, "  ok     ", " " * 9, break_on_hyphens=False)
        yield from wrapper.wrap(packages)
