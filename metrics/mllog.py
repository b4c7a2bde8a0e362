"""MLLOG lines, as the rules of the MLCommons Science working group require them (mlcommons/science, submit.adoc).

The rules spell one key ``submissiom_version``; it is written in that spelling and in the correct one, so that a reader
of either finds it. The lines are made by the ``mlperf-logging`` package and pass its parser.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from sciml_datasets.errors import InputError, naming

INTERVALS = ("init", "run", "epoch", "eval")
"""Intervals that are logged with a start and a stop."""
STATUSES = ("cloud", "onprem", "preview", "research", "submission")
"""Statuses of a submission, as MLPerf has them."""
VERSION_KEYS = ("submission_version", "submissiom_version")


class RunLog:
    """Writes the MLLOG file of one run.

    Args:
        path: path of the file; None to hold the lines in memory until `open`, where there cannot be a file yet.
        keep: number of bytes of an existing file to keep, where a run is continued; None where it must not exist.

    Raises:
        InputError: the file holds fewer bytes than are to be kept, or is missing.
    """

    def __init__(self, path: Path | None = None, keep: int | None = None) -> None:
        from mlperf_logging.mllog.mllog import MLLogger

        self._logger = logging.Logger("sciml")
        self._handler: logging.Handler = logging.handlers.MemoryHandler(sys.maxsize, sys.maxsize, flushOnClose=False)
        self._logger.addHandler(self._handler)
        # The library logs the place of the call; paths begin at the package, not at the machine's root.
        root = Path(__file__).resolve().parent.parent
        self._log = MLLogger(self._logger, root_dir=str(root))
        if path is not None:
            if keep is not None:
                _cut(path, keep)
            self.open(path, new=keep is None)

    def open(self, path: Path, *, new: bool = True) -> None:
        """Write all lines to a file: those logged so far, with their times, and those that follow.

        Args:
            path: path of the file.
            new: whether the file must not exist.
        """
        held, self._handler = self._handler, _LogFile(path, new=new)
        if isinstance(held, logging.handlers.MemoryHandler):
            held.setTarget(self._handler)
            held.flush()
        self._logger.removeHandler(held)
        held.close()
        self._logger.addHandler(self._handler)

    def submission(
        self,
        *,
        benchmark: str,
        version: str,
        platform: str,
        org: str | None = None,
        commit: str | None = None,
        status: str = "research",
    ) -> None:
        """Log the facts of a submission; those not known yet are null, and ``sciml submit`` adds them.

        Args:
            benchmark: name of the benchmark in the rules: `sciml_datasets.benchmark.Benchmark.rules_name`.
            version: version of the benchmark, as its ``VERSION.txt`` has it (submit.adoc, Log File requirements).
            platform: name of the machine.
            org: name of the organisation.
            commit: commit of the code that is run, 40 hexadecimal digits.
            status: one of STATUSES.

        Raises:
            InputError: the status is unknown, or the commit is none.
        """
        if status not in STATUSES:
            raise InputError(f"the status {status!r} is unknown: expected one of {', '.join(STATUSES)}")
        if commit is not None and not re.fullmatch("[0-9a-f]{40,64}", commit):
            raise InputError(f"{commit!r} is no commit: give all the digits that `git rev-parse HEAD` prints")
        facts = {
            "submission_benchmark": benchmark,
            "submission_org": org,
            "submission_division": "open",
            **dict.fromkeys(VERSION_KEYS, version),
            "submission_github_commit_version": commit,
            "submission_status": status,
            "submission_platform": platform,
        }
        for key, value in facts.items():
            self.event(key, value)

    def cache_clear(self, cleared: bool) -> None:
        """Log whether the caches of the node were cleared before the run, so that no data were in memory."""
        self.event("cache_clear", cleared)

    def start(self, interval: str, **metadata: Any) -> None:
        """Log that one of INTERVALS begins; see `event`."""
        self._log.start(key=self._key(interval, "start"), metadata=_plain(interval, metadata) or None)

    def stop(self, interval: str, **metadata: Any) -> None:
        """Log that one of INTERVALS ends; see `event`."""
        self._log.end(key=self._key(interval, "stop"), metadata=_plain(interval, metadata) or None)

    def _key(self, interval: str, edge: str) -> str:
        if interval not in INTERVALS:
            raise InputError(f"the interval {interval!r} is unknown: expected one of {', '.join(INTERVALS)}")
        return f"{interval}_{edge}"

    def event(self, key: str, value: Any, **metadata: Any) -> None:
        """Log a value with the current time; a number that is NaN or infinite (an undefined score) becomes null.

        Raises:
            InputError: it cannot be written as JSON.
        """
        self._log.event(key=key, value=_plain(key, value), metadata=_plain(key, metadata) or None)

    def result(self, result: dict[str, Any]) -> None:
        """Log the scientific result under the key that the rules name: each criterion with its target and direction."""
        value = {
            row["name"]: {
                "value": row["score"],
                "direction": row["direction"],
                "target": row["target"] and row["target"]["value"],
            }
            for row in result["criteria"]
        }
        self.event("result", value, dataset=result["dataset"], split=result["split"])

    def close(self) -> None:
        """Close the file; lines that were held in memory are lost. It may be called again."""
        self._handler.close()


class _LogFile(logging.Handler):
    """Writes lines to a file, as they come; an error ends the run with the name of the file, and is not printed.

    Args:
        path: path of the file.
        new: whether it must not exist.
    """

    def __init__(self, path: Path, *, new: bool) -> None:
        super().__init__()
        self._path = path
        self._file = path.open("x", 1, encoding="utf-8") if new else path.open("a", 1, encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        with naming(self._path):
            self._file.write(f"{self.format(record)}\n")

    def close(self) -> None:
        with naming(self._path):
            self._file.close()
        super().close()


def _cut(path: Path, keep: int) -> None:
    """Keep only the first bytes of a log; a file that holds fewer is refused, as it would be filled with zeros."""
    held = path.stat().st_size if path.is_file() else 0
    if held < keep:
        raise InputError(
            f"{path}: the log is shorter than its checkpoint says, {held} bytes of {keep}: "
            f"remove {path.parent} and train again"
        )
    os.truncate(path, keep)


def _plain(key: str, value: Any) -> Any:
    """A value as numbers, text, lists and mappings of JSON."""
    if isinstance(value, dict):
        return {name: _plain(key, item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(key, item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    try:
        json.dumps(value)
    except TypeError as error:
        raise InputError(f"{key}: {value!r} cannot be logged ({error}): give numbers, text, lists, mappings") from error
    return value


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of an MLLOG file, read by the parser of ``mlperf-logging``: key, value and metadata of each, in order;
    lines of other programs between them are skipped.

    Raises:
        InputError: a line is not MLLOG; the file and the first such line are named.
    """
    from mlperf_logging.compliance_checker.mlp_parser.ruleset_100 import parse_file

    lines, failed = parse_file(str(path))
    if failed:
        text, why = failed[0]
        raise InputError(f"{path}: {text.strip()[:80]!r} is not an MLLOG line ({why}): remove or correct the line")
    return [{"key": line.key, "time_ms": line.timestamp, **line.value} for line in lines]


def uncommitted(folder: Path, file: Path) -> str | None:
    """The first file of a folder's git repository whose content is not that of the commit that is checked out, among
    those that git knows and ``file``; None where all are committed, or git does not say."""
    for choice in (("--untracked-files=no",), ("--ignored", "--", str(file))):
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), "status", "--porcelain", *choice],
                capture_output=True,
                text=True,
                timeout=10,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):  # no git, or one that does not answer
            return None
        if done.returncode == 0 and done.stdout:
            return done.stdout.splitlines()[0][3:]
    return None


def commit_of(folder: Path) -> str | None:
    """The commit that is checked out in a folder's git repository; None where there is none."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):  # no git, or one that does not answer
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
