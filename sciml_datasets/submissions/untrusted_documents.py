"""Reading the YAML and JSON of strangers: no tags, no aliases, no repeated keys, bounded depth, plain values."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any, NoReturn

from sciml_datasets.submissions.findings import BrokenRuleError, shown
from sciml_datasets.submissions.rules import MAX_NESTING
from sciml_datasets.submissions.text import check_characters

LARGEST = (1 << 63) - 1
"""Whole number that other programs can read as well."""


def parse_yaml(text: str) -> dict[str, Any]:
    """A YAML mapping of plain values.

    Raises:
        BrokenRuleError: it is not one; see the module's docstring.
    """
    import yaml

    try:
        # Events come one by one, before any object is built and without recursion.
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = f"line {event.start_mark.line + 1}"
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                raise BrokenRuleError("yaml-alias", f"{line} has an anchor or an alias")
            if getattr(event, "tag", None) is not None:
                raise BrokenRuleError("yaml-tag", f"{line} has the tag {shown(event.tag)}")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > MAX_NESTING:
                raise BrokenRuleError("too-nested", f"{line} is more than {MAX_NESTING} deep")
            if isinstance(event, yaml.ScalarEvent):
                check_characters(event.value)  # an escape may stand for any
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            _refuse_repeated_keys(node)
            value = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise BrokenRuleError("yaml-syntax", where + shown(getattr(error, "problem", None) or error)) from error
    except (ValueError, OverflowError, TypeError) as error:  # a date or a number that does not exist, an unhashable key
        raise BrokenRuleError("yaml-type", shown(error)) from error
    if not isinstance(value, dict):
        raise BrokenRuleError("yaml-syntax", f"the top is {type(value).__name__}, expected a mapping")
    _refuse_other_types(value)
    return value


def _refuse_repeated_keys(node: Any) -> None:
    import yaml

    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            _refuse_repeated([key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)])
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def _refuse_repeated(keys: list[str]) -> None:
    counts = Counter(keys)
    if len(counts) < len(keys):
        raise BrokenRuleError("repeated-key", f"{shown(counts.most_common(1)[0][0])} stands twice in one mapping")


def _refuse_other_types(value: Any) -> None:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    raise BrokenRuleError("yaml-type", f"a key is {type(key).__name__}, expected text")
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif not (value is None or isinstance(value, str | bool | int | float)):
            raise BrokenRuleError("yaml-type", f"{shown(value)} is {type(value).__name__}")
        elif isinstance(value, int) and abs(value) > LARGEST:
            raise BrokenRuleError("yaml-type", f"there is a whole number of {value.bit_length():,} bits")
        elif isinstance(value, float) and not math.isfinite(value):
            raise BrokenRuleError("yaml-type", f"{value} is not finite")


def parse_json(text: str) -> Any:
    """JSON with finite numbers.

    Raises:
        BrokenRuleError: it is not; see the module's docstring.
    """
    _refuse_depth(text)
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        raise BrokenRuleError("json-syntax", f"line {error.lineno}: {shown(error.msg)}") from error
    if "\\" in text:
        _check_texts(value)  # an escape may stand for any character, or for half of one
    return value


def _check_texts(value: Any) -> None:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            check_characters(value)


_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
"""Strings, whose brackets do not count, or brackets; matches in linear time."""


def _refuse_depth(text: str) -> None:
    """The parser's own recursion must never be reached."""
    depth = 0
    for match in _BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > MAX_NESTING:
            raise BrokenRuleError("too-nested", f"it is more than {MAX_NESTING} deep")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _refuse_repeated([key for key, _ in pairs])
    return dict(pairs)


def _refuse_constant(name: str) -> NoReturn:
    raise BrokenRuleError("json-syntax", f"{name} is not a finite number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BrokenRuleError("json-syntax", f"{shown(text, 20)} is not a finite number")
    return value


def _integer(text: str) -> int:
    if len(text) > 20:
        raise BrokenRuleError("json-syntax", f"{shown(text, 20)} is too large a number")
    return int(text)
