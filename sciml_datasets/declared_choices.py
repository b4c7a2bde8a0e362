"""Mistakes in the choices and conversions of a declaration, which become flags and formats of the commands."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator, Mapping

from sciml_datasets.benchmark import Benchmark, Choice

NAME = re.compile(r"[a-z][a-z0-9_]*")
KINDS = {"integer": int, "integers": int, "number": float, "text": str, "path": str}
"""Kinds of values of a choice whose values are not listed, and the type of one value."""
TAKEN = {
    "prepare": (
        *("name", "raw_dir", "data_dir", "file_format", "jobs", "restart", "verify_raw", "preprocess", "json"),
        *("dataset", "benchmark", "function"),
    ),
    "simulate": ("name", "out", "samples", "seed", "jobs", "json"),
    "convert": ("name", "file", "format", "source", "out", "json"),
}
"""Command to the names of its own arguments, and of those of the functions that its choices are passed through."""
OF_PYTHON = ("comm", "beam", "executor", "num_shards", "num_samples", "out_dir", "folder", "help", "dry_run")
"""Names of arguments of the Python functions, and names reserved for them."""


def twice(what: str, names: Iterable[str]) -> Iterator[str]:
    """A clause for each name that occurs more than once."""
    names = list(names)
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{what} {name} is declared twice: remove one"


def wrong_choices(benchmark: Benchmark, others: Iterable[Benchmark]) -> Iterator[str]:
    """A clause for each mistake in choices and conversions, all of the declared types."""
    others = tuple(others)
    declared: Mapping[str, tuple[Choice, ...]] = {
        "prepare": benchmark.choices,
        "simulate": benchmark.simulator,
        **{f"convert {one.name}": one.choices for one in benchmark.conversions},
    }
    for command, choices in declared.items():
        program = command.split()[0]
        yield from twice("the choice", (choice.name for choice in choices))
        for choice in choices:
            name = choice.name
            if not NAME.fullmatch(name) or keyword.iskeyword(name):
                yield f"the choice {name!r} has no usable name: expected lower case, digits and underscores"
            elif name in (*TAKEN[program], *OF_PYTHON, "self"):
                yield f"the name of the choice {name} is taken by `sciml {program}`: choose another name"
            yield from _values(choice)
            for other in others:
                for same in {"prepare": other.choices, "simulate": other.simulator}.get(program, ()):
                    both_listed = isinstance(choice.values, tuple) and isinstance(same.values, tuple)
                    if same.name == name and not both_listed and same.values != choice.values:
                        yield (
                            f"the choice {name} of `sciml {program}` has other values than that of {other.name}: "
                            "choose another name"
                        )
    formats = {one.name: other.name for other in others for one in other.conversions}
    yield from twice("the conversion", (one.name for one in benchmark.conversions))
    for one in benchmark.conversions:
        if one.name in formats:
            yield f"the name of its conversion {one.name} is taken by {formats[one.name]}: choose another name"
        if not NAME.fullmatch(one.name):
            yield f"the conversion {one.name!r} has no usable name: expected lower case, digits and underscores"


def _values(choice: Choice) -> Iterator[str]:
    """A clause for each mistake in the values and the default of a choice."""
    values, default = choice.values, choice.default
    if isinstance(values, tuple):
        if not values or "" in values:
            yield f"the choice {choice.name} has the values {values!r}: list at least one, and no empty text"
        elif default not in (None, *values):
            yield f"the choice {choice.name} has the default {default!r}: choose one of its values"
        yield from twice(f"the choice {choice.name}: the value", values)
    elif values not in KINDS:
        kinds = ", ".join(KINDS)
        yield f"the choice {choice.name} has the values {values!r}: list them, or name one of {kinds}"
    elif default is not None:
        try:
            for one in default.split() if values == "integers" else (default,):
                KINDS[values](one)
        except ValueError:
            yield f"the choice {choice.name} has the default {default!r}: expected the kind {values}"
