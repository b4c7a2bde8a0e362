"""Simulated raw CANDLE-UNO files: the tables of form A, with the structure of `simulation.biology`.

Differences from the original: invented biology, and fewer rows without a response. For the data sets of single doses
their table takes the place of that of areas.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from sciml_datasets.candle_uno.dose_tables import GROWTH, PAIRS
from sciml_datasets.candle_uno.forms import combo
from sciml_datasets.candle_uno.forms.cell_tables import omics_of
from sciml_datasets.candle_uno.simulation import biology, doses, entities, tables
from sciml_datasets.candle_uno.simulation.omics import write_omics
from sciml_datasets.errors import InputError
from sciml_datasets.parallel.progress import progress

GENES, DESCRIPTORS = 942, 5270
"""Number of features in the original; the demo has DEMO_DESCRIPTORS."""
DEMO_DESCRIPTORS = 400
MIN_SAMPLES = 100
TABLES = {
    "candle_uno_growth": (GROWTH.file, doses.write_growth),
    "candle_uno_pairs": (PAIRS.file, doses.write_pairs),
}
"""Data set of single doses to the table that takes the place of that of areas, and the function that writes it."""
WRITTEN = re.compile(
    r"x_data|cl_\w+|drug_info|\w*combined_\w+|\w+_dragon7_descriptors\.tsv|ComboDrugGrowth_\w+\.csv|NCI60_CELLNAME_to_Combo\.txt"
)
"""Names of all that is written into the raw folder."""


def write_raw(
    folder: Path,
    name: str,
    *,
    num_samples: int,
    seed: int,
    jobs: int,
    cells: int | None = None,
    drugs: int | None = None,
    genes: int | None = None,
    descriptors: int | None = None,
    omics: str | None = None,
) -> None:
    """Write the tables of form A with ``num_samples`` usable responses, and rows that are left out beside them.

    Args:
        folder: folder of the raw files; it is made.
        name: name of the data set.
        num_samples: number of responses that the rules of the benchmark keep.
        seed: seed of the random numbers.
        jobs: without effect: one process takes seconds.
        cells, drugs: number of cell lines and of compounds; default about the square root of the responses.
        genes, descriptors: number of features; default as in the original, of the demo DEMO_DESCRIPTORS.
        omics: names of tables of omics, separated by commas, that are written in IMPROVE's layout beside form A.

    Raises:
        InputError: fewer than MIN_SAMPLES samples, or too few cell lines and compounds for so many, or no feature; or a
            table of omics is not known.
    """
    from threadpoolctl import threadpool_limits

    if num_samples < MIN_SAMPLES:
        raise InputError(f"{num_samples} samples: expected at least {MIN_SAMPLES}, so that each split has some")
    further = omics_of(omics)
    cells = round(1.15 * num_samples**0.5) if cells is None else cells
    drugs = round(1.45 * num_samples**0.5) if drugs is None else drugs
    genes = GENES if genes is None else genes
    if descriptors is None:
        descriptors = DEMO_DESCRIPTORS if name.endswith("_demo") else DESCRIPTORS
    pairs = 0 if name in TABLES else num_samples  # a pair has several doses
    if cells * drugs < pairs or min(cells, drugs, genes, descriptors) < 1:
        raise InputError(
            f"{cells} cell lines and {drugs} compounds with {genes} genes and {descriptors} descriptors: expected at "
            f"least {pairs} pairs and one feature of each"
        )
    folder.mkdir(parents=True)
    # One thread: the order in which a library adds up decides the last digit.
    with threadpool_limits(1), progress("Simulating", 4, " tables") as advance:
        rng = np.random.default_rng(seed)
        loadings = biology.Loadings.draw(rng, genes, descriptors)
        lines, compounds = entities.cell_lines(rng, cells), entities.compounds(rng, drugs)
        path, write = TABLES.get(name, (combo.RESPONSES, tables.write_responses))
        write(rng, folder / path, loadings, lines, compounds, num_samples)
        advance(1)
        tables.write_expression(rng, folder, loadings, lines)
        advance(1)
        tables.write_drug_info(folder / combo.DRUG_INFO, compounds)
        tables.write_cell_tables(rng, folder, lines)
        advance(1)
        tables.write_descriptors(rng, folder, loadings, compounds)
        if further:
            write_omics(rng, folder, further, lines)
        advance(1)
