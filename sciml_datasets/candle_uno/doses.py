"""CANDLE-UNO's responses to single doses: growth under one drug, and under two together.

Both tables are larger than memory should be: they are read as streams, a block at a time, and what is kept is one
number for each distinct cell line and drug. Features are the files of form A (see `combo`).

- ``rescaled_combined_single_drug_growth``, tab-separated: SOURCE, DRUG_ID, CELLNAME, CONCUNIT, LOG_CONCENTRATION
  (log10 of the concentration, of mol/l where CONCUNIT is M), EXPID and GROWTH, in percent; 27,769,716 rows;
- ``ComboDrugGrowth_Nov2017.csv``, comma-separated: CELLNAME, NSC1, CONC1, NSC2, CONC2 (mol/l), PERCENTGROWTH, VALID,
  SCREENER; a row counts if VALID is Y and it has a second drug. ``NCI60_CELLNAME_to_Combo.txt`` has the id of each cell
  line. 3,686,475 rows.

Growth is stored as a fraction: 1 as without the drug, 0 none, -1 all cells killed. Ids are the source and the row of
the file.

Source: ECP-CANDLE/Benchmarks, Pilot1/Uno/uno_data.py (load_single_dose_response, load_combo_dose_response).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sciml_datasets.candle_uno import measures
from sciml_datasets.candle_uno.forms import aliases, combo
from sciml_datasets.candle_uno.forms.joining import named_sources
from sciml_datasets.candle_uno.forms.tables import LEFT_OUT
from sciml_datasets.candle_uno.responses import (
    DESCRIPTORS,
    EXPRESSION,
    MIXED,
    RECORD_BYTES,
    SHARES,
    Stored,
    raw_file,
    told,
)
from sciml_datasets.errors import InputError
from sciml_datasets.files.text_numbers import MISSING
from sciml_datasets.files.text_tables import TextTable
from sciml_datasets.raw_format import Beside, Example, Note, RawFile, RawFormat, Sample, ignored
from sciml_datasets.splits.hashing import part_of

if TYPE_CHECKING:
    import pyarrow as pa

PERCENT = np.float32(100)
SCREEN = "ALMANAC"
"""What the sources of the table of drug pairs begin with."""
CACHED = 100_000
"""Cell lines with their drugs whose split is remembered: rows of one stand together."""
OTHER_UNIT = "kept, though their concentration is not in mol/l"


@dataclass(frozen=True)
class Layout:
    """One of the two tables.

    Attributes:
        file: its name.
        drugs: what the drugs of a row are called in records.
        doses: what the log10 of their concentrations are called.
        also: files that are needed beside those of the features.
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


GROWTH = Layout("rescaled_combined_single_drug_growth", ("drug",), ("log_concentration",), (), _growth_rows)
PAIRS = Layout(
    "ComboDrugGrowth_Nov2017.csv",
    ("drug_1", "drug_2"),
    ("log_concentration_1", "log_concentration_2"),
    (aliases.NCI60_CELLS,),
    _pair_rows,
)


def descriptors_of(drug: str) -> str:
    """The feature with the descriptors of a drug of a layout: ``drug_1_descriptors``."""
    return f"{drug}_descriptors"


@dataclass(frozen=True)
class _Entity:
    """One kind of thing: cell lines or drugs.

    Attributes:
        ids: of those that have features, in the order of their rows in the table.
        canonical: the canonical id of each.
    """

    ids: tuple[str, ...]
    canonical: tuple[str, ...]


