"""From ids, as of a fold, to the examples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.benchmarks import data_root, prepared_dir
from sciml_datasets.errors import InputError
from sciml_datasets.splits.partitions import members, recorded


@dataclass(frozen=True, slots=True)
class Subset:
    """Some examples of a prepared data set by number, as `tfds.data_source` reads them: what data loaders want.

    Attributes:
        source: of all examples of all splits.
        positions: (N,) of these in it.
    """

    source: Any
    positions: NDArray[np.int64]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.positions)

    def __getitem__(self, number: int) -> dict[str, Any]:
        """The example of this number: feature name to array.

        Raises:
            IndexError: there is none.
            DamagedRecordError: a record is not what was written, or is another sample's.
        """
        found: dict[str, Any] = self.source[int(self.positions[number])]
        return found

    def __getitems__(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Several at once, which PyTorch asks for."""
        return [self[number] for number in numbers]


def examples(name: str, ids: Iterable[str], data_dir: str | Path | None = None) -> Subset:
    """The examples with these ids, as `folds` and `parts` return them, in their order; nothing is read yet.

    Args:
        name: of the data set.
        ids: of its examples.
        data_dir: where prepared data sets lie; default as in TFDS.

    Raises:
        InputError: the data set is not prepared, or has no example of an id.
    """
    import tensorflow_datasets as tfds

    folder = prepared_dir(name, data_dir)
    known = members(folder)["id"]
    place = {key: position for position, key in enumerate(known)}
    wanted = list(ids)
    if unknown := [key for key in wanted if key not in place]:
        raise InputError(f"{name} has no example {unknown[0]!r} ({len(unknown):,} such): take ids of its own")
    source = tfds.data_source(f"sciml/{name}", split=recorded(folder), data_dir=data_root(data_dir))
    return Subset(source, np.array([place[key] for key in wanted], np.int64))
