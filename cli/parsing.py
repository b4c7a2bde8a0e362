"""Parsers of command lines whose mistakes are sentences, with the nearest word that is known."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from sciml_datasets.errors import InputError
from sciml_datasets.nearest import nearest, one_of

LARGEST = 1e15
"""Bound of the whole numbers that are told without an exponent."""
_NUMBER = re.compile(r"-\d+|-\d*\.\d+")
"""A negative number, which is a value and no flag."""


class Parser(argparse.ArgumentParser):
    """A parser that raises InputError where argparse would print its usage and end the process."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.register("type", int, _whole)
        self.register("type", float, _number)

    def parsed(self, words: Sequence[str]) -> argparse.Namespace:
        """The values of a command line.

        Args:
            words: the words behind the name of the command.

        Raises:
            InputError: a flag or a value is unknown, or a required one is missing. An unknown flag is named first: it
                may be the required one, misspelt.
            SystemExit: help was asked for and printed.
        """
        known = [flag for action in actions_of(self) for flag in action.option_strings]
        unknown = [] if {"-h", "--help"} & {*words} else [*_unknown(words, known)]
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}{_meant_flag(unknown[0], known)}")
        return self.parse_args(words)

    def error(self, message: str) -> NoReturn:
        """See `argparse.ArgumentParser.error`."""
        raise InputError(f"{message}; `{self.prog} --help` shows what there is")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Make sure that a value can be chosen, which argparse asks of each."""
        if action.choices is not None and value not in action.choices:
            names = [str(name) for name in action.choices]
            raise argparse.ArgumentError(action, f"invalid choice: {value!r}, {one_of(str(value), names)}")


def actions_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The flags and arguments of a parser, and of its sub-parsers."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from actions_of(below)


def _whole(text: str) -> int:
    """An int, where the text is one; ``1e5`` is none, and what to write in its place is told."""
    with suppress(ValueError):
        return int(text)
    number = _number(text)
    instead = f": write {number:.0f}" if number.is_integer() and abs(number) < LARGEST else ""
    raise argparse.ArgumentTypeError(f"{text!r} is no whole number{instead}")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from error


def _unknown(words: Sequence[str], known: Iterable[str]) -> Iterator[str]:
    """The words that are flags by their form and are not known."""
    for word in words:
        if word == "--":  # values alone follow
            return
        is_flag = word.startswith("-") and len(word) > 1 and " " not in word and not _NUMBER.fullmatch(word)
        if is_flag and word.partition("=")[0] not in known:
            yield word


def _meant_flag(word: str, known: Iterable[str]) -> str:
    """`meant` of flags, whose dashes are not compared."""
    by_name = {flag.lstrip("-"): flag for flag in known}
    found = nearest(word.partition("=")[0].lstrip("-"), by_name)
    return f" (did you mean {by_name[found]}?)" if found else ""
