"""``sciml check SUBMISSION_DIR [--data-dir D]``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sciml_datasets.cli.arguments import add_json, report
from sciml_datasets.errors import InputError

if TYPE_CHECKING:
    from sciml_datasets.metrics.submission import DataAtHand

EXAMPLE = "sciml check submissions/Example-Lab/stemdl/laptop/baseline --data-dir data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml check``."""
    parser.add_argument("paths", metavar="DIR", nargs="+", help="a submission, or a folder of submissions")
    parser.add_argument("--data-dir", metavar="D", help="prepared data: scores are computed again from the predictions")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the findings; exit code 1 if anything must be mended."""
    from sciml_datasets.metrics.submission import check

    checked = check([Path(path) for path in args.paths], data_at_hand(args.data_dir))
    lines = []
    for one in checked:
        scores = "scores computed again" if one.facts.get("recomputed") else "scores not computed again"
        lines.append(f"{one.place.name}: {'accepted' if one.accepted else 'refused'}, {scores}")
        lines += [f"  {finding.as_text()}" for finding in one.findings]
    findings = sum(len(one.findings) for one in checked)
    lines.append(f"{len(checked)} submission(s), {findings} finding(s)")
    content = {"submissions": [one.as_json() for one in checked], "num_findings": findings}
    report(args, content, "\n".join(lines))
    return 0 if all(one.accepted for one in checked) else 1


def data_at_hand(data_dir: str | None) -> DataAtHand | None:
    """The prepared data of a folder; None where none is named."""
    from sciml_datasets.metrics.submission import DataAtHand
    from sciml_datasets.preparation.verify import check_prepared

    if data_dir is None:
        return None
    if not Path(data_dir).is_dir():
        raise InputError(f"--data-dir {data_dir} is no folder: name the one that `sciml prepare` wrote into")
    return DataAtHand(data_dir, lambda folder: str(check_prepared(folder)["plan_digest"]))
