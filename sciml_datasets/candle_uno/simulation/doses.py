"""Simulated tables of single doses, of one drug and of two, with the structure of `biology`; streamed to disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.candle_uno.forms import aliases
from sciml_datasets.candle_uno.simulation import biology
from sciml_datasets.candle_uno.simulation.entities import SOURCES, Entities, curves, measurements

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DOSES = 8
"""Number of doses of one curve, over the range of `biology.DOSES`."""
NOISE = 0.08
"""Standard deviation of a viability between measurements."""
INVALID = 0.02
"""Share of the rows of drug pairs that are not valid, and of those with one drug only."""
SCREENERS = ("1A", "FF", "FG")
PARTS = 1 << 18
"""Number of rows written at a time."""

Curves = Callable[[Integers], tuple[Floats, Floats, Floats]]
"""Function from pairs (N, 2) of a cell line and a compound to EC50, largest effect and slope of each."""


def write_growth(
    rng: np.random.Generator,
    path: Path,
    loadings: biology.Loadings,
    lines: Entities,
    compounds: Entities,
    num_samples: int,
) -> None:
    """Write the table of one drug at a time: all doses of usable curves."""
    wanted = min(-(-num_samples // DOSES), len(lines.described) * len(compounds.described) // 4)
    usable, _ = measurements(rng, lines, compounds, wanted)
    parameters = curves(rng, loadings, lines, compounds)
    ids = {"source": np.array(SOURCES), "cell": np.array(lines.ids), "drug": np.array(compounds.ids)}
    _write_growth_table(path, rng, usable, lambda pairs: parameters(pairs)[:3], ids, num_samples)


def write_pairs(
    rng: np.random.Generator,
    path: Path,
    loadings: biology.Loadings,
    lines: Entities,
    compounds: Entities,
    num_samples: int,
) -> None:
    """Write the table of two drugs at a time, of the last source: the screen that measured pairs."""
    cells, drugs = (np.flatnonzero(some.measured[-1] & some.described) for some in (lines, compounds))
    pairs = np.stack(np.meshgrid(np.arange(len(cells)), drugs, indexing="ij"), axis=-1).reshape(-1, 2)
    names = {
        "cell": [lines.ids[-1][cell] for cell in cells],
        "drug": np.array([key.partition(".")[2] for key in compounds.ids[-1]]),
    }
    parameters = curves(rng, loadings, lines, compounds)

    def of(places: Integers) -> tuple[Floats, Floats, Floats]:
        return parameters(np.stack([cells[places[:, 0]], places[:, 1]], axis=1))[:3]

    _write_pair_table(path, rng, pairs, of, names, num_samples)


def _write_growth_table(
    path: Path, rng: np.random.Generator, measured: Integers, parameters: Curves, ids: Mapping[str, Any], rows: int
) -> None:
    """Write the table of one drug at a time.

    Args:
        path: path of the table.
        rng: generator of the random numbers.
        measured: (N, 3) source, cell line and compound of usable curves; they are repeated until there are enough rows.
        parameters: parameters of their curves.
        ids: ``source``, ``cell`` and ``drug``: the names of sources, and of cell lines and compounds by source.
        rows: usable ones.
    """
    grid = np.linspace(*biology.DOSES, DOSES)

    def parts() -> Iterator[dict[str, Any]]:
        for start in range(0, rows, PARTS):
            number = np.arange(start, min(start + PARTS, rows))
            curve = measured[number // DOSES % len(measured)]
            source, cell, drug = curve.T
            dose = grid[number % DOSES]
            yield {
                "SOURCE": (ids["source"], source),
                "DRUG_ID": (ids["drug"].ravel(), source * ids["drug"].shape[1] + drug),
                "CELLNAME": (ids["cell"].ravel(), source * ids["cell"].shape[1] + cell),
                "CONCUNIT": (np.array(["M"]), np.zeros(len(number), np.int64)),
                "LOG_CONCENTRATION": dose,
                "EXPID": number // DOSES,
                "GROWTH": _percent(rng, biology.viabilities(*parameters(curve[:, 1:]), dose)),
            }

    _write(path, "\t", parts())


def _write_pair_table(
    path: Path, rng: np.random.Generator, pairs: Integers, parameters: Curves, names: Mapping[str, Any], rows: int
) -> None:
    """Write the table of two drugs at a time, which act independently (Bliss 1939), and what is to be left out of it.

    Args:
        path: path of the table; the table of names of cell lines is written beside it.
        rng: generator of the random numbers.
        pairs: (N, 2) cell line and compound, of which usable curves there are.
        parameters: parameters of their curves.
        names: ``cell``, the ids of cell lines of the screen, and ``drug``, the NSC numbers.
        rows: usable ones.
    """
    lines = ["NCI60.ID\tCELLNAME\tName", *(f"{key}\t{key.partition('.')[2]}\t{key[6:]}" for key in names["cell"])]
    (path.parent / aliases.NCI60_CELLS).write_text("".join(f"{line}\n" for line in lines))
    grid = np.linspace(-8, -5, 4)
    cells = np.array([key[6:] for key in names["cell"]])
    order = np.argsort(pairs[:, 0], kind="stable")
    pairs = pairs[order]
    first = np.searchsorted(pairs[:, 0], np.arange(len(cells) + 1))

    def parts() -> Iterator[dict[str, Any]]:
        written = 0
        while written < rows:
            count = min(PARTS, rows - written)
            extra = max(2, round(INVALID * count))
            one = rng.integers(len(pairs), size=count + 2 * extra)
            cell = pairs[one, 0]
            other = rng.integers(first[cell], first[cell + 1])
            drugs = pairs[one, 1], pairs[other, 1]
            dose = rng.choice(grid, (2, len(one)))
            viability = np.prod(
                [
                    biology.viabilities(*parameters(np.stack([cell, drug], axis=1)), at)
                    for drug, at in zip(drugs, dose, strict=True)
                ],
                axis=0,
            )
            single = np.arange(len(one)) >= count + extra
            empty = len(names["drug"])
            yield {
                "SCREENER": (np.array(SCREENERS), cell % len(SCREENERS)),
                "CELLNAME": (cells, cell),
                "NSC1": (names["drug"], drugs[0]),
                "CONC1": 10 ** dose[0],
                "NSC2": (np.append(names["drug"], ""), np.where(single, empty, drugs[1])),
                "CONC2": np.where(single, np.nan, 10 ** dose[1]),
                "PERCENTGROWTH": _percent(rng, viability),
                "VALID": (np.array(["Y", "N"]), ((np.arange(len(one)) >= count) & ~single).astype(np.int64)),
            }
            written += count

    _write(path, ",", parts())


def _percent(rng: np.random.Generator, viability: Floats) -> Floats:
    """Growth in percent: 100 as without a drug, -100 where all cells are dead."""
    return np.asarray(100 * (2 * (viability + NOISE * rng.normal(size=len(viability))) - 1))


def _write(path: Path, separator: str, parts: Iterator[dict[str, Any]]) -> None:
    """Write columns, part by part: texts as (values, places), numbers with four significant digits."""
    import pyarrow as pa
    from pyarrow import csv

    with path.open("wb") as file:
        for number, part in enumerate(parts):
            if not number:
                file.write(separator.join(part).encode() + b"\n")
            options = csv.WriteOptions(include_header=False, delimiter=separator, quoting_style="none")
            csv.write_csv(pa.table({name: _column(values) for name, values in part.items()}), file, options)


def _column(values: Any) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(values, tuple):
        texts, places = values
        return pc.take(pa.array(texts.tolist(), pa.string()), pa.array(places))
    if values.dtype.kind == "i":
        return pa.array(values)
    digits = 3 - np.floor(np.log10(np.maximum(np.abs(np.nan_to_num(values)), 1e-12))).astype(int)
    scale = 10.0**digits
    return pa.array((np.round(values * scale) / scale).astype(np.float32), from_pandas=True)
