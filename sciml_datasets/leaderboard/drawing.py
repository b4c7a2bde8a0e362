"""Drawing one submission in the sandbox: its entry, its page, and a board of its own as a trial.

What draws alone draws beside others, and takes as much of a board as it takes of its own. A submission that cannot be
drawn, or not within its bounds, is left out and told; the others stand.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sciml_datasets.leaderboard.entries import Entry, entry_of
from sciml_datasets.leaderboard.pages import pages, submission_page
from sciml_datasets.leaderboard.ranking import boards
from sciml_datasets.sandbox import StoppedError, in_sandbox
from sciml_datasets.submissions import rules
from sciml_datasets.submissions.check import Checked
from sciml_datasets.submissions.findings import BrokenRuleError
from sciml_datasets.submissions.folder import as_text, read_file


class NotDrawnError(Exception):
    """A submission cannot be drawn within its bounds; the message says why."""


def draw(checked: Checked) -> tuple[Entry, str]:
    """The entry of an accepted submission and its page, without its rank.

    Raises:
        NotDrawnError: it cannot be drawn.
    """
    try:
        drawn = in_sandbox(
            lambda: _drawn(checked),
            reads=[checked.place.folder],
            memory=rules.DRAWN_MEMORY,
            seconds=rules.DRAWN_SECONDS,
        )
    except StoppedError as error:
        raise NotDrawnError(str(error)) from error
    if "refused" in drawn:
        raise NotDrawnError(drawn["refused"])
    return Entry.from_json(drawn["entry"]), drawn["page"]


def _drawn(checked: Checked) -> dict[str, Any]:
    """The entry and the page as plain values; or why there are none."""
    try:
        readme = as_text(read_file(checked.place.folder / rules.README, rules.MAX_BYTES["readme"]))
    except BrokenRuleError as error:  # it was changed since it was checked
        return {"refused": f"{rules.README}: {error.what}"}
    entry = entry_of(checked)
    (board,) = boards([entry])
    page = submission_page(board, entry, checked.facts, readme)
    size = len(page.encode()) + sum(len(text.encode()) for _, text in pages([board]))
    if size > rules.DRAWN_BYTES:
        return {"refused": f"its pages have {size:,} bytes, at most {rules.DRAWN_BYTES:,}"}
    return {"entry": asdict(entry), "page": page}
