"""Tolerated defects of samples: they are counted and reported, and refused beyond a share that the format states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sciml_datasets.errors import InputError
from sciml_datasets.messages import warn


@dataclass
class Notes:
    """Counts of samples with defects, of a shard or of the whole data set.

    Attributes:
        tolerated: kind of defect to the share of all samples that may have it.
        samples: number of samples of the whole data set.
        found: kind of defect to the number of samples that have it, and a clause about the first of them, which begins
            with its path.
    """

    tolerated: Mapping[str, float]
    samples: int
    found: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, what: str, clause: str, count: int = 1) -> None:
        """Count samples.

        Raises:
            InputError: there are too many of them.
        """
        before, first = self.found.get(what, (0, clause))
        self.found[what] = before + count, first
        share = self.tolerated[what]
        if before + count > share * self.samples:
            raise InputError(
                f"{first}; {before + count} of {self.samples} samples {what}, and more than {100 * share:g} % are not "
                "taken: fetch their files again or remove them"
            )

    def below(self, folder: Path) -> dict[str, tuple[int, str]]:
        """The counts with paths relative to a folder: they are the same wherever the folder is."""
        return {what: (count, first.removeprefix(f"{folder}/")) for what, (count, first) in self.found.items()}

    def add_all(self, shards: Iterable[Mapping[str, tuple[int, str]]], place: object) -> None:
        """Add the counts of shards, as `below` returns them for each.

        Args:
            shards: the counts.
            place: place of the raw files, a folder or a URL by its text.

        Raises:
            InputError: there are too many of them together.
        """
        for found in shards:
            for what, (count, clause) in found.items():
                self.add(what, f"{place}/{clause}", count)

    def report(self) -> None:
        """Log one warning for each kind of defect."""
        for what, (count, first) in self.found.items():
            warn(f"{count} of {self.samples} samples {what}; the first: {first}")
