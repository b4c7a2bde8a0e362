"""Who may change a submission: those whom its config.yaml lists on the branch that a pull request goes to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.submissions import rules
from sciml_datasets.submissions.findings import Finding, shown
from sciml_datasets.submissions.folder import Place
from sciml_datasets.submissions.history import History, texts_in


class PullRequest:
    """A pull request: who made it, and what it is compared with.

    Args:
        root: folder of all submissions.
        author: name of its author where pull requests are made.
        base: commit of the branch that it goes to.

    Raises:
        InputError: the folder is in no git repository that has this commit.
    """

    def __init__(self, root: Path, author: str, base: str) -> None:
        self._history, self._author, self._base = History(root), author, base
        if self._history.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}") is None:
            raise InputError(
                f"--base {shown(base)}: there is no such commit in a git repository around {root}: fetch the branch "
                "that the pull request goes to"
            )

    def findings(self, place: Place) -> tuple[Finding, ...]:
        """A finding where the submission is there on the base branch and does not list the author."""
        path = self._history.path_of(place.folder)
        if not self._history.git("ls-tree", "-z", "--name-only", self._base, "--", f"{path}/"):
            return ()  # a new one
        content = self._history.git("cat-file", "blob", f"{self._base}:{path}/{rules.CONFIG}") or b""
        listed = texts_in(content, maintainers_of)
        if self._author.lower() in [name.lower() for name in listed]:
            return ()
        known = f"its maintainers are {', '.join(map(shown, listed))}" if listed else "it lists no maintainers"
        return (Finding(rules.CONFIG, "not-maintainer", f"{shown(self._author)} changes it, and {known}"),)


def maintainers_of(config: dict[str, Any]) -> Sequence[Any]:
    """The maintainers that a configuration lists."""
    listed = config.get("maintainers")
    return listed if isinstance(listed, list) else []
