"""Readers of prepared examples by their number in a selection: decoded records, views of them, patches of views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.splits.partitions import Selection

if TYPE_CHECKING:
    from sciml_datasets.prepared.tensor_views import TensorViews


class Reader(Protocol):
    """A reader of the examples that samples are made from, by number. Threads may share it."""

    def __len__(self) -> int:
        """The number of examples."""

    def read(self, number: int) -> dict[str, Any]:
        """The example of this number: feature name to array.

        Raises:
            DamagedRecordError: a record is not what was written.
        """


class Examples:
    """Whole examples, all features decoded; see `Reader`."""

    def __init__(self, builder: Any, selection: Selection) -> None:
        self._records, self._positions = builder.as_data_source(selection.records), selection.positions

    def __len__(self) -> int:
        return len(self._positions)

    def read(self, number: int) -> dict[str, NDArray[Any]]:
        """See `Reader.read`."""
        found: dict[str, Any] = self._records[int(self._positions[number])]
        return found


class Viewed:
    """Tensors of whole records as arrays over the files, and rows of the member list as texts; see `Reader`."""

    def __init__(self, builder: Any, selection: Selection) -> None:
        from sciml_datasets.prepared.tensor_views import TensorViews

        self._views, self._selection = TensorViews(builder, selection.records), selection

    def __len__(self) -> int:
        return len(self._selection.positions)

    def read(self, number: int) -> dict[str, Any]:
        """See `Reader.read`."""
        position = int(self._selection.positions[number])
        arrays = self._views[position]
        self._views.touched(sum(array.nbytes for array in arrays.values()), position)
        return {name: column[number] for name, column in self._selection.columns.items()} | arrays


class Patches:
    """The square patches of all examples of a selection, side by side, row by row, as views of the files; see `Reader`.

    Args:
        views: views of the records.
        positions: (N,) of those records that count.
        size: pixels along a side.
        names: features (rows, columns, ...) that they are cut from.
    """

    def __init__(self, views: TensorViews, positions: NDArray[np.int64], size: int, names: tuple[str, ...]) -> None:
        self._views, self._positions, self._size, self._names = views, positions, size, names
        first = views[0]
        self._bytes = sum(first[name][:size].nbytes for name in names)  # of whole rows
        rows, columns = first[names[0]].shape[:2]
        self._places = patch_places(rows, columns, size)

    def __len__(self) -> int:
        return len(self._positions) * len(self._places)

    def read(self, number: int) -> dict[str, NDArray[Any]]:
        """See `Reader.read`; (size, size, ...) each."""
        position, place = divmod(number, len(self._places))
        arrays = self._views[int(self._positions[position])]
        self._views.touched(self._bytes, (position, self._places[place][0]))
        return cut({name: arrays[name] for name in self._names}, self._places[place], self._size)


def patch_places(rows: int, columns: int, size: int) -> list[tuple[int, int]]:
    """Top and left pixel of each patch of an image; what does not fill a patch is cut off evenly on both sides."""
    tops, lefts = (range(length % size // 2, length - size + 1, size) for length in (rows, columns))
    return [(top, left) for top in tops for left in lefts]


def cut(arrays: dict[str, NDArray[Any]], place: tuple[int, int], size: int) -> dict[str, NDArray[Any]]:
    """The patch (size, size, ...) of each array (rows, columns, ...) whose top left pixel is at a place."""
    top, left = place
    return {name: array[top : top + size, left : left + size] for name, array in arrays.items()}
