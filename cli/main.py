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
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, cast

from sciml_datasets.cli import streams
from sciml_datasets.cli.failures import OURS, PACKAGE, fault_of, sentence_of
from sciml_datasets.cli.parsing import Parser
from sciml_datasets.errors import BenchmarkWarning, InputError, PeerFailedError
from sciml_datasets.nearest import meant, one_of
from sciml_datasets.parallel.launcher import ranks_started, speaks, without_launcher
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
    "doctor": "examine the installation: what is wrong, and what mends it",
    "completion": "make the shell complete commands, flags and names",
}
"""Command to one line of help, in the order of use; ``sciml_datasets.cli.<command>`` implements it."""

FLAGS = ("--help", "--version", "-h", "-V")
"""Flags of ``sciml`` itself, without a command."""
BY_ONE = ("submit", "leaderboard", "demo", "doctor")
"""Names of the commands that make a folder of many parts, in which several ranks would interfere, and of the one that
starts ranks itself. Commands that make one file give it its name when it is complete, so that any number of processes
may run them. ``convert`` makes a folder or a file, depending on its format."""


class Command(Protocol):
    """The interface of a command's module."""

    EXAMPLE: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare flags."""

    def run(self, args: argparse.Namespace) -> int:
        """Run the command, with results on stdout and progress on stderr, and return the exit code."""


class Inert(logging.Formatter):
    """The messages of loggers that nobody has set up, each in one line and shown as text from outside is."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        return printable(super().format(record))


def command_of(name: str) -> Command:
    """The module of a command, imported when it is first needed."""
    return cast(Command, importlib.import_module(f"sciml_datasets.cli.{name}"))


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``sciml`` with the given arguments, else those of this process, and return its exit code."""
    if argv is None:
        streams.make_usable()
        _spare_other_libraries()
        warnings.showwarning = partial(_show_warning, warnings.showwarning)
        if logging.lastResort is not None:
            logging.lastResort.setFormatter(Inert())  # libraries log names and texts of others as they are
        argv = sys.argv[1:]
    name = f"sciml {argv[0]}" if argv and argv[0] in COMMANDS else "sciml"
    try:
        with streams.messages_printed():
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
    if argv[:1] == ["help"]:  # of a command, where one is named
        argv = [*(word for word in argv[1:] if not word.startswith("-")), "--help"]
    if not argv or argv[0] in ("-h", "--help"):
        streams.say(*_help())
        return 0 if argv else 2
    if argv[0] in ("-V", "--version"):
        from sciml_datasets import __version__

        streams.say(f"sciml {__version__}")
        return 0
    if argv[0] not in COMMANDS:
        raise _by_all(_no_command(argv[0]))
    for name in ("absl", "matplotlib"):  # TFDS warns of its own deprecations, matplotlib where there is no home
        logging.getLogger(name).setLevel(logging.ERROR)
    command = command_of(argv[0])
    parser = Parser(
        prog=f"sciml {argv[0]}",
        description=f"{COMMANDS[argv[0]].capitalize()}.",
        epilog=f"example: {command.EXAMPLE}",
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    try:
        args = parser.parsed(argv[1:])
    except InputError as error:
        raise _by_all(str(error)) from error
    by_one = argv[0] in BY_ONE or (argv[0] == "convert" and not args.file)
    if by_one and ranks_started() > 1:
        what = f"it is done by one process, and {ranks_started()} were started: leave the launcher out"
        raise _by_all(f"{what}; {without_launcher()}")
    code = command.run(args)
    if isinstance(url := getattr(args, "data_dir", None), str) and speaks():
        from sciml_datasets.object_stores.mirror import store_at

        with suppress(InputError):  # of a store that cannot be opened, of which there is nothing to tell
            store = store_at(url)
            if store.requests:  # `sciml prepare` adds up those of all its processes
                notice(store.told())
    return code


def _no_command(word: str) -> str:
    """A sentence on a first word that is no command."""
    from sciml_datasets.benchmarks import dataset_names

    if word in dataset_names():
        return f"{word} is a data set: write the command before it, as in `sciml info {word}`"
    if word.startswith("-"):
        return f"there is no flag {word}: flags stand behind a command, as in `sciml list --json`{meant(word, FLAGS)}"
    return f"there is no command {word!r}: {one_of(word, COMMANDS)}"


def _by_all(sentence: str) -> Exception:
    """The error of a mistake that all ranks of a launcher have: the first one reports it."""
    return InputError(sentence) if speaks() else PeerFailedError(bad_input=True)


def _help() -> list[str]:
    lines = ["usage: sciml COMMAND ...", "       sciml help [COMMAND]", "       sciml --version", ""]
    lines += ["The MLCommons Science benchmarks, from raw file to result.", ""]
    lines += [f"  {name:<12}{title}" for name, title in COMMANDS.items()]
    lines += [
        "",
        "exit codes: 0 done, 1 the answer is no, 2 a mistake, bad input or trouble of the machine (one sentence",
    ]
    lines += ["says what to do), 70 a fault of sciml itself (please report it), 130 interrupted"]
    return [*lines, "", "example: sciml demo --out demo", "         sciml prepare --help"]


if __name__ == "__main__":
    sys.exit(main())
