"""Flags that several commands share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sciml_datasets.cli.streams import say
from sciml_datasets.errors import InputError
from sciml_datasets.object_stores.urls import checked_url, is_url, local_path
from sciml_datasets.paths import path_of
from sciml_datasets.printable import printable_json

if TYPE_CHECKING:
    from mpi4py import MPI


class PathArgument(argparse.Action):
    """The action of every flag and argument whose value is one path or several: `path_of` of each value.

    Several paths that are given by a flag again come after those before.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Set the value; one that is no text, such as the constant of a flag without a value, is kept unchanged."""
        place = option_string or str(self.metavar)
        found: Any = values
        if isinstance(values, str):
            found = path_of(values, place)
        elif isinstance(values, list):
            found = [*(getattr(namespace, self.dest) or ()), *(path_of(value, place) for value in values)]
        setattr(namespace, self.dest, found)


class FileArgument(PathArgument):
    """The action of a flag that names a file to write; a text with a slash at its end names no file."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Set the value; an existing folder is left to the command."""
        super().__call__(parser, namespace, values, option_string)
        if isinstance(values, str) and values.endswith(("/", "/.")) and not getattr(namespace, self.dest).is_dir():
            raise InputError(f"{option_string or self.metavar} {values} is the name of a folder: name a file to write")


class DataArgument(PathArgument):
    """The action of a flag that names a folder of prepared data sets to read, or a URL of one, which stays a text."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Set the value; nothing is asked of a store yet."""
        if not isinstance(values, str) or not is_url(values):
            super().__call__(parser, namespace, values, option_string)
            return
        place = option_string or str(self.metavar)
        url = checked_url(values, place)
        setattr(namespace, self.dest, local_path(url, place) or url)


def add_name(parser: argparse.ArgumentParser) -> None:
    """Add NAME, the name of a data set."""
    parser.add_argument("name", metavar="NAME", help="data set, for example stemdl_demo; `sciml list` shows all")


def add_data_dir(parser: argparse.ArgumentParser, *, urls: bool = False) -> None:
    """Add --data-dir, the folder of prepared data sets or, with ``urls``, a URL of one."""
    parser.add_argument(
        "--data-dir",
        action=DataArgument if urls else PathArgument,
        metavar="D",
        help=f"folder{', or URL,' if urls else ''} of prepared data sets (default: TFDS_DATA_DIR, else "
        "~/tensorflow_datasets)",
    )


def add_split(parser: argparse.ArgumentParser, unless: str = "canonical") -> None:
    """Add --split, the name of a canonical split or of a part of another partition."""
    parser.add_argument(
        "--split",
        default="test",
        help=f"train, validation, test ({unless}), or as in cell_blind:test or 'fold 2/5 by cell:test' (default: test)",
    )


def add_jobs(parser: argparse.ArgumentParser, unless: str = "") -> None:
    """Add --jobs, the number of processes; see `jobs_of`."""
    parser.add_argument("--jobs", metavar="J", type=int, help=f"processes{unless} (default: all cores)")


def jobs_of(args: argparse.Namespace, comm: MPI.Intracomm | None = None) -> int:
    """The number of processes to start: the value of --jobs, else one per core that this process may use, or one in
    each rank of a launcher."""
    if args.jobs is not None:
        return int(args.jobs)
    return cores() if comm is None else 1


def cores() -> int:
    """Number of the cores that this process may use, of which a batch system may give it a few of the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_output(path: Path) -> None:
    """Make sure that a file to write is in no prepared data set, where it would replace a file or damage the data set,
    and replaces none of a run.

    Raises:
        InputError: it does.
    """
    from sciml_datasets.prepared.integrity import NAME
    from sciml_datasets.submissions.runs import is_of_run

    folder = Path(os.path.realpath(path)).parent
    if (folder / NAME).exists() and (folder / "dataset_info.json").exists():
        raise InputError(f"--out {path} lies in a prepared data set: name a file elsewhere")
    if is_of_run(path):
        raise InputError(f"--out {path} is a file of a run, which would be lost: name another file")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json, for machine-readable output."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def report(args: argparse.Namespace, content: Any, *lines: str) -> int:
    """Print a result as JSON or as lines of text, as the user has chosen, and return the exit code 0."""
    say(*(printable_json(content).split("\n") if args.json else lines))
    return 0


def reason_text(reason: str) -> str:
    """The text of the reason of a rule: samples are kept for some reasons, and left out for the others."""
    return reason if reason.startswith("kept") else f"left out: {reason}"
