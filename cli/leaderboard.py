"""``sciml leaderboard SUBMISSIONS --out SITE``."""

from __future__ import annotations

import argparse

from sciml_datasets.cli.arguments import PathArgument, add_json, report
from sciml_datasets.printable import notice

EXAMPLE = "sciml leaderboard submissions --out site --data-dir data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml leaderboard``."""
    parser.add_argument("submissions", action=PathArgument, metavar="SUBMISSIONS", help="folder of all submissions")
    parser.add_argument(
        "--out",
        action=PathArgument,
        metavar="SITE",
        required=True,
        help="folder of the site: new, empty or an earlier one",
    )
    parser.add_argument(
        "--data-dir",
        action=PathArgument,
        metavar="D",
        help="prepared data: scores are computed again from the predictions",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Check all submissions and write the site of those that are accepted; the others are named and left out."""
    from sciml_datasets.cli.check import data_at_hand
    from sciml_datasets.leaderboard import write_site
    from sciml_datasets.submissions import check_tree

    out = args.out
    data = data_at_hand(args.data_dir)
    checked = check_tree(args.submissions, data)
    refused = [one for one in checked if not one.accepted]
    for one in refused:
        notice(f"{one.place.name}: left out, {len(one.findings)} finding(s); see sciml check")
    site = write_site(checked, out, data)
    for name, why in site.left_out.items():
        notice(f"{name}: left out, it cannot be drawn: {why}")
    drawn = sum(len(board.ranked) for board in site.boards)
    text = f"{out / 'index.html'}: {drawn} submission(s) on {len(site.boards)} board(s)"
    content = {
        "site": str(out / "index.html"),
        "boards": {board.name: [one.entry.path for one in board.ranked] for board in site.boards},
        "refused": [*(one.place.name for one in refused), *site.left_out],
    }
    return report(args, content, text)
