"""What a user may choose of a benchmark: flags of commands, and formats that can be converted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice that a benchmark offers: a flag of ``sciml prepare``, ``simulate`` or ``convert``.

    Attributes:
        name: name of the flag, with underscores: ``space_groups`` is ``--space-groups``.
        values: the values that can be chosen; or the kind of any value: ``integer``, ``integers`` (one or several),
            ``number``, ``text`` or ``path``.
        default: one of the values; None where the raw files or the simulator decide.
        meaning: one line of help.
        of_features: whether examples have other features by it: ``data.features`` takes its value too, where there is
            one. Prepared data keep it.

    Example:
        >>> from sciml_datasets.benchmark import Choice
        >>> Choice("noise", "number", None, "standard deviation of the noise, peaks are 1").values
        'number'
        >>> Choice("form", ("measured", "smoothed"), "measured", "spectra to read").default
        'measured'
    """

    name: str
    values: tuple[str, ...] | Literal["integer", "integers", "number", "text", "path"]
    default: str | None
    meaning: str
    of_features: bool = False


@dataclass(frozen=True, slots=True)
class Conversion:
    """A format of others that the benchmark's module ``convert`` takes: ``sciml convert <name> SOURCE --out OUT``.

    Attributes:
        name: name of the format.
        meaning: one line of help that says from what and to what it converts.
        source: description of SOURCE for the help.
        file: whether OUT is one file; otherwise it is a folder.
        choices: choices of the conversion; another format may have one of the same name with other values.

    Example:
        >>> from sciml_datasets.benchmark import Conversion
        >>> jcamp = Conversion("jcamp", "JCAMP-DX files to raw files of spectra", "a folder of .jdx files")
        >>> jcamp.file, jcamp.choices
        (False, ())
    """

    name: str
    meaning: str
    source: str
    file: bool = False
    choices: tuple[Choice, ...] = ()
