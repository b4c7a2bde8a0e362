"""Characters of strangers' text: what is shown is what is there."""

from __future__ import annotations

import unicodedata

from sciml_datasets.submissions.findings import BrokenRuleError

UNSEEN = frozenset(["Cc", "Cf", "Cs"])
"""Unicode categories (UAX #44) of controls, of formats such as turns of the direction of writing, and of surrogates."""
ALLOWED = frozenset("\t\n\r\u00ad\u200c\u200d")
"""Characters of these categories that are allowed: tabulator, ends of lines, soft hyphen, and what joins or parts
letters in many scripts."""


def check_characters(text: str) -> None:
    """Is all of a text plain characters?

    Raises:
        BrokenRuleError: it has one of UNSEEN.
    """
    for character in sorted(set(text) - ALLOWED):
        if unicodedata.category(character) in UNSEEN:
            raise BrokenRuleError("text-encoding", f"it has the character U+{ord(character):04X}")
