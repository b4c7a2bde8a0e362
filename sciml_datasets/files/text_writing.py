"""Tables written as tab-separated text."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def write_table(path: Path, header: Sequence[Sequence[str]], table: pa.Table) -> None:
    """Write tab-separated text; fields are quoted only where one needs it, and a null is empty.

    Raises:
        OSError: it cannot be written.
    """
    from pyarrow import csv as arrow_csv

    texts = (column for column in table.columns if str(column.type) == "string")
    special = any(mark in value for column in texts for value in column.to_pylist() for mark in '"\t\r\n')
    options = arrow_csv.WriteOptions(
        include_header=False, delimiter="\t", quoting_style="needed" if special else "none", batch_size=64
    )
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows(header)
    with path.open("ab") as file:
        arrow_csv.write_csv(table, file, options)
