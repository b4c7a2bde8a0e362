"""``sciml check SUBMISSION_DIR [--data-dir D]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from sciml_datasets.cli.arguments import add_json, report

EXAMPLE = "sciml check submissions/Example-Lab/stemdl/laptop/baseline --data-dir data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml check``."""
    parser.add_argument("paths", metavar="DIR", nargs="+", help="a submission, or a folder of submissions")
    parser.add_argument("--data-dir", metavar="D", help="prepared data: scores are computed again from the predictions")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the findings; exit code 1 if anything must be mended."""
    from sciml_datasets.metrics.submission import DataAtHand, check
    from sciml_datasets.preparation.verify import check_prepared

    data = None
    if args.data_dir is not None:
        data = DataAtHand(args.data_dir, lambda folder: str(check_prepared(folder)["plan_digest"]))
    checked = check([Path(path) for path in args.paths], data)
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