@dataclass(frozen=True)
class Doses(RawFormat):
    """Responses to single doses; see `sciml_datasets.raw_format.RawFormat`.

    Attributes:
        layout: of the table.
        scaling: as in `sciml_datasets.candle_uno.responses.Responses`.
    """

    layout: Layout
    scaling: str = "training"
    group_kind: str = "unit"

    @property
    def facts(self) -> tuple[str, ...]:
        """See `RawFormat.facts`; of a pair of drugs also the two together, sorted."""
        together = ("drugs",) if len(self.layout.drugs) > 1 else ()
        return ("growth", "cell", *self.layout.drugs, *together, "source", *self.layout.doses)

    def files(self, folder: Path) -> list[RawFile]:
        """The table, the files of features, and tables of aliases.

        Raises:
            InputError: files are missing; all are named.
        """
        features, missing = combo.feature_files(folder)
        missing = [name for name in (self.layout.file, *self.layout.also) if not (folder / name).is_file()] + missing
        if missing:
            raise InputError(f"{folder} lacks {', '.join(missing)}: put them there")
        paths = {folder / self.layout.file, *(folder / name for name in self.layout.also), *features}
        return sorted(raw_file(folder, path) for path in paths | {*aliases.files(folder)})

    def index(self, folder: Path, file: RawFile) -> Iterator[Sample]:
        """The samples of the table, under its name; no other file has any.

        Raises:
            InputError: a file cannot be read, or no row can be used.
        """
        if file.name != self.layout.file:
            return
        cells, drugs = self._entities(folder)
        parts: dict[str, str] = {}
        used = False
        for rows in self._used(folder, cells, drugs):
            for row in zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True):
                used = True
                yield self._sample(row, cells, drugs, parts)
        if not used:
            raise InputError(
                f"{folder / self.layout.file}: none of its rows can be used: ids of responses and features must agree"
            )

    def _sample(self, row: Sequence[Any], cells: _Entity, drugs: _Entity, parts: dict[str, str]) -> Sample:
        count = len(self.layout.drugs)
        key, source, growth, cell_row, *others = row
        drug_rows, doses = others[:count], others[count:]
        cell, names = cells.canonical[cell_row], [drugs.canonical[drug_row] for drug_row in drug_rows]
        together = sorted(names)
        unit = "|".join([cell, *together])
        if len(parts) > CACHED:
            parts.clear()
        split = parts.get(unit) or parts.setdefault(unit, part_of(MIXED, (cell, *together), SHARES))
        facts = (growth, cell, *names, *([" + ".join(together)] if count > 1 else []), source, *doses)
        place = ",".join(map(str, (cell_row, *drug_rows)))
        size = RECORD_BYTES * (1 + count) // 2 + len(key) + len(source) + len(cell) + sum(map(len, names))
        return Sample(split, key, self.layout.file, place, size, unit, facts)

    @contextmanager
    def reader(self, folder: Path, note: Note = ignored) -> Iterator[Callable[[Sample], Example]]:
        """A function that makes examples of what the index has read already."""
        yield self.example

    def example(self, sample: Sample) -> Example:
        """The example of a sample of the index; features are rows of the tables."""
        facts = dict(zip(self.facts, sample.facts, strict=True))
        cell_row, *drug_rows = map(int, sample.place.split(","))
        numbers = ("growth", *self.layout.doses)
        return {
            "id": sample.key,
            EXPRESSION: cell_row,
            **{descriptors_of(drug): row for drug, row in zip(self.layout.drugs, drug_rows, strict=True)},
            **{name: np.float32(text) if name in numbers else text for name, text in facts.items() if name != "drugs"},
        }

    def beside(self, folder: Path, samples: Iterable[Sample]) -> Beside:
        """The feature tables, imputed and scaled, what was left out, and how all this was done."""
        training: tuple[set[int], set[int]] = set(), set()
        for sample in samples:
            if sample.split == "train":
                cell_row, *drug_rows = map(int, sample.place.split(","))
                training[0].add(cell_row)
                training[1].update(drug_rows)
        cells, drugs = self._tables(folder)
        omitted, odd = self._omitted(folder, cells.ids, drugs.ids)
        reasons: Counter[str] = Counter()
        for (*_, reason), count in omitted.items():
            reasons[reason] += count
        tables = {
            name: Stored.of(table, self.scaling, np.array(sorted(rows), np.int64))
            for name, table, rows in ((EXPRESSION, cells, training[0]), (DESCRIPTORS, drugs, training[1]))
        }
        metadata = {
            measures.FACT: measures.GROWTH.facts(),
            "aliases": aliases.digests(folder),
            "splits": "mixed, by hash of cell and drugs",
            **told(tables),
            "rows": {EXPRESSION: list(cells.ids), DESCRIPTORS: list(drugs.ids)},
            "columns": {EXPRESSION: list(cells.columns), DESCRIPTORS: list(drugs.columns)},
            "left_out": dict(reasons + odd),
        }
        lines = [("source", "cell", *self.layout.drugs, "reason", "rows")]
        lines += [(*found, str(count)) for found, count in sorted(omitted.items())]
        of = dict.fromkeys(map(descriptors_of, self.layout.drugs), tables[DESCRIPTORS])
        of[EXPRESSION] = tables[EXPRESSION]
        return Beside(
            {name: table.values for name, table in of.items()},
            {name: table.missing for name, table in of.items() if table.anew},
            metadata,
            {LEFT_OUT: "".join("\t".join(line) + "\n" for line in lines)},
        )

    def _tables(self, folder: Path) -> tuple[Any, Any]:
        """Features of the cell lines and of the drugs that the table names."""
        wanted: list[set[str]] = [set(), set()]
        for rows, _ in self.layout.rows(folder):
            wanted[0].update(rows["cell"].unique().to_pylist())
            for drug in self.layout.drugs:
                wanted[1].update(rows[drug].unique().to_pylist())
        return combo.cells(folder, wanted[0]), combo.drugs(folder, wanted[1])[0]

    def _entities(self, folder: Path) -> tuple[_Entity, _Entity]:
        found = []
        for table, alias in zip(self._tables(folder), (aliases.cells, aliases.drugs), strict=True):
            of = alias(folder, table.ids)
            found.append(_Entity(table.ids, tuple(of[key] for key in table.ids)))
        return found[0], found[1]

    def _used(self, folder: Path, cells: _Entity, drugs: _Entity) -> Iterator[pa.Table]:
        """Key, source and growth of the rows that can be used, rows of the tables, and doses; numbers as text."""
        import pyarrow as pa
        import pyarrow.compute as pc

        for batch, _ in self._judged(folder, cells.ids, drugs.ids):
            rows = batch.filter(pc.is_null(batch["reason"]))
            key = pc.binary_join_element_wise(rows["source"], pc.cast(rows["row"], pa.string()), ".")
            texts = [pc.cast(rows[name], pa.string()) for name in ("growth", *self.layout.doses)]
            places = [pc.index_in(rows["cell"], pa.array(cells.ids, pa.string()))]
            places += [pc.index_in(rows[drug], pa.array(drugs.ids, pa.string())) for drug in self.layout.drugs]
            columns = [key, rows["source"], texts[0], *places, *texts[1:]]
            yield pa.table(columns, [str(i) for i in range(len(columns))])

    def _omitted(
        self, folder: Path, cells: Sequence[str], drugs: Sequence[str]
    ) -> tuple[Counter[tuple[str, ...]], Counter[str]]:
        """How many rows of which source, cell and drugs were left out for which reason; what is odd with others."""
        import pyarrow.compute as pc

        found: Counter[tuple[str, ...]] = Counter()
        odd: Counter[str] = Counter()
        names = ["source", "cell", *self.layout.drugs, "reason"]
        for batch, what in self._judged(folder, cells, drugs):
            counted = batch.filter(pc.is_valid(batch["reason"])).group_by(names).aggregate([("reason", "count")])
            keys = zip(*(counted[name].to_pylist() for name in names), strict=True)
            found.update(dict(zip(keys, counted["reason_count"].to_pylist(), strict=True)))
            odd.update(what)
        return found, odd

    def _judged(
        self, folder: Path, cells: Sequence[str], drugs: Sequence[str]
    ) -> Iterator[tuple[pa.Table, Mapping[str, int]]]:
        """The batches of the layout with the number of each row, and why it cannot be used where it cannot."""
        import pyarrow as pa
        import pyarrow.compute as pc

        before = 0
        for batch, odd in self.layout.rows(folder):
            without_drug = [
                pc.invert(pc.is_in(batch[drug], pa.array(drugs, pa.string()))) for drug in self.layout.drugs
            ]
            without_number = [
                pc.invert(pc.is_finite(pc.fill_null(batch[name], float("nan"))))
                for name in ("growth", *self.layout.doses)
            ]
            unusable = {
                "no growth": without_number[0],
                "no concentration": _any(without_number[1:]),
                "no features of the cell": _absent(batch["cell"], cells),
                "no features of the drug": _any(without_drug),
            }
            first = pc.case_when(pc.make_struct(*unusable.values()), *unusable)
            numbers = pa.array(np.arange(before, before + batch.num_rows))
            before += batch.num_rows
            place = batch.column_names.index("reason")
            judged = batch.set_column(place, "reason", pc.coalesce(batch["reason"], first))
            yield judged.append_column("row", numbers), odd


def _absent(names: pa.Array, known: Sequence[str]) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.invert(pc.is_in(names, pa.array(known, pa.string())))


def _any(masks: Sequence[Any]) -> Any:
    import pyarrow.compute as pc

    found = masks[0]
    for mask in masks[1:]:
        found = pc.or_(found, mask)
    return found


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
