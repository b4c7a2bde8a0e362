"""The terms under which data may be used: shown once, accepted by a flag, kept beside the data."""

from __future__ import annotations

from pathlib import Path

from sciml_datasets.benchmarks import find
from sciml_datasets.errors import InputError

NAME = "TERMS.txt"


class TermsError(InputError):
    """The terms of a data set are not accepted yet.

    Attributes:
        text: of the terms, to be shown.
    """

    def __init__(self, message: str, text: str) -> None:
        super().__init__(message)
        self.text = text


def text_of(name: str) -> str:
    """Licence and terms of a data set, as they are shown and kept."""
    benchmark, _ = find(name)
    return f"{name}\nHomepage: {benchmark.homepage}\nLicence: {benchmark.licence}\n{benchmark.terms}\n"


def check(name: str, folder: Path, *, accepted: bool) -> None:
    """Make sure that the terms are accepted: now, or earlier by who fetched to this folder.

    Raises:
        TermsError: they are not.
    """
    text = text_of(name)
    if not _apply(name) or accepted or _kept(folder) == text:
        return
    hold = "has other terms now" if _kept(folder) else "comes under terms"
    raise TermsError(f"{name} {hold}, shown above: to accept them, run the same command with --accept-terms", text)


def keep(name: str, folder: Path) -> None:
    """Write the accepted terms into the raw folder."""
    if _apply(name) and _kept(folder) != text_of(name):
        (folder / NAME).write_text(text_of(name), encoding="utf-8")


def _apply(name: str) -> bool:
    benchmark, dataset = find(name)
    return bool(benchmark.terms) and not dataset.simulated_samples


def _kept(folder: Path) -> str:
    path = folder / NAME
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
