"""The form of the report that comes from the sandbox, which a stranger's file that takes its reader over could send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sciml_datasets.submissions.rule_texts import RULES


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _is_result(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("dataset"), str)


def _is_run(value: Any) -> bool:
    match value:
        case {"sha256": str(), "scores": str()}:
            texts = [value.get(name, "") for name in ("fingerprint", "data")]
            errors = value.get("unexplained", [])
            return _are_texts(texts) and isinstance(errors, list) and all(isinstance(one, float) for one in errors)
    return False


FORMS: dict[str, Callable[[Any], bool]] = {
    "files": _are_texts,
    "config": lambda value: isinstance(value, dict),
    "result": lambda value: value is None or _is_result(value),
    "results": lambda value: isinstance(value, list) and all(map(_is_result, value)),
    "times": lambda value: isinstance(value, list) and all(isinstance(times, dict) for times in value),
    "runs": lambda value: isinstance(value, list) and all(map(_is_run, value)),
    "at_hand": _are_texts,
    "recomputed": lambda value: isinstance(value, bool),
    "contribution": lambda value: value is None or isinstance(value, str),
}
"""Name of a fact to whether a value can be it."""
OF_ALL, OF_CONFIGURED = (
    {"files"},
    {"files", "config", "result", "results", "times", "runs", "at_hand", "recomputed", "contribution"},
)
"""Facts of every submission, and of one whose config.yaml can be read."""


def is_report(value: Any) -> bool:
    """Whether a value is what `sciml_datasets.submissions.inspection.Inspection.report` returns, sent as JSON."""
    match value:
        case {"findings": list(findings), "facts": dict(facts)}:
            complete = facts.keys() == OF_ALL or facts.keys() >= OF_CONFIGURED
            known = FORMS.keys() & facts.keys()
            return complete and all(map(_is_finding, findings)) and all(FORMS[name](facts[name]) for name in known)
    return False


def _is_finding(value: Any) -> bool:
    return _are_texts(value) and len(value) == 3 and value[1] in RULES
