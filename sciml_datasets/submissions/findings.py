"""Findings: which rule is broken, where, what was found, and how to fix it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sciml_datasets.submissions.rule_texts import RULES, Rule


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A breach of a rule.

    Attributes:
        file: where, relative to the submission; ``.`` is the folder itself.
        rule: name of the rule.
        what: was found.
    """

    file: str
    rule: str
    what: str

    @property
    def law(self) -> Rule:
        """The rule itself."""
        return RULES[self.rule]

    def as_json(self) -> dict[str, Any]:
        """The finding with level, rule and remedy in words."""
        rule = self.law
        return {
            "level": rule.level,
            "rule": self.rule,
            "file": self.file,
            "what": self.what,
            "says": rule.says,
            "mend": rule.remedy,
        }

    def as_text(self) -> str:
        """The finding as one line."""
        return f"{self.law.level} [{self.rule}] {self.file}: {self.what}; {self.law.remedy}"


class BrokenRuleError(Exception):
    """A file breaks a rule so that it cannot be read further.

    Args:
        rule: name of the rule.
        what: was found.
    """

    def __init__(self, rule: str, what: str) -> None:
        super().__init__(rule, what)
        self.rule, self.what = rule, what

    def in_file(self, file: str) -> Finding:
        """The finding in a file."""
        return Finding(file, self.rule, self.what)


def shown(value: object, length: int = 80) -> str:
    """A stranger's text so that it does nothing where it is shown: printable ASCII without backticks, short."""
    text = str(value)
    text = text if len(text) <= length else text[:length] + "..."
    return re.sub(r"[^ -_a-~]", lambda match: f"\\u{ord(match[0]):04x}", text)
