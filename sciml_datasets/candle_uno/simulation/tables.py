"""Simulated tables of form A: responses, gene expression, descriptors, ids.

Some rows are of no use, as in the original: curves that are badly fitted, compounds without descriptors and cell lines
without expression. Some ids are aliases that only ``cl_mapping`` or ``drug_info`` resolves.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.candle_uno.forms import combo
from sciml_datasets.candle_uno.forms.aliases import CELL_MAPPING
from sciml_datasets.candle_uno.simulation import biology
from sciml_datasets.candle_uno.simulation.entities import (
    SOURCES,
    TUMOURS,
    Entities,
    curves,
    in_pubchem,
    measurements,
)

Floats = NDArray[np.float64]

BAD_FITS = 0.1
"""Number of rows whose curve is badly fitted, as a share of the usable ones."""
UNTESTED = 0.1
"""Number of compounds with descriptors and no response, as a share of those with a response; the original has thirty
times as many."""
MISSING_VALUES = 0.01
"""Share of the descriptors that are missing."""
IDS = ("SOURCE", "CELL", "DRUG", "STUDY")
CURVE = ("AUC", "IC50", "EC50", "EC50se", "R2fit", "Einf", "HS", "AAC1", "AUC1", "DSS1")
"""Columns of the table of responses."""


def write_responses(
    rng: np.random.Generator,
    path: Path,
    loadings: biology.Loadings,
    lines: Entities,
    compounds: Entities,
    num_samples: int,
) -> None:
    """Write the table of areas and of the other measures of curves, usable rows and others in random order."""
    usable, useless = measurements(rng, lines, compounds, num_samples)
    spoilt = usable[rng.integers(len(usable), size=round(BAD_FITS * num_samples))]
    parameters = curves(rng, loadings, lines, compounds)
    rows = np.concatenate([usable, useless, spoilt])
    order = rng.permutation(len(rows))
    bad = (np.arange(len(rows)) >= len(usable) + len(useless))[order]
    rows = rows[order]
    source, cell, drug = rows.T
    ec50, floor, slope, area = parameters(rows[:, 1:])
    area = np.clip(area + biology.REPLICATE_NOISE * rng.normal(size=len(rows)), 0, 1)
    error, fit = rng.gamma(2, 0.3, len(rows)).clip(max=2.9), rng.uniform(0.31, 1, len(rows))
    kind = rng.integers(3, size=len(rows))
    fit = np.where(bad & (kind == 0), rng.uniform(-1, 0.29, len(rows)), fit)
    error = np.where(bad & (kind == 1), rng.uniform(3.1, 50, len(rows)), error)
    fit = np.where(bad & (kind == 2), np.nan, fit)
    numbers = [area, -ec50, -ec50, error, fit, floor, slope, 1 - area, area, 1 - area]
    texts = [
        np.array(SOURCES)[source],
        np.array(lines.ids)[source, cell],
        np.array(compounds.ids)[source, drug],
        np.array(SOURCES)[source],
    ]
    _write(path, IDS + CURVE, texts, [_formatted(column, "nan") for column in numbers])


def write_expression(rng: np.random.Generator, folder: Path, loadings: biology.Loadings, lines: Entities) -> None:
    """Write a line for each source that measures a cell line, standardised within the source."""
    true = biology.expression(rng, loadings, lines.latent)
    ids: list[str] = []
    parts = []
    for number, measured in enumerate(lines.measured):
        rows = np.flatnonzero(measured & lines.described)
        if not len(rows):
            continue
        values = true[rows] + 0.2 * rng.normal(size=(len(rows), true.shape[1]))
        spread = values.std(axis=0)
        parts.append((values - values.mean(axis=0)) / np.where(spread > 0, spread, 1))
        ids += [lines.ids[number][row] for row in rows]
    header = ["Sample", *(f"GENE{i}" for i in range(true.shape[1]))]
    _write_matrix(folder / f"{combo.EXPRESSION}_source_scale", header, ids, np.concatenate(parts), "nan")


def write_drug_info(path: Path, compounds: Entities) -> None:
    """Write a line for each id of a compound; NSC numbers, which have descriptors of their own, have no PUBCHEM.

    The reference joins the descriptors of an id's PUBCHEM and appends those under the id itself: with both, each
    response of the id would become two rows.
    """
    lines, numbered = [], in_pubchem(compounds)
    for number, measured in enumerate(compounds.measured):
        nsc = number == len(SOURCES) - 1
        for row in np.flatnonzero(measured):
            pubchem = str(1000 + row) if numbered[row] and not nsc else ""
            lines.append((compounds.ids[number][row], f"compound-{row}", f"COMPOUND{row}", pubchem))
    path.write_text("".join("\t".join(line) + "\n" for line in [("ID", "NAME", "CLEAN_NAME", "PUBCHEM"), *lines]))


def write_cell_tables(rng: np.random.Generator, folder: Path, lines: Entities) -> None:
    """Write the ids that have several spellings, pair by pair, where there are some; and the tumour of each id."""
    pairs, tumours = [], [("ANL_ID", "TUMOR_TYPE")]
    for row in range(len(lines.described)):
        ids = [lines.ids[number][row] for number in np.flatnonzero(lines.measured[:, row])]
        names = {key.partition(".")[2] for key in ids}
        pairs += [(one, other) for one, other in itertools.pairwise(ids) if len(names) > 1]
        tumours += [(key, TUMOURS[row % len(TUMOURS)]) for key in ids]
    if pairs:
        (folder / CELL_MAPPING).write_text("".join(f"{one}\t{other}\n" for one, other in pairs))
    (folder / "cl_metadata").write_text("".join(f"{key}\t{tumour}\n" for key, tumour in tumours))


def write_descriptors(rng: np.random.Generator, folder: Path, loadings: biology.Loadings, compounds: Entities) -> None:
    """Write those of compounds that have a response, and of some of the last source that have none."""
    count = len(compounds.described)
    untested = range(count, count + max(1, round(UNTESTED * count)))
    latent = np.concatenate([compounds.latent, rng.normal(size=(len(untested), biology.LATENT))])
    values = biology.descriptors(rng, loadings, latent)
    values[:, ::97] = 1.0  # some descriptors are the same for all
    values[rng.random(values.shape) < MISSING_VALUES] = np.nan
    header = ["NAME", *(f"D{i}" for i in range(values.shape[1]))]
    numbered = np.flatnonzero(in_pubchem(compounds))
    in_nci60 = np.flatnonzero(compounds.described & compounds.measured[-1])
    ids = [*(compounds.ids[-1][row] for row in in_nci60), *(f"NSC.{number}" for number in untested)]
    for name, rows, names in (
        (combo.PUBCHEM_DESCRIPTORS, numbered, [f"{combo.PUBCHEM_PREFIX}{1000 + row}" for row in numbered]),
        (combo.NCI60_DESCRIPTORS, [*in_nci60, *untested], ids),
    ):
        _write_matrix(folder / name, header, names, values[rows], "na")


def _formatted(values: Floats, missing: str) -> Sequence[str]:
    """Numbers as text, with four significant digits as in the original."""
    texts: NDArray[Any] = np.char.mod("%.4g", values)
    return list(np.where(np.isnan(values), missing, texts))


def _write(path: Path, header: Sequence[str], *columns: Iterable[Iterable[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\t".join(header) + "\n")
        file.writelines("\t".join(line) + "\n" for line in zip(*(c for group in columns for c in group), strict=True))


def _write_matrix(path: Path, header: Sequence[str], ids: Sequence[str], values: Floats, missing: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\t".join(header) + "\n")
        for key, row in zip(ids, values, strict=True):
            file.write("\t".join([key, *_formatted(row, missing)]) + "\n")
