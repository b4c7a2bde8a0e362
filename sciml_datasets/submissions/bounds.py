"""Bounds of the numbers, texts, lists and mappings in documents of strangers, as `rules` declares them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sciml_datasets.submissions import rules
from sciml_datasets.submissions.findings import BrokenRuleError, shown


def check_bounds(document: Any, bounds: Mapping[str, rules.Span | int]) -> None:
    """Does everything in a document keep to its bounds?

    Args:
        document: plain values, as parsed.
        bounds: entry to its bounds, see `rules.RESULT_BOUNDS`; what is not there has those of all documents.

    Raises:
        BrokenRuleError: no; the first entry that does not is named.
    """
    waiting: list[tuple[str, str, Any]] = [("", "", document)]
    while waiting:
        place, pattern, value = waiting.pop()
        bound = bounds.get(pattern)
        if isinstance(value, int | float):
            low, high = bound if isinstance(bound, tuple) else (-rules.MAX_NUMBER, rules.MAX_NUMBER)
            if not isinstance(value, bool) and not low <= value <= high:
                what = f"{shown(place)} is {shown(value)}, expected {low:g} to {high:g}"
                raise BrokenRuleError("number-range", what)
        elif value is not None:
            most = bound if isinstance(bound, int) else rules.MAX_TEXT if isinstance(value, str) else rules.MAX_LIST
            if len(value) > most:
                unit = "characters" if isinstance(value, str) else "entries"
                what = f"{shown(place) or 'the whole'} has {len(value):,} {unit}, at most {most:,}"
                raise BrokenRuleError("too-long", what)
            if not isinstance(value, str):
                waiting += _entries(place, pattern, value, bounds)


def _entries(
    place: str, pattern: str, value: dict[str, Any] | list[Any], bounds: Mapping[str, rules.Span | int]
) -> Iterator[tuple[str, str, Any]]:
    """The entries of a list or mapping, each with its place, its pattern in the bounds and its value."""
    start, general = (f"{place}.", f"{pattern}.*") if place else ("", "*")
    if isinstance(value, list):
        for number, one in enumerate(value, 1):
            yield f"{start}{number}", general, one
        return
    for key, one in value.items():
        if len(key) > rules.MAX_SHOWN:
            raise BrokenRuleError("too-long", f"a key has {len(key):,} characters, at most {rules.MAX_SHOWN:,}")
        own = f"{pattern}.{key}" if pattern else key
        yield f"{start}{key}", general if general in bounds and own not in bounds else own, one
