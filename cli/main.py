"""``sciml``: finds the command, runs it, and turns an error into one sentence and an exit code.

Exit codes: 0 done; 1 the answer is no; 2 the user's mistake, bad input or trouble of the machine; 70 a fault of this
project; 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext, redirect_stderr, suppress
from functools import partial
from typing import Any, NoReturn, Protocol, cast

from sciml_datasets.cli import streams
from sciml_datasets.cli.failures import OURS, PACKAGE, fault_of, sentence_of
from sciml_datasets.errors import BenchmarkWarning, InputError, PeerFailedError
from sciml_datasets.parallel.launcher import ranks_started, speaks
from sciml_datasets.printable import notice, printable, printable_json

COMMANDS = {
    "list": "the data sets",
    "info": "a data set in detail: features, splits, criteria, targets",
    "card": "the data card of a benchmark: origin, weaknesses, harm, maintenance",
    "fetch": "get the raw files from where they are published",
    "simulate": "make raw files by simulation",
    "convert": "turn data of other formats into raw files",
    "prepare": "turn raw files into a prepared data set",
    "verify": "compare prepared data or raw files with their checksums",
    "stage": "copy a prepared data set to a node's own disk",
    "show": "draw samples of a prepared data set",
    "croissant": "write the Croissant description of a prepared data set",
    "train": "train a model and score it",
    "predict": "write the predictions of a trained model",
    "evaluate": "score a predictions file",
    "submit": "write a submission from runs",
    "check": "check submissions, and compute their scores again",
    "leaderboard": "make the static site of all submissions",
    "demo": "run all steps on simulated data",
}
"""Command to one line of help, in the order of use; ``sciml_datasets.cli.<command>`` implements it."""

BY_ONE = ("submit", "leaderboard", "demo")
"""Names of the commands that make a folder of many parts, in which several ranks would interfere. Commands that make
one file give it its name when it is complete, so that any number of processes may run them. ``convert`` makes a folder
or a file, depending on its format."""


class Command(Protocol):
    """The interface of a command's module."""

    EXAMPLE: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare flags."""

    def run(self, args: argparse.Namespace) -> int:
        """Run the command, with results on stdout and progress on stderr, and return the exit code."""


class Parser(argparse.ArgumentParser):
    """A parser whose messages are printable: arguments may be names of files that a shell has put in."""

    def error(self, message: str) -> NoReturn:
        """See `argparse.ArgumentParser.error`."""
        super().error(printable(message))


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``sciml`` with the given arguments, else those of this process, and return its exit code."""
    if argv is None:
        streams.make_usable()
        _spare_other_libraries()
        warnings.showwarning = partial(_show_warning, warnings.showwarning)
        argv = sys.argv[1:]
    name = f"sciml {argv[0]}" if argv and argv[0] in COMMANDS else "sciml"
    try:
        return _run(list(argv))
    except PeerFailedError:  # that rank has reported why
        return 2
    except KeyboardInterrupt:
        if speaks():
            notice(f"{name}: interrupted")
        return 130
    except Exception as error:
        sentence = sentence_of(error)
        code = 2 if sentence is not None else OURS
        sentence = sentence or fault_of(error)
    finally:
        streams.finish()
    if "--json" in argv:
        with suppress(OSError):  # the sentence on standard error is enough
            streams.say(*printable_json({"error": sentence}).split("\n"))
    notice(f"{name}: {sentence}")
    return code


def _spare_other_libraries() -> None:
    """Keep warnings of other libraries as warnings where the user turns them into errors (PYTHONWARNINGS=error)."""
    warnings.filterwarnings("always", category=BenchmarkWarning)  # one of another package is no error of the command
    if any(action == "error" for action, *_ in warnings.filters):
        warnings.filterwarnings("ignore", module=rf"(?!{PACKAGE}\b|__main__$)")


def _show_warning(show: Callable[..., None], message: Warning | str, category: type[Warning], *where: Any) -> None:
    """Print a warning of a benchmark as a sentence, once for all ranks, and any other warning as Python does."""
    if not issubclass(category, BenchmarkWarning):
        show(printable(str(message)), category, *where)
    elif speaks():
        notice(f"sciml: {message}")


def _run(argv: Sequence[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        streams.say(*_help())
        return 0 if argv else 2
    if argv[0] == "--version":
        from sciml_datasets import __version__

        streams.say(f"sciml {__version__}")
        return 0
    if argv[0] not in COMMANDS:
        raise _by_all(f"there is no command {argv[0]!r}: choose one of {', '.join(COMMANDS)}")
    logging.getLogger("absl").setLevel(logging.ERROR)  # TFDS warns of its own deprecations
    command = cast(Command, importlib.import_module(f"sciml_datasets.cli.{argv[0]}"))
    parser = Parser(
        prog=f"sciml {argv[0]}",
        description=f"{COMMANDS[argv[0]].capitalize()}.",
        epilog=f"example: {command.EXAMPLE}",
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    try:
        with nullcontext() if speaks() else redirect_stderr(None):
            args = parser.parse_args(argv[1:])
    except InputError as error:
        raise _by_all(str(error)) from error
    by_one = argv[0] in BY_ONE or (argv[0] == "convert" and not args.file)
    if by_one and ranks_started() > 1:
        raise _by_all(f"it is done by one process, and {ranks_started()} were started: leave the launcher out")
    return command.run(args)


def _by_all(sentence: str) -> Exception:
    """The error of a mistake that all ranks of a launcher have: the first one reports it."""
    return InputError(sentence) if speaks() else PeerFailedError(bad_input=True)


def _help() -> list[str]:
    lines = ["usage: sciml COMMAND [--help] ...", "", "The MLCommons Science benchmarks, from raw file to result.", ""]
    lines += [f"  {name:<12}{title}" for name, title in COMMANDS.items()]
    lines += [
        "",
        "exit codes: 0 done, 1 the answer is no, 2 a mistake, bad input or trouble of the machine (one sentence",
    ]
    lines += ["says what to do), 70 a fault of sciml itself (please report it), 130 interrupted"]
    return [*lines, "", "example: sciml demo --out demo", "         sciml prepare --help"]


if __name__ == "__main__":
    sys.exit(main())
