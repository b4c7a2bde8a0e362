"""The terms under which data may be used: shown once, accepted by a flag, kept beside the data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sciml_datasets.benchmarks import find
from sciml_datasets.errors import InputError
from sciml_datasets.files import atomic

NAME = "TERMS.txt"


def text_of(name: str) -> str:
    """Licence and terms of a data set, as they are shown and kept."""
    benchmark, _ = find(name)
    return f"{name}\nHomepage: {benchmark.homepage}\nLicence: {benchmark.licence}\n{benchmark.terms}\n"


def check(name: str, folder: Path, *, accepted: bool, show: Callable[[str], object]) -> None:
    """Make sure that the terms are accepted: now, or earlier by who fetched to this folder.

    Args:
        name: name of the data set.
        folder: folder of its raw files, in which accepted terms are kept.
        accepted: the user accepts them now.
        show: called with the terms if they are not.

    Raises:
        InputError: they are not accepted.
    """
    text = text_of(name)
    if not _apply(name) or accepted or _kept(folder) == text:
        return
    show(text)
    hold = "has other terms now" if _kept(folder) else "comes under terms"
    raise InputError(f"{name} {hold}, shown above: to accept them, run the same command with --accept-terms")


def keep(name: str, folder: Path, show: Callable[[str], object]) -> None:
    """Show the terms that were accepted now, and write them into the raw folder.

    Raises:
        InputError: a file of the user has the name.
    """
    kept = _kept(folder)
    if _apply(name) and kept != text_of(name):
        if kept and not kept.startswith(f"{name}\nHomepage: "):
            raise InputError(f"{folder / NAME} holds no terms that were accepted: give that file another name")
        show(text_of(name))
        atomic.write_text(folder / NAME, text_of(name))


def _apply(name: str) -> bool:
    benchmark, dataset = find(name)
    return bool(benchmark.terms) and not dataset.simulated_samples


def _kept(folder: Path) -> str:
    path = folder / NAME
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
