"""Conversion of files of other formats to the raw files of a benchmark, by the module ``convert`` of the benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sciml_datasets.benchmark import Benchmark, Conversion
from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.errors import InputError
from sciml_datasets.nearest import one_of


@dataclass(frozen=True, slots=True)
class Converted:
    """The outcome of a conversion, which ``convert.convert(format, source, out, **choices)`` of a benchmark returns.

    Attributes:
        content: report on the files that were written, as JSON.
        text: the same report as lines of text.
    """

    content: Mapping[str, Any]
    text: str


def conversions() -> dict[str, tuple[Benchmark, Conversion]]:
    """The benchmark and the declaration of each format that can be converted, by name of the format."""
    return {one.name: (benchmark, one) for benchmark in BENCHMARKS.values() for one in benchmark.conversions}


def convert(name: str, source: Path, out: Path, **choices: Any) -> Converted:
    """Convert a file or folder of another format to raw files.

    Args:
        name: name of the format, for example ``slstr``.
        source: the file or the folder to convert.
        out: the file or the folder to make.
        choices: values of `Conversion.choices` by name; None where nothing is chosen.

    Raises:
        InputError: there is no such format or choice, the source cannot be read, or ``out`` exists.
        OSError: ``out`` cannot be written.

    Example:
        >>> from pathlib import Path
        >>> from sciml_datasets.conversion import convert
        >>> converted = convert("improve", Path("raw/candle_uno_demo"), Path("improve"))
        >>> converted.content["response"], converted.content["measure"]["range"]
        ('auc', 'from 0 to 1')
    """
    known = conversions()
    if name not in known:
        raise InputError(f"there is no format {name!r}: {one_of(name, known)}")
    benchmark, conversion = known[name]
    given = {key: value for key, value in choices.items() if value is not None}
    declared = {choice.name: choice for choice in conversion.choices}
    for key in given:
        if key not in declared:
            others = [other for other, (_, one) in known.items() if key in {choice.name for choice in one.choices}]
            where = f"is for {' and '.join(others)}" if others else "is no choice of any format"
            raise InputError(f"--{flag(key)} {where}: leave it out")
    benchmark.check_chosen(conversion.choices, given)
    converted = benchmark.attribute("convert", "convert")
    with benchmark.asking("convert", "convert"):
        found = converted(name, source, out, **given)
    if not isinstance(found, Converted):
        raise InputError(f"{benchmark.name}: convert of {name} returns {found!r:.80}: return a Converted")
    return found


def flag(name: str) -> str:
    """The name of a choice as a flag has it: ``space-groups``."""
    return name.replace("_", "-")


def names_of_choices() -> list[str]:
    """The names of the choices of all formats; several formats may have a choice of one name, with other values."""
    return list(dict.fromkeys(choice.name for _, one in conversions().values() for choice in one.choices))
