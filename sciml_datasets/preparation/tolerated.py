"""What was wrong with samples and could be tolerated: counted, told, refused beyond a share that the format states."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sciml_datasets.errors import InputError


@dataclass
class Notes:
    """Counts of samples, of a shard or of the whole data set.

    Attributes:
        tolerated: what may be wrong to the share of all samples that may have it.
        samples: of the whole data set.
        found: what was wrong to how many samples, and a clause about the first, which begins with its path.
    """

    tolerated: Mapping[str, float]
    samples: int
    found: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, what: str, clause: str, count: int = 1) -> None:
        """Count samples.

        Raises:
            InputError: they are too many.
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
        """What was found, with paths from a folder on: the same wherever that lies."""
        return {what: (count, first.removeprefix(f"{folder}/")) for what, (count, first) in self.found.items()}

    def add_all(self, shards: Iterable[Mapping[str, tuple[int, str]]], folder: Path) -> None:
        """Count what was found in shards, as `below` gives it for each.

        Raises:
            InputError: together they are too many.
        """
        for found in shards:
            for what, (count, clause) in found.items():
                self.add(what, f"{folder}/{clause}", count)

    def tell(self) -> None:
        """One line on stderr for each thing that was wrong."""
        for what, (count, first) in self.found.items():
            print(f"{count} of {self.samples} samples {what}; the first: {first}", file=sys.stderr)
