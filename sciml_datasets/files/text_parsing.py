"""Options by which pyarrow parses a table, and the types of its columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.files.text_faults import Wanted
from sciml_datasets.files.text_numbers import MISSING

if TYPE_CHECKING:
    import pyarrow as pa

UNNAMED = re.compile(r"|Unnamed: \d+(\.\d+)?")
"""Names of a column without a name, as it is and as pandas calls it."""
INDEX = ("index", "level_0")
"""Names that pandas gives to numbers of rows."""


def options(
    separator: str, encoding: str, columns: int, skip: int, block_bytes: int, wanted: Wanted
) -> tuple[Any, Any, Any]:
    """The options by which pyarrow reads, parses and converts; columns are named by their places.

    Args:
        separator: between fields.
        encoding: encoding of the text.
        columns: number of columns.
        skip: number of lines before the first row.
        block_bytes: number of bytes parsed at a time.
        wanted: the columns to read.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    types = {str(place): pa.string() for place in wanted.text}
    types |= {str(place): pa.float64() for place in wanted.numbers}
    return (
        arrow_csv.ReadOptions(
            column_names=[str(place) for place in range(columns)],
            skip_rows=skip,
            block_size=block_bytes,
            encoding="utf8" if encoding.startswith("utf-8") else encoding,  # pyarrow skips the mark of UTF-8
        ),
        # Else a line break in quotes at the end of a block would part one row into two.
        arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        arrow_csv.ConvertOptions(column_types=types, include_columns=list(types), null_values=list(MISSING)),
    )


def has_control_characters(column: pa.Array | pa.ChunkedArray) -> bool:
    """Whether text has a control character."""
    chunks = column.chunks if hasattr(column, "chunks") else [column]
    buffers = (chunk.buffers()[2] for chunk in chunks)
    return any(buffer and np.frombuffer(buffer, np.uint8).min(initial=255) < ord(" ") for buffer in buffers)


def counts_rows(name: str, values: NDArray[np.floating[Any]]) -> bool:
    """Whether a column is the index of a data frame: without a name, or named by pandas, and numbers of rows."""
    if UNNAMED.fullmatch(name):
        return bool((values == np.floor(values)).all() and len(np.unique(values)) == len(values))
    return name in INDEX and np.array_equal(values, np.arange(len(values)))
