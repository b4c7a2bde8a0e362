"""The order in which submissions came, from the git history that their folder lies in.

Commits count along the first parents of HEAD, which is how a branch has grown by merges: the dates in commits, and what
lies behind the second parent of a merge, are a submitter's own claims.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from sciml_datasets.sandbox import StoppedError, in_sandbox
from sciml_datasets.submissions import rules
from sciml_datasets.submissions.configuration import entry
from sciml_datasets.submissions.findings import BrokenRuleError
from sciml_datasets.submissions.folder import as_text
from sciml_datasets.submissions.untrusted_documents import parse_yaml

SAFE = (
    "safe.bareRepository=explicit",  # a submission may hold what looks like a repository
    "log.showSignature=false",
    "core.fsmonitor=false",
    "protocol.allow=never",
)
"""Settings under which git starts no other program, whatever the repository's own configuration says."""
SECONDS = 120


class History:
    """The git history of a folder; nothing where the folder lies in none, or in a shallow one, which has no order.

    Args:
        root: folder of all submissions.
    """

    def __init__(self, root: Path) -> None:
        absolute = Path(os.path.normpath(root.absolute()))  # links are not followed: what lies behind one is refused
        self._top = next((folder for folder in (absolute, *absolute.parents) if (folder / ".git").exists()), None)
        self._stated: dict[str, list[str]] = {}

    def came(self, folder: Path, sha256: str | None = None) -> int | None:
        """The number of the first commit in which config.yaml of a submission was there, or had a run with predictions.

        Predictions that are only mentioned, as in a comment, are of no run: they may be somebody else's.

        Args:
            folder: folder of the submission.
            sha256: SHA-256 of the predictions; None where any will do.

        Returns:
            The number; None where it is in no commit.
        """
        found = (
            number
            for number, blob in self._versions.get(self.path_of(folder / rules.CONFIG), [])
            if sha256 is None or sha256 in self._predictions(blob)
        )
        return next(found, None)

    def path_of(self, path: Path) -> str:
        """A path as git writes it, from the top of the repository."""
        absolute = Path(os.path.normpath(path.absolute()))
        return absolute.relative_to(self._top).as_posix() if self._top and absolute.is_relative_to(self._top) else ""

    def git(self, *arguments: str) -> bytes | None:
        """The output of a git command; None where there is no repository, or the command fails."""
        if self._top is None:
            return None
        settings = [word for setting in SAFE for word in ("-c", setting)]
        command = ["git", "--no-pager", "--literal-pathspecs", "-C", str(self._top), *settings, *arguments]
        environment = {**os.environ, "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False, env=environment)
        except (OSError, subprocess.TimeoutExpired):  # no git, or one that does not answer
            return None
        return done.stdout if done.returncode == 0 else None

    @cached_property
    def _versions(self) -> dict[str, list[tuple[int, str]]]:
        """Path of each config.yaml to its versions, oldest first: number of the commit and name of the content."""
        if self.git("rev-parse", "--is-shallow-repository") != b"false\n":
            return {}
        raw = self.git(
            *("log", "--first-parent", "-m", "--reverse", "--format=%x00%H", "--raw", "-z"),
            *("--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv"),
        )
        versions: dict[str, list[tuple[int, str]]] = {}
        number, fields = 0, iter((raw or b"").decode("utf-8", "surrogateescape").split("\0"))
        for field in fields:
            words = field.lstrip("\n").split(" ")
            if len(words) == 5 and words[0].startswith(":"):
                path = next(fields, "")
                if path.endswith(f"/{rules.CONFIG}"):
                    versions.setdefault(path, []).append((number, words[3]))
            elif field.strip():
                number += 1
        return versions

    def _predictions(self, blob: str) -> list[str]:
        """The SHA-256 of the predictions of each run in a version of config.yaml."""
        if blob not in self._stated:
            self._stated[blob] = texts_in(self.git("cat-file", "blob", blob) or b"", _predictions_of)
        return self._stated[blob]


def texts_in(content: bytes, find: Callable[[dict[str, Any]], Iterable[Any]]) -> list[str]:
    """The texts among what is found in an earlier config.yaml, which anybody may have written; none where it cannot be
    read.

    Args:
        content: content of the file.
        find: function of the configuration.
    """

    def read() -> list[str]:
        try:
            config = parse_yaml(as_text(content[: rules.MAX_BYTES["config"]]))
        except BrokenRuleError:
            return []
        return [text for text in find(config) if isinstance(text, str)]

    try:
        return list(in_sandbox(read))
    except StoppedError:
        return []


def _predictions_of(config: dict[str, Any]) -> list[Any]:
    """The SHA-256 of the predictions of each run."""
    runs = config.get("runs")
    return [entry({"run": run}, "run.predictions.sha256") for run in (runs if isinstance(runs, list) else [])]
