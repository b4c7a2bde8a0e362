"""Flags that benchmarks declare: choices of simulating, preparing and converting raw files."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from sciml_datasets.benchmark import Benchmark, Choice
from sciml_datasets.cli.arguments import PathArgument

Declared = Iterable[tuple[Benchmark, Choice]]
"""Choices, each with its benchmark; several may have one name."""
KINDS: dict[str, dict[str, Any]] = {
    "integer": {"type": int, "metavar": "N"},
    "integers": {"type": int, "metavar": "N", "nargs": "+"},
    "number": {"type": float, "metavar": "X"},
    "text": {"metavar": "TEXT"},
    "path": {"action": PathArgument, "metavar": "PATH"},
}
"""Arguments of argparse by kind of the values of a choice."""


def add_choice(parser: argparse.ArgumentParser, name: str, values: tuple[str, ...] | str, meaning: str) -> None:
    """Add the flag of a choice.

    Args:
        parser: the parser of the command.
        name: name of the choice.
        values: the values that can be chosen, or their kind, as in `Choice`.
        meaning: help text; argparse.SUPPRESS hides the flag.
    """
    options = KINDS[values] if isinstance(values, str) else {"choices": values}
    parser.add_argument(f"--{name.replace('_', '-')}", help=unformatted(meaning), **options)


def unformatted(text: str) -> str:
    """A help text that argparse, which fills in values at each ``%``, prints as it is."""
    return text.replace("%", "%%")


def add_choices(parser: argparse.ArgumentParser, declared: Declared) -> None:
    """Add a flag for each name, with the values and the help texts of all benchmarks that have it."""
    by_name: dict[str, list[tuple[Benchmark, Choice]]] = {}
    for benchmark, choice in declared:
        by_name.setdefault(choice.name, []).append((benchmark, choice))
    for name, same in by_name.items():
        meanings: dict[str, list[str]] = {}
        for benchmark, choice in same:
            meanings.setdefault(choice.meaning, []).append(benchmark.name)
        help_text = "; ".join(f"{', '.join(names)} only: {meaning}" for meaning, names in meanings.items())
        listed = [value for _, choice in same if isinstance(choice.values, tuple) for value in choice.values]
        kind = same[0][1].values
        add_choice(parser, name, kind if isinstance(kind, str) else tuple(dict.fromkeys(listed)), help_text)


def chosen(args: argparse.Namespace, declared: Declared) -> dict[str, Any]:
    """The values that the user has chosen, by name."""
    values = {choice.name: getattr(args, choice.name) for _, choice in declared}
    return {name: value for name, value in values.items() if value is not None}
