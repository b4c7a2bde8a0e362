"""POSCAR files, as VASP writes them and its wiki describes them, old and new."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from sciml_datasets.errors import InputError
from sciml_datasets.stemdl.crystals import Floats

_LABEL = re.compile(r"([A-Z][a-z]?)(?:[\d_/].*)?")
"""An element at the start of the label of an atom, such as ``Si1`` or ``O2a``."""
_SPECIES = re.compile(r"([A-Za-z]{1,2})(?:\d*[+-]?|_\w+|/\w*)")
"""An element in a line of species, such as ``Si``, ``O2-``, ``Fe_pv`` or, with a checksum, ``Si/6ba``."""
_FLAG = re.compile(r"\.?(t|f|true|false)\.?", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([de][-+]?\d+)?|[-+]?(nan|inf)", re.IGNORECASE)
_REMARK = re.compile(r"[!#].*")
_LINE_END = re.compile(r"\r\n|\n|\r")
"""Line endings: a title may hold other characters that Python takes for them, such as a form feed."""


def read_poscar(path: Path, text: str) -> tuple[Floats, Floats, list[str]]:
    """The lattice, the fractional positions and the symbols in a file; the numbers may be impossible for a crystal.

    Args:
        path: path of the file, for messages.
        text: content of the file.

    Raises:
        InputError: a part is missing or no number, or the species of the atoms are not stated.
    """
    lines = _LINE_END.split(text)
    try:
        scales = np.array(_numbers(lines[1]))
        vectors = [_three(line) for line in lines[2:5]]
        named = not re.match(r"\s*\d+(\s|$)", lines[5], re.ASCII)  # since VASP 5
        counts = [int(word) for word in _REMARK.sub("", lines[5 + named]).split()]
        if not counts or min(counts) < 0 or not sum(counts):
            raise ValueError(f"expected how many atoms there are of each kind, found {lines[5 + named].strip()[:80]!r}")
        first = 6 + named
        selective = lines[first].strip()[0] in "sS"
        first += selective
        if not lines[first].strip()[0].isalpha():
            raise ValueError(f"expected Direct or Cartesian, found {lines[first].strip()[:80]!r}")
        cartesian = lines[first].strip()[0] in "cCkK"
        atoms = lines[first + 1 : first + 1 + sum(counts)]
        places = [_three(line) for line in atoms]
        if len(places) != sum(counts) or any(len(row) != 3 for row in vectors + places):
            raise ValueError(f"expected 3 lattice vectors and {sum(counts)} atoms of 3 numbers")
        lattice, positions = np.array(vectors), np.array(places)
        following = lines[first + 1 + sum(counts)].split() if len(lines) > first + 1 + sum(counts) else []
        if len(following) >= 3 and all(map(_NUMBER.fullmatch, following[:3])):
            raise ValueError(f"expected {sum(counts)} atoms, found more")
    except (ValueError, IndexError) as error:
        raise InputError(
            f"{path} cannot be read as POSCAR ({error}): expected a title, a scale, three lattice vectors, symbols, "
            "counts, Direct or Cartesian, and one line for each atom"
        ) from error
    # The scale is one number, negative where it is the volume of the cell, or one number for each of x, y and z.
    if (
        scales.size not in (1, 3)
        or not np.isfinite(scales).all()
        or not scales.all()
        or (scales.size == 3 and scales.min() < 0)
    ):
        raise InputError(
            f"{path}: the scale is {lines[1].strip()[:80]!r}, expected one number other than 0, or three above 0: "
            "correct the file"
        )
    with np.errstate(all="ignore"):  # numbers with such errors are refused afterwards
        volume = abs(np.linalg.det(lattice))
        if 0 < volume < np.inf:
            scale = scales if scales.size == 3 else scales[0]
            factor = scale if scales[0] > 0 else (-scale / volume) ** (1 / 3)
            lattice *= factor
            if cartesian:
                try:
                    positions = factor * positions @ np.linalg.inv(lattice)
                except np.linalg.LinAlgError as error:
                    raise InputError(f"{path}: the scaled lattice is flat: correct the lattice or the scale") from error
    # Only old files have labels after a mark of remarks; where the species are named, the text after it is a remark.
    labels = [_label(_REMARK.sub("", line) if named else line, selective) for line in atoms]
    if named:
        kinds = _species(lines[5], any_case=True)
        if kinds is None or len(kinds) != len(counts):
            raise InputError(
                f"{path}: the line of species is {lines[5].strip()[:80]!r}, expected {len(counts)} symbols of elements "
                "such as Na Cl, one for each count: correct it"
            )
    else:
        kinds = _species(lines[0], any_case=False)
        kinds = kinds if kinds and all(map(_is_element, kinds)) else None
    return lattice, positions, _of_atoms(path, kinds, counts, labels)


def _of_atoms(path: Path, kinds: list[str] | None, counts: list[int], labels: list[str | None]) -> list[str]:
    """The symbol of each atom, from its kind where the kinds are named, else from its label."""
    known = [label for label in labels if label is not None]
    symbols = known if len(known) == len(labels) else None
    if kinds is not None and len(kinds) == len(counts):
        of_kinds = [kind for kind, count in zip(kinds, counts, strict=True) for _ in range(count)]
        if symbols is not None and symbols != of_kinds:
            differing = next(
                i for i, (symbol, kind) in enumerate(zip(symbols, of_kinds, strict=True)) if symbol != kind
            )
            raise InputError(
                f"{path}: atom {differing + 1} is {of_kinds[differing]} by the line of species or the title, but has "
                f"{symbols[differing]} behind it: correct one of them"
            )
        return of_kinds
    if symbols is None:
        raise InputError(
            f"{path}: the species are missing: expected their symbols in the line above the counts, or behind each atom"
        )
    ends = np.cumsum(counts)
    for first, last in zip(ends - counts, ends, strict=True):
        if len(set(symbols[first:last])) > 1:
            raise InputError(
                f"{path}: atoms {first + 1} to {last} are of one kind by the counts, but have "
                f"{', '.join(sorted(set(symbols[first:last])))} behind them: correct the counts or the atoms"
            )
    return symbols


def _float(word: str) -> float:
    """A number from the notation of Fortran or C, such as 1.0D0 and 1.0e0."""
    if not _NUMBER.fullmatch(word):
        raise ValueError(f"{word[:40]!r} is no number")
    return float(word.lower().replace("d", "e"))


def _three(line: str) -> list[float]:
    return [_float(word) for word in line.split()[:3]]


def _numbers(line: str) -> list[float]:
    """The numbers at the beginning of a line; the first word must be a number."""
    words = line.split()
    found = [_float(words[0])]
    for word in words[1:]:
        if not _NUMBER.fullmatch(word):  # a remark
            break
        found.append(_float(word))
    return found


def _species(line: str, *, any_case: bool) -> list[str] | None:
    """The elements that a line names; None where one of its words is no symbol."""
    found = [_SPECIES.fullmatch(word) for word in _REMARK.sub("", line).split()]
    symbols = [match[1] for match in found if match]
    if not symbols or len(symbols) < len(found):
        return None
    capitalised = [symbol.capitalize() for symbol in symbols]
    return capitalised if any_case or capitalised == symbols else None


def _label(line: str, selective: bool) -> str | None:
    """The element after the coordinates, and after their flags under selective dynamics; None where there is none.

    A label may follow a mark of remarks: ``0 0 0 # Si1``.
    """
    words = line.split()[3:]
    if selective:
        if len(words) < 3 or not all(map(_FLAG.fullmatch, words[:3])):
            return None
        words = words[3:]
    before = _REMARK.sub("", " ".join(words)).split()
    words = before or " ".join(words).lstrip("!# ").split()
    match = _LABEL.fullmatch(words[0]) if len(words) == 1 else None
    return match[1] if match and _is_element(match[1]) else None


def _is_element(symbol: str) -> bool:
    import gemmi

    return gemmi.Element(symbol).atomic_number > 0
