"""CANDLE-UNO's responses to single doses: growth under one drug, and under two together.

The tables (see `dose_tables`) are read as streams, and what is kept is one number for each distinct cell line and drug.
Features are the files of form A (see `combo`). Ids are the source and the row of the file.
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
from sciml_datasets.candle_uno.dose_tables import DoseTable, descriptors_of
from sciml_datasets.candle_uno.forms import aliases, combo
from sciml_datasets.candle_uno.forms.tables import LEFT_OUT
from sciml_datasets.candle_uno.responses import DESCRIPTORS, EXPRESSION, MIXED, RECORD_BYTES, SHARES, raw_file
from sciml_datasets.candle_uno.stored import StoredTable, scaling_metadata
from sciml_datasets.errors import InputError
from sciml_datasets.raw_format import Beside, Example, Note, RawFile, RawFormat, Sample, ignored
from sciml_datasets.splits.hashing import part_of

if TYPE_CHECKING:
    import pyarrow as pa

CACHED = 100_000
"""Number of cell lines with their drugs whose split is kept in memory: rows of one are adjacent."""


@dataclass(frozen=True)
class _Entity:
    """One kind of thing: cell lines or drugs.

    Attributes:
        ids: ids of those that have features, in the order of their rows in the table.
        canonical: the canonical id of each.
    """

    ids: tuple[str, ...]
    canonical: tuple[str, ...]


@dataclass(frozen=True)
class Doses(RawFormat):
    """Responses to single doses; see `sciml_datasets.raw_format.RawFormat`.

    Attributes:
        table: table that holds them.
        scaling: as in `sciml_datasets.candle_uno.responses.Responses`.
    """

    table: DoseTable
    scaling: str = "training"
    group_kind: str = "unit"

    @property
    def facts(self) -> tuple[str, ...]:
        """See `RawFormat.facts`; of a pair of drugs also the two together, sorted."""
        together = ("drugs",) if len(self.table.drugs) > 1 else ()
        return ("growth", "cell", *self.table.drugs, *together, "source", *self.table.doses)

    def files(self, folder: Path) -> list[RawFile]:
        """The table, the files of features, and tables of aliases.

        Raises:
            InputError: files are missing; all are named.
        """
        features, missing = combo.feature_files(folder)
        missing = [name for name in (self.table.file, *self.table.also) if not (folder / name).is_file()] + missing
        if missing:
            raise InputError(f"{folder} lacks {', '.join(missing)}: put them there")
        paths = {folder / self.table.file, *(folder / name for name in self.table.also), *features}
        return sorted(raw_file(folder, path) for path in paths | {*aliases.files(folder)})

    def index(self, folder: Path, file: RawFile) -> Iterator[Sample]:
        """The samples of the table, under its name; no other file has any.

        Raises:
            InputError: a file cannot be read, or no row can be used.
        """
        if file.name != self.table.file:
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
                f"{folder / self.table.file}: none of its rows can be used: ids of responses and features must agree"
            )

    def _sample(self, row: Sequence[Any], cells: _Entity, drugs: _Entity, parts: dict[str, str]) -> Sample:
        count = len(self.table.drugs)
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
        return Sample(split, key, self.table.file, place, size, unit, facts)

    @contextmanager
    def reader(self, folder: Path, note: Note = ignored) -> Iterator[Callable[[Sample], Example]]:
        """A function that makes examples of what the index has read already."""
        yield self.example

    def example(self, sample: Sample) -> Example:
        """The example of a sample of the index; features are rows of the tables."""
        facts = dict(zip(self.facts, sample.facts, strict=True))
        cell_row, *drug_rows = map(int, sample.place.split(","))
        numbers = ("growth", *self.table.doses)
        return {
            "id": sample.key,
            EXPRESSION: cell_row,
            **{descriptors_of(drug): row for drug, row in zip(self.table.drugs, drug_rows, strict=True)},
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
            name: StoredTable.of(table, self.scaling, np.array(sorted(rows), np.int64))
            for name, table, rows in ((EXPRESSION, cells, training[0]), (DESCRIPTORS, drugs, training[1]))
        }
        metadata = {
            measures.FACT: measures.GROWTH.facts(),
            "aliases": aliases.digests(folder),
            "splits": "mixed, by hash of cell and drugs",
            **scaling_metadata(tables),
            "rows": {EXPRESSION: list(cells.ids), DESCRIPTORS: list(drugs.ids)},
            "columns": {EXPRESSION: list(cells.columns), DESCRIPTORS: list(drugs.columns)},
            "left_out": dict(reasons + odd),
        }
        lines = [("source", "cell", *self.table.drugs, "reason", "rows")]
        lines += [(*found, str(count)) for found, count in sorted(omitted.items())]
        of = dict.fromkeys(map(descriptors_of, self.table.drugs), tables[DESCRIPTORS])
        of[EXPRESSION] = tables[EXPRESSION]
        return Beside(
            {name: table.values for name, table in of.items()},
            {name: table.missing for name, table in of.items() if table.refitted},
            metadata,
            {LEFT_OUT: "".join("\t".join(line) + "\n" for line in lines)},
        )

    def _tables(self, folder: Path) -> tuple[Any, Any]:
        """Features of the cell lines and of the drugs that the table names."""
        wanted: list[set[str]] = [set(), set()]
        for rows, _ in self.table.rows(folder):
            wanted[0].update(rows["cell"].unique().to_pylist())
            for drug in self.table.drugs:
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
            texts = [pc.cast(rows[name], pa.string()) for name in ("growth", *self.table.doses)]
            places = [pc.index_in(rows["cell"], pa.array(cells.ids, pa.string()))]
            places += [pc.index_in(rows[drug], pa.array(drugs.ids, pa.string())) for drug in self.table.drugs]
            columns = [key, rows["source"], texts[0], *places, *texts[1:]]
            yield pa.table(columns, [str(i) for i in range(len(columns))])

    def _omitted(
        self, folder: Path, cells: Sequence[str], drugs: Sequence[str]
    ) -> tuple[Counter[tuple[str, ...]], Counter[str]]:
        """The numbers of rows left out by reason, source, cell and drugs, and of unusual rows that are kept."""
        import pyarrow.compute as pc

        found: Counter[tuple[str, ...]] = Counter()
        odd: Counter[str] = Counter()
        names = ["source", "cell", *self.table.drugs, "reason"]
        for batch, what in self._judged(folder, cells, drugs):
            counted = batch.filter(pc.is_valid(batch["reason"])).group_by(names).aggregate([("reason", "count")])
            keys = zip(*(counted[name].to_pylist() for name in names), strict=True)
            found.update(dict(zip(keys, counted["reason_count"].to_pylist(), strict=True)))
            odd.update(what)
        return found, odd

    def _judged(
        self, folder: Path, cells: Sequence[str], drugs: Sequence[str]
    ) -> Iterator[tuple[pa.Table, Mapping[str, int]]]:
        """The batches of the table with the number of each row, and why it cannot be used where it cannot."""
        import pyarrow as pa
        import pyarrow.compute as pc

        before = 0
        for batch, odd in self.table.rows(folder):
            without_drug = [pc.invert(pc.is_in(batch[drug], pa.array(drugs, pa.string()))) for drug in self.table.drugs]
            without_number = [
                pc.invert(pc.is_finite(pc.fill_null(batch[name], float("nan"))))
                for name in ("growth", *self.table.doses)
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
