"""Simulated tables of omics in IMPROVE's layout, beside the tables of form A: `sciml convert improve` takes them along.

The values follow the cell line's latent state, as its gene expression does, and mean nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.candle_uno.forms.cell_tables import CHANGE, OMICS
from sciml_datasets.candle_uno.simulation import biology
from sciml_datasets.candle_uno.simulation.entities import Entities
from sciml_datasets.files.text_writing import write_table

Floats = NDArray[np.float64]

WIDTH = 50
"""Number of features of each table."""
VALUES: dict[str, Callable[[Floats], Floats]] = {
    "copy_number": lambda x: np.exp2(x / 2),
    "discretized_copy_number": lambda x: np.clip(np.rint(x), -2, 2),
    "dna_methylation": lambda x: 1 / (1 + np.exp(-x)),
    "mirna_expression": lambda x: 8 + x,
    "mutation": lambda x: np.where(x > 1, 1.0, 0.0),
    "mutation_count": lambda x: np.maximum(np.rint(x), 0),
    "rppa": lambda x: x,
}
"""Name of a table to its values by numbers of mean 0 and standard deviation 1."""


def write_omics(rng: np.random.Generator, folder: Path, names: Iterable[str], lines: Entities) -> None:
    """Write tables of these names into ``x_data``, with a row for each id of a cell line that has features."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = [(ids[row], row) for ids, of in zip(lines.ids, lines.measured, strict=True) for row in np.flatnonzero(of)]
    ids, places = zip(*((key, row) for key, row in rows if lines.described[row]), strict=True)
    (folder / "x_data").mkdir()
    for name in names:
        weights = rng.normal(size=(lines.latent.shape[1], WIDTH)) / biology.LATENT**0.5
        values = VALUES[name](lines.latent @ weights)[list(places)].round(4)
        path, systems = folder / "x_data" / OMICS[name].file, OMICS[name].systems
        if systems:
            header = [["", *(f"{system}{i}" for i in range(WIDTH))] for system in systems]
            columns = [pa.array(ids), *map(pa.array, values.T)]
            write_table(path, header, pa.table(columns, names=[str(i) for i in range(len(columns))]))
        else:
            changes = [f"g.chr1:{row}A>T" for row in range(WIDTH)]
            parquet.write_table(pa.table({CHANGE: changes, **dict(zip(ids, values, strict=True))}), path)
