"""``sciml``: finds the command, runs it, and turns what goes wrong into one sentence and an exit code.

Exit codes: 0 done; 1 the answer is no; 2 the user's mistake or bad input.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stderr
from typing import Protocol, cast

from sciml_datasets.cli.ranks import speaks
from sciml_datasets.errors import InputError, PeerFailedError

COMMANDS = {
    "list": "the data sets",
    "info": "a data set in detail: features, splits, criteria, targets",
    "fetch": "get the raw files from where they are published",
    "simulate": "make raw files by simulation",
    "convert": "turn data of other makers into raw files",
    "prepare": "turn raw files into a prepared data set",
    "verify": "compare prepared data or raw files with their checksums",
    "stage": "copy a prepared data set to a node's own disk",
    "show": "draw samples of a prepared data set",
    "train": "train a model and score it",
    "predict": "write the predictions of a trained model",
    "evaluate": "score a predictions file",
    "submit": "write a submission from runs",
    "check": "check submissions, and compute their scores again",
    "leaderboard": "make the static site of all submissions",
    "demo": "walk the whole road on simulated data",
}
"""Command to one line of help, in the order of the road; ``sciml_datasets.cli.<command>`` implements it."""


class Command(Protocol):
    """What a command's module offers."""

    EXAMPLE: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare flags."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it; results on stdout, progress on stderr; the exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``sciml`` with the given arguments and return its exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help"):
        print(_help())
        return 0 if argv else 2
    if argv[0] == "--version":
        from sciml_datasets import __version__

        print(f"sciml {__version__}")
        return 0
    if argv[0] not in COMMANDS:
        print(f"sciml: there is no command {argv[0]!r}: choose one of {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    logging.getLogger("absl").setLevel(logging.ERROR)  # TFDS warns of its own deprecations
    command = cast(Command, importlib.import_module(f"sciml_datasets.cli.{argv[0]}"))
    parser = argparse.ArgumentParser(
        prog=f"sciml {argv[0]}",
        description=f"{COMMANDS[argv[0]].capitalize()}.",
        epilog=f"example: {command.EXAMPLE}",
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    first = speaks()
    with nullcontext() if first else redirect_stderr(None):
        args = parser.parse_args(argv[1:])
    try:
        return command.run(args)
    except InputError as error:
        sentence: str | None = str(error)
    except PeerFailedError:  # that rank has said why
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains again when it exits
        return 0
    except OSError as error:
        sentence = _os_error(error)
        if sentence is None:
            raise
    except KeyboardInterrupt:
        if first:
            print(f"sciml {argv[0]}: interrupted", file=sys.stderr)
        return 130
    if getattr(args, "json", False):
        print(json.dumps({"error": sentence}, indent=1))
    print(f"sciml {argv[0]}: {sentence}", file=sys.stderr)
    return 2


def _os_error(error: OSError) -> str | None:
    remedies = {
        errno.ENOSPC: "make room, or choose a folder on another disk",
        errno.EDQUOT: "make room, or choose a folder on another disk",
        errno.EFBIG: "raise the limit on the size of files (ulimit -f), or choose another file system",
        errno.EROFS: "choose a folder that can be written",
        errno.EACCES: "change its permissions, or choose another folder",
        errno.EPERM: "change its permissions, or choose another folder",
        errno.ENOTDIR: "choose a folder",
        errno.EEXIST: "choose another name",
        errno.ENOENT: "correct the path or make its folder first",
        errno.EISDIR: "choose a file",
    }
    if error.errno is None:  # one of our own sentences, or a bug
        ours = isinstance(error, ChildProcessError) or type(error).__module__.startswith("sciml_datasets.")
        return str(error) if ours else None
    if error.errno not in remedies:
        return None
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{os.strerror(error.errno)}: {remedies[error.errno]}"


def _help() -> str:
    lines = ["usage: sciml COMMAND [--help] ...", "", "The MLCommons Science benchmarks, from raw file to result.", ""]
    lines += [f"  {name:<12}{title}" for name, title in COMMANDS.items()]
    return "\n".join([*lines, "", "example: sciml demo --out demo", "         sciml prepare --help"])


if __name__ == "__main__":
    sys.exit(main())
