"""The interface of a place where a data set is prepared, such as a folder, and of the work that goes on there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from sciml_datasets.preparation.traffic import Traffic
from sciml_datasets.prepared.manifest import Written

Make = Callable[[Path], Written]
"""Function that writes a shard at a path, and returns its content."""


class Work(Protocol):
    """A preparation in progress; it can be sent to other processes and machines, which write shards."""

    @property
    def together(self) -> int:
        """Number of shards that a process is best given at a time."""

    def write(self, shards: Iterable[tuple[str, Make]]) -> list[Written]:
        """Write shards; when this returns, a later run of the same plan takes them over.

        Args:
            shards: file name of each shard, and the function that writes it; they are called one after the other.

        Raises:
            OSError: one cannot be written, or another run has finished or removed the work meanwhile.
        """

    def collect(self, names: Collection[str]) -> list[Written] | None:
        """The shards of these names, once runs of the same plan have finished all of them; None before."""

    def check_room(self, shards: Sequence[int]) -> None:
        """Make sure that shards of payloads of so many bytes can be written.

        Raises:
            InputError: there is too little room.
        """

    def finishing(self, shards: Sequence[Written]) -> AbstractContextManager[Path]:
        """The folder for the files beside the shards; when the context ends, readers see the data set.

        Args:
            shards: every shard.

        Raises:
            OSError: a shard is not there as it was written, or the data set cannot be written.
        """

    def traffic(self) -> Traffic:
        """The traffic of this process so far."""

    def discard(self) -> None:
        """Remove the work, of which nothing can be used."""

    def was_removed(self, error: FileNotFoundError) -> bool:
        """Whether an error is that the work was removed meanwhile, while no other run has finished it."""


class Destination(Protocol):
    """The place of a data set of one version, whole or not there; its text is its path or URL."""

    @property
    def beside(self) -> Path | None:
        """The path beside which an index that does not fit in memory is written, for all processes to read; None where
        they share no folder."""

    def prepared(self) -> dict[str, Any] | None:
        """The manifest of the data set, which is complete by names and sizes; None where it is not prepared.

        Raises:
            InputError: it is damaged, or something else is in its place.
        """

    def check_features(self, features: Any) -> None:
        """See `sciml_datasets.preparation.feature_checks.check_features`."""

    def described(self) -> AbstractContextManager[Path]:
        """A folder with the manifest of the data set and the files that describe it."""

    def is_finished(self) -> bool:
        """Whether there is a manifest."""

    def open(self, plan: dict[str, Any], names: Collection[str], *, restart: bool) -> tuple[Work, list[Written]]:
        """Begin a preparation, or go on with earlier ones of the same plan.

        Args:
            plan: all that decides the output, as JSON; ``raw`` maps raw file names to what tells their state.
            names: names of the shards that may be taken over.
            restart: remove what earlier runs have left.

        Returns:
            The work, and those of the shards that are finished.

        Raises:
            InputError: earlier runs had another plan, and ``restart`` is False; the difference is named.
        """

    def remove_interrupted(self) -> None:
        """Remove what interrupted preparations have left, where the data set is finished."""
