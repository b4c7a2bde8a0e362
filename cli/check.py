"""``sciml check SUBMISSION_DIR [--data-dir D]``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sciml_datasets.cli.arguments import PathArgument, add_json, report
from sciml_datasets.errors import InputError
from sciml_datasets.printable import notice

if TYPE_CHECKING:
    from sciml_datasets.submissions import Checked, DataAtHand

EXAMPLE = "sciml check submissions/Example-Lab/stemdl/laptop/baseline --data-dir data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml check``."""
    parser.add_argument(
        "paths", action=PathArgument, metavar="DIR", nargs="+", help="a submission, or a folder of submissions"
    )
    parser.add_argument(
        "--only", action=PathArgument, metavar="PATH", nargs="+", help="of one folder of submissions, check only these"
    )
    parser.add_argument(
        "--author",
        metavar="LOGIN",
        help="who made the pull request: may change submissions that list them (with --base)",
    )
    parser.add_argument("--base", metavar="COMMIT", help="of the branch that the pull request goes to")
    parser.add_argument(
        "--data-dir",
        action=PathArgument,
        metavar="D",
        help="prepared data: scores are computed again from the predictions",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the findings; exit code 1 if anything must be fixed."""
    from sciml_datasets.sandbox import protection
    from sciml_datasets.submissions import check, check_tree
    from sciml_datasets.submissions.maintainers import PullRequest

    if args.only and len(args.paths) > 1:
        raise InputError("--only is for one folder of submissions: name one")
    if bool(args.author) != bool(args.base) or (args.author and not args.only):
        raise InputError("--author and --base are for the changes of a pull request: give both, with --only")
    data = data_at_hand(args.data_dir)
    change = PullRequest(args.paths[0], args.author, args.base) if args.author else None
    checked = check_tree(args.paths[0], data, args.only, change) if args.only else check(args.paths, data)
    lines = []
    for one in checked:
        lines.append(f"{one.place.name}: {'accepted' if one.accepted else 'refused'}, {recomputation_text(one, args)}")
        lines += [f"  {finding.as_text()}" for finding in one.findings]
    findings = sum(len(one.findings) for one in checked)
    lines.append(f"{len(checked)} submission(s), {findings} finding(s)")
    content = {"submissions": [one.as_json() for one in checked], "num_findings": findings}
    content["sandbox"] = protection().as_json()
    if protection().left_open:
        notice(f"note: {protection().note}")
    report(args, content, *lines)
    return 0 if all(one.accepted for one in checked) else 1


def recomputation_text(one: Checked, args: argparse.Namespace) -> str:
    """Whether scores were computed again, and if not, why."""
    if one.facts.get("recomputed"):
        return "scores computed again"
    dataset = (one.facts.get("result") or {}).get("dataset")
    if not args.data_dir:
        why = "no --data-dir"
    elif dataset and dataset not in one.facts["at_hand"]:
        why = f"{dataset} is not in {args.data_dir}"
    else:
        why = "predictions or result are missing or wrong"
    return f"scores not computed again ({why})"


def data_at_hand(data_dir: Path | None) -> DataAtHand | None:
    """The prepared data of a folder; None where none is named."""
    from sciml_datasets.submissions import DataAtHand

    if data_dir is None:
        return None
    if not data_dir.is_dir():
        raise InputError(f"--data-dir {data_dir} is no folder: name the folder that `sciml prepare` wrote into")
    return DataAtHand(data_dir)
