"""``sciml submit RUN ... --organization O --system Y --descriptor X --to SUBMISSIONS``."""

from __future__ import annotations

import argparse
import subprocess

from sciml_datasets.cli.arguments import PathArgument, add_json, report
from sciml_datasets.printable import notice

EXAMPLE = "sciml submit run-1 run-2 --organization Example-Lab --system laptop --descriptor baseline --to submissions"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml submit``."""
    parser.add_argument(
        "runs", action=PathArgument, metavar="RUN", nargs="+", help="run folder; of several seeds, give all of them"
    )
    parser.add_argument("--organization", metavar="O", required=True, help="who submits")
    parser.add_argument("--system", metavar="Y", required=True, help="name of the machine")
    parser.add_argument("--descriptor", metavar="X", required=True, help="name of the experiment")
    parser.add_argument(
        "--to", action=PathArgument, metavar="SUBMISSIONS", required=True, help="folder of all submissions"
    )
    parser.add_argument("--update", action="store_true", help="bring it up to date; your own files and texts are kept")
    parser.add_argument("--status", default="research", help="cloud, onprem, preview or research (default: research)")
    parser.add_argument("--repository", metavar="URL", help="of the code (default: the git remote origin, else PyPI)")
    parser.add_argument("--branch", help="of the code (default: main)")
    parser.add_argument(
        "--code-version",
        metavar="V",
        help="of the code (default: of sciml-datasets if that trained, else of the benchmark)",
    )
    parser.add_argument("--tag", help="of the code (default: none)")
    parser.add_argument("--commit", help="of the code, 40 hexadecimal digits (default: as logged by the run)")
    parser.add_argument("--user", metavar="NAME", help="person to contact")
    parser.add_argument("--email", metavar="ADDRESS", help="of that person; it will be public")
    parser.add_argument(
        "--maintainer", metavar="LOGIN", action="append", default=[], help="who may change it in a pull request"
    )
    parser.add_argument("--data-command", metavar="C", action="append", default=[], help="how to retrieve the data")
    parser.add_argument("--predictions-at", metavar="URL", help="folder with the predictions, which are then left out")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Write the submission, check it, and print the next steps; exit code 1 if it must be fixed."""
    from sciml_datasets.errors import InputError
    from sciml_datasets.nearest import meant
    from sciml_datasets.submissions import Statement, check, submit
    from sciml_datasets.submissions.configuration import folder_name
    from sciml_datasets.submissions.document_facts import PACKAGE
    from sciml_datasets.submissions.findings import shown
    from sciml_datasets.submissions.rules import CONFIG, STATUSES

    if args.status not in STATUSES:
        raise InputError(f"--status {args.status}: expected one of {', '.join(STATUSES)}{meant(args.status, STATUSES)}")
    given = {
        "repository": args.repository or _origin(),
        "branch": args.branch,
        "version": args.code_version,
        "tag": args.tag,
        "commit": args.commit,
        "user": args.user,
        "email": args.email,
        "predictions_at": args.predictions_at,
    }
    statement = Statement(
        args.organization,
        args.system,
        args.descriptor,
        args.status,
        data=tuple(args.data_command),
        maintainers=tuple(args.maintainer),
        **{key: value for key, value in given.items() if value is not None},
    )
    folder = submit(args.runs, args.to, statement, update=args.update)
    (checked,) = check([folder])
    if PACKAGE in (folder / CONFIG).read_text(encoding="utf-8"):
        notice(f"no public git remote here: {PACKAGE} is named as the place of the code; --repository corrects it")
    if folder_name(args.organization) != args.organization:
        what = f"the folder of {shown(args.organization)} is called {folder_name(args.organization)}"
        notice(f"{what}: only letters, digits and . _ + - are allowed there")
    lines = [str(folder), *(f"  {finding.as_text()}" for finding in checked.findings)]
    unwritten = sorted({finding.file for finding in checked.findings if finding.rule in ("untouched", "unanswered")})
    edit = f"edit {' and '.join(unwritten)}, repeat with --update, " if unwritten else ""
    lines.append(f"next: {edit}`sciml check`, pull request")
    report(args, checked.as_json() | {"folder": str(folder)}, *lines)
    return 0 if checked.accepted else 1


def _origin() -> str | None:
    """The https address of the git repository of the current folder."""
    try:
        done = subprocess.run(
            ["git", "remote", "get-url", "origin"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):  # no git, or one that does not answer
        return None
    url = done.stdout.strip()
    if url.startswith("git@") and ":" in url:  # git@github.com:owner/name.git
        url = "https://" + url.removeprefix("git@").replace(":", "/", 1)
    return url.removesuffix(".git") if url.startswith("https://") and "@" not in url else None
