"""``sciml completion SHELL``."""

from __future__ import annotations

import argparse

from sciml_datasets.benchmarks import BENCHMARKS, dataset_names
from sciml_datasets.cli.arguments import PathArgument, add_json, report
from sciml_datasets.cli.parsing import Parser, actions_of
from sciml_datasets.raw_format import SPLITS

EXAMPLE = "sciml completion bash > ~/.local/share/bash-completion/completions/sciml"
SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml completion``."""
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=f"the shell that completes: {', '.join(SHELLS)}")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print a script by which a shell completes commands, flags and their values.

    The script holds all words and starts no Python: on a file server that alone would take seconds. It knows the
    benchmarks that are installed when it is written.
    """
    import shtab

    script = shtab.complete(whole_parser(), args.shell)
    return report(args, {"shell": args.shell, "script": script}, *script.rstrip("\n").split("\n"))


def whole_parser() -> Parser:
    """A parser of all commands, with the words and the kinds of paths that may stand at each place."""
    import shtab

    from sciml_datasets.cli.main import COMMANDS, command_of

    parser = Parser(prog="sciml")
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, title in COMMANDS.items():
        command_of(name).add_arguments(commands.add_parser(name, help=title))
    commands.add_parser("help", help="of a command").add_argument("command", nargs="?", choices=tuple(COMMANDS))
    words = _words()
    for action in actions_of(parser):
        if isinstance(action, PathArgument):
            vars(action)["complete"] = shtab.FILE  # and folders
        elif action.choices is None and action.dest in words:
            action.choices = words[action.dest]
    return parser


def _words() -> dict[str, tuple[str, ...]]:
    """The words that may stand at a place, by its ``dest``: they are not all that may."""
    from sciml_datasets.submissions.rules import STATUSES

    forms = [benchmark.of(dataset) for benchmark in BENCHMARKS.values() for dataset in benchmark.datasets]
    demos = tuple(one.name for row in BENCHMARKS.values() for one in row.datasets if one.simulated_samples)
    partitions = tuple(dict.fromkeys(split.name for form in forms for split in form.splits))
    groupings = tuple(dict.fromkeys(name for form in forms for name in form.groupings))
    return {
        "name": tuple(dataset_names()),
        "names": demos,
        "split": (*SPLITS, *(f"{name}:{part}" for name in partitions for part in SPLITS)),
        "splits": partitions,
        "by": ("row", *groupings),
        "status": STATUSES,
    }
