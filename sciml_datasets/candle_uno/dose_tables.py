"""CANDLE-UNO's two tables of responses to single doses: growth under one drug, and under two together.

Both are larger than memory should be: they are read as streams, a block at a time.

- ``rescaled_combined_single_drug_growth``, tab-separated: SOURCE, DRUG_ID, CELLNAME, CONCUNIT, LOG_CONCENTRATION
  (log10 of the concentration, of mol/l where CONCUNIT is M), EXPID and GROWTH, in percent; 27,769,716 rows;
- ``ComboDrugGrowth_Nov2017.csv``, comma-separated: CELLNAME, NSC1, CONC1, NSC2, CONC2 (mol/l), PERCENTGROWTH, VALID,
  SCREENER; a row counts if VALID is Y and it has a second drug. ``NCI60_CELLNAME_to_Combo.txt`` has the id of each cell
  line. 3,686,475 rows.

Growth is given as a fraction: 1 as without the drug, 0 none, -1 all cells killed.

Source: ECP-CANDLE/Benchmarks, Pilot1/Uno/uno_data.py (load_single_dose_response, load_combo_dose_response).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sciml_datasets.candle_uno.forms import aliases
from sciml_datasets.candle_uno.forms.joining import named_sources
from sciml_datasets.files.text_numbers import MISSING
from sciml_datasets.files.text_tables import TextTable

if TYPE_CHECKING:
    import pyarrow as pa

PERCENT = np.float32(100)
SCREEN = "ALMANAC"
"""Beginning of the names of sources in the table of drug pairs."""
OTHER_UNIT = "kept, though their concentration is not in mol/l"


@dataclass(frozen=True)
class DoseTable:
    """One of the two tables of responses to single doses.

    Attributes:
        file: its name.
        drugs: names of the drugs of a row in the records.
        doses: names of the log10 of their concentrations.
        also: names of files that are needed beside those of the features.
        rows: reads the table: batches of rows with the columns ``source``, ``cell``, those of ``drugs``, those of
            ``doses``, ``growth`` and ``reason``, why a row cannot be used, else null; and, with the batch, how many
            rows are used though something is odd, by what it is.
    """

    file: str
    drugs: tuple[str, ...]
    doses: tuple[str, ...]
    also: tuple[str, ...]
    rows: Callable[[Path], Iterator[tuple[pa.Table, Mapping[str, int]]]]


def _growth_rows(folder: Path) -> Iterator[tuple[pa.Table, Mapping[str, int]]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    text = {"SOURCE": "source", "CELLNAME": "cell", "DRUG_ID": "drug", "CONCUNIT": "unit"}
    for batch in _batches(folder / GROWTH.file, "\t", text, ("LOG_CONCENTRATION", "GROWTH"), "source"):
        growth = pc.divide(batch["GROWTH"], pa.scalar(PERCENT))
        named = [batch[name] for name in ("source", "cell", "drug", "LOG_CONCENTRATION")]
        other = pc.sum(pc.not_equal(batch["unit"], "M")).as_py() or 0
        nothing = pa.nulls(batch.num_rows, pa.string())
        yield (
            pa.table([*named, growth, nothing], ["source", "cell", "drug", "log_concentration", "growth", "reason"]),
            {OTHER_UNIT: other} if other else {},
        )


def _pair_rows(folder: Path) -> Iterator[tuple[pa.Table, Mapping[str, int]]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    known = _cell_ids(folder / aliases.NCI60_CELLS)
    names, ids = (pa.array(part, pa.string()) for part in (list(known), list(known.values())))
    text = {name: name for name in ("CELLNAME", "NSC1", "NSC2", "VALID", "SCREENER")}
    for batch in _batches(folder / PAIRS.file, ",", text, ("CONC1", "CONC2", "PERCENTGROWTH"), "SCREENER"):
        cell = pc.take(ids, pc.index_in(batch["CELLNAME"], names))
        reason = pc.case_when(
            pc.make_struct(
                pc.not_equal(batch["VALID"], "Y"),
                pc.is_in(batch["NSC2"], pa.array(MISSING)),
                pc.is_null(cell),
            ),
            "VALID is not Y",
            "no second drug",
            f"no line of the cell in {aliases.NCI60_CELLS}",
        )
        source = pc.binary_join_element_wise(SCREEN, batch["SCREENER"], ".")
        # pandas writes whole numbers with a point where one of the column is missing.
        whole = (pc.replace_substring_regex(batch[name], r"\.0+$", "") for name in ("NSC1", "NSC2"))
        drugs = [
            pc.if_else(pc.is_in(number, pa.array(MISSING)), "", pc.binary_join_element_wise("NSC", number, "."))
            for number in whole
        ]
        # The logarithm of 0 is no number: such a row has no dose.
        doses = [pc.if_else(pc.greater(batch[name], 0), pc.log10(batch[name]), None) for name in ("CONC1", "CONC2")]
        growth = pc.divide(batch["PERCENTGROWTH"], pa.scalar(PERCENT))
        columns = [source, pc.coalesce(cell, batch["CELLNAME"]), *drugs, *doses, growth, reason]
        yield pa.table(columns, ["source", "cell", *PAIRS.drugs, *PAIRS.doses, "growth", "reason"]), {}


GROWTH = DoseTable("rescaled_combined_single_drug_growth", ("drug",), ("log_concentration",), (), _growth_rows)
PAIRS = DoseTable(
    "ComboDrugGrowth_Nov2017.csv",
    ("drug_1", "drug_2"),
    ("log_concentration_1", "log_concentration_2"),
    (aliases.NCI60_CELLS,),
    _pair_rows,
)


def descriptors_of(drug: str) -> str:
    """The feature with the descriptors of a drug of a table: ``drug_1_descriptors``."""
    return f"{drug}_descriptors"


def _batches(
    path: Path, separator: str, text: Mapping[str, str], numbers: Sequence[str], source: str
) -> Iterator[pa.RecordBatch]:
    """Columns of a table, text under new names, some rows at a time; the column of sources is never blank."""
    import pyarrow as pa

    table = TextTable.open(path, separator)
    texts = {table.place(name): new for name, new in text.items()}
    before = 0
    for batch in table.batches(text=texts, numbers={table.place(name): name for name in numbers}):
        sources = named_sources(table, batch[source], before)
        before += batch.num_rows
        columns = [sources if name == source else batch[name] for name in batch.schema.names]
        yield pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _cell_ids(path: Path) -> dict[str, str]:
    """Name of a cell line in the table of drug pairs to its id."""
    file = TextTable.open(path, "\t")
    table = file.read(text={file.place(name): name for name in ("Name", "NCI60.ID")}, numbers={})
    return dict(zip(table["Name"].to_pylist(), table["NCI60.ID"].to_pylist(), strict=True))
