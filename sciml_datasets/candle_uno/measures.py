"""The measures of responses: unit, range and meaning of a low value; the known measures.

A column is known by its name, in any case. Beside a table of responses `DECLARED` may describe columns that are not
known, or of known ones that are meant otherwise: tab-separated, with the columns ``measure``, ``unit``, ``low``,
``high`` and ``kills``; an empty bound is none, an empty ``kills`` is not known, and words for missing values
(`text_numbers.MISSING`) say the same as an empty field. A converted study has one.

- Uno and IMPROVE: AUC over 1e-10 to 1e-4 mol/l, AUC1, AAC1 and DSS1 over the doses that were tried, of curves between 0
  and 1; IC50 and EC50 as -log10 of mol/l. Source: the fit of the tables (``compute_fit_metrics``: d1=4, d2=10), from
  which IMPROVE's ``response.tsv`` comes.
- drevalpy: IC50 and EC50 in umol/l, LN_IC50 the natural logarithm of it, pEC50 -log10 of mol/l, and the same of curves
  that CurveCurator has fitted, ``<measure>_curvecurator``. Source: daisybio/drevalpy, docs/usage.rst (Custom Datasets)
  and drevalpy/datasets/curvecurator.py. CurveCurator's AUC is the area under a curve without an upper bound, over the
  area without effect: more than 1 where cells grow faster than without the drug (kusterlab/curve_curator, models.py).
- PharmacoGx: AAC, 1 less AUC. DSS: Yadav et al. 2014, doi:10.1038/srep05193, in percent.
- DrugCell: AUC, 0 where all cells die, 1 without effect, more where they grow faster (Kuenzi et al. 2020,
  doi:10.1016/j.ccell.2020.09.014).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sciml_datasets.errors import InputError
from sciml_datasets.files.text import is_there, quoted
from sciml_datasets.files.text_numbers import MISSING, fault_of
from sciml_datasets.files.text_tables import TextTable

if TYPE_CHECKING:
    import pyarrow as pa

DECLARED = "measures.tsv"
"""The file, beside a table of responses, that says what its columns measure."""
COLUMNS = ("measure", "unit", "low", "high", "kills")
FACT = "response"
"""The fact of prepared data that names the measure."""
LOW, HIGH = "low", "high"
REMOVE = "remove it"
"""Second remedy for a response out of its range, in files whose only measure is fixed."""


@dataclass(frozen=True, slots=True)
class Measure:
    """The measure of a column of responses.

    Attributes:
        name: name of the column.
        title: title for axes and tables.
        unit: empty for a pure number.
        low, high: least and greatest value that there can be; None for no bound.
        kills: which values say that the drug kills, ``low`` or ``high``; empty where that is unknown.
    """

    name: str
    title: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    kills: str = LOW

    def facts(self) -> dict[str, Any]:
        """The facts of prepared data, with the range in words; IMPROVE's auc is the AUC of the tables."""
        name = AUC.name if self.name.lower() == AUC.name.lower() else self.name
        return {**{name: getattr(self, name) for name in self.__slots__}, "name": name, "range": self.range()}

    def check(self, path: Path, ids: pa.ChunkedArray, values: pa.ChunkedArray, *, declarable: bool = True) -> None:
        """Make sure that responses are in the range.

        Args:
            path: their file.
            ids: (N,) of responses.
            values: (N,) finite float32.
            declarable: whether `DECLARED` beside the file is read, so that it can state another range.

        Raises:
            InputError: one is not; the first is named.
        """
        import numpy as np

        numbers = values.to_numpy()
        for bound, wrong in ((self.low, np.less), (self.high, np.greater)):
            if bound is not None and (outside := wrong(numbers, np.float32(bound))).any():
                row = int(np.flatnonzero(outside)[0])
                remedy = f"state the range of {self.name} in {DECLARED} beside the responses" if declarable else REMOVE
                raise InputError(
                    f"{path}: the response {ids[row].as_py()} has the {self.name} {exact(float(str(numbers[row])))}, "
                    f"expected {self.range()}: correct it, or {remedy}"
                )

    def range(self) -> str:
        """The bounds in words."""
        if self.low is None:
            return "any number" if self.high is None else f"{exact(self.high)} or less"
        return f"{exact(self.low)} or more" if self.high is None else f"from {exact(self.low)} to {exact(self.high)}"


def exact(number: float) -> str:
    """The shortest text that is read as this number again."""
    return repr(float(number)).removesuffix(".0")


MOLAR, MICROMOLAR = "-log10(mol/l)", "umol/l"
AUC = Measure("AUC", "AUC", "", 0, 1)
"""The response of the benchmark: the one of forms A and B, of which scores are published."""
DRUGCELL_AUC = Measure("auc", "AUC (DrugCell)", "", 0, None)
GROWTH = Measure("growth", "growth", "")
"""1 as without the drug, 0 none, -1 all cells killed."""


def _fitted(suffix: str, title: str, highest_area: float | None) -> dict[str, Measure]:
    """drevalpy's measures of one kind of fit."""
    return {
        f"{name}{suffix}": Measure(f"{name}{suffix}", f"{shown}{title}", unit, low, high, kills)
        for name, shown, unit, low, high, kills in (
            ("auc", "AUC", "", 0, highest_area, LOW),
            ("ln_ic50", "ln IC50", f"ln({MICROMOLAR})", None, None, LOW),
            ("ic50", "IC50", MICROMOLAR, 0, None, LOW),
            ("ec50", "EC50", MICROMOLAR, 0, None, LOW),
            ("pic50", "pIC50", MOLAR, None, None, HIGH),
            ("pec50", "pEC50", MOLAR, None, None, HIGH),
        )
    }


_AREAS = {
    "auc1": Measure("auc1", "AUC1", "", 0, 1),
    "aac": Measure("aac", "AAC", "", 0, 1, HIGH),
    "aac1": Measure("aac1", "AAC1", "", 0, 1, HIGH),
    "dss": Measure("dss", "DSS", "%", 0, 100, HIGH),
    "dss1": Measure("dss1", "DSS1", "", 0, 1, HIGH),
}
OF_DREVALPY: Mapping[str, Measure] = {
    **{"auc": AUC, **_AREAS},
    **_fitted("", "", 1),
    **_fitted("_curvecurator", " (CurveCurator)", None),
}
"""Names of columns in small letters, in a study of drevalpy."""
OF_IMPROVE: Mapping[str, Measure] = {
    **OF_DREVALPY,
    "ic50": Measure("ic50", "IC50", MOLAR, None, None, HIGH),
    "ec50": Measure("ec50", "EC50", MOLAR, None, None, HIGH),
}
"""The same in a folder of IMPROVE."""
AREAS = ("auc", "auc_curvecurator")
"""The benchmark's own response, and the same of curves that were fitted again: taken before all others."""
UNLIKE = tuple(name for name, measure in OF_IMPROVE.items() if OF_DREVALPY[name] != measure)
"""Names that mean one thing in IMPROVE and another in drevalpy."""


def choose(
    table: TextTable, wanted: str | None, known: Mapping[str, Measure], ids: Collection[str]
) -> tuple[str, Measure]:
    """The column of the response, and what it measures.

    Without a wanted one it is AUC, where that is a column, else AUC_curvecurator, else the one measure that is there.

    Args:
        table: table of responses.
        wanted: the column to take.
        known: measures by names in small letters; those of `DECLARED` beside the table come before them.
        ids: names of columns, in small letters, that are no response.

    Raises:
        InputError: there is none, there are several, its unit is not known, or the wanted one has ids.
    """
    known = {**known, **declared(table.path.parent / DECLARED)}
    if wanted is None:
        wanted = _only(table, known, ids)
    elif wanted.lower() in ids:
        raise InputError(
            f"{table.path}: the column {wanted} has ids or names, no response: choose another one with --response, "
            "or rename it"
        )
    column = table.names[table.place(_spelled(table, wanted))]
    if column.lower() not in known:
        raise InputError(
            f"{table.path}: the unit and the range of the column {column} are not known: name it as one of "
            f"{', '.join(known)} if it is that, or put {DECLARED} beside the table, with tabs between "
            f"{', '.join(COLUMNS)} in its first line and {column} in the second"
        )
    return column, replace(known[column.lower()], name=column)


def _spelled(table: TextTable, wanted: str) -> str:
    """The column as the table writes it, where one alone has these letters, capital or small."""
    alike = list(dict.fromkeys(name for name in table.names if name.lower() == wanted.lower()))
    if wanted in alike or not alike:
        return wanted
    if len(alike) > 1:
        raise InputError(
            f"{table.path}: the columns {', '.join(alike[:-1])} and {alike[-1]} differ from {wanted} in capitals only: "
            "give --response as one of them is written"
        )
    return alike[0]


def _only(table: TextTable, known: Mapping[str, Measure], ids: Collection[str]) -> str:
    """The first of AREAS, else the one column that is a known measure."""
    found = list(dict.fromkeys(name for name in table.names if name.lower() in known and name.lower() not in ids))
    areas = ([name for name in found if name.lower() == area] for area in AREAS)
    candidates = next(filter(None, areas), found)
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        alike = {name.lower() for name in candidates}
        what = f"both the response {alike.pop()}" if len(alike) == 1 else "known responses"
        raise InputError(
            f"{table.path}: the columns {', '.join(candidates[:-1])} and {candidates[-1]} are {what}: choose one with "
            "--response"
        )
    raise InputError(
        f"{table.path}: none of the columns {', '.join(table.names[:12])} is a known response "
        f"({', '.join(known)}): name the response so, or put {DECLARED} beside the table, with tabs between "
        f"{', '.join(COLUMNS)} in its first line and the column in the second"
    )


def declared(path: Path) -> dict[str, Measure]:
    """The content of a file of declarations, by names in small letters; empty where there is no file.

    Raises:
        InputError: it cannot be read, a measure is without a name or stands there twice, bounds are no range or no
            finite numbers of float32, or ``kills`` has an unknown value.
    """
    if not is_there(path):
        return {}
    table = TextTable.open(path, "\t")
    texts = {table.place(name): name for name in COLUMNS}
    found: dict[str, Measure] = {}
    for row, line in enumerate(table.read(text=texts, numbers={}).to_pylist()):
        name, unit, kills = (_given(line[key]) for key in ("measure", "unit", "kills"))
        place = f"{path}: line {table.line_of(row)}"
        here = f"{place}:"
        if not name or name.lower() in found:
            raise InputError(f"{here} {name!r} is no name, or stands there twice: name each measure once")
        low, high = (_bound(_given(line[key]), f"{place}, column {key}") for key in (LOW, HIGH))
        if low is not None and high is not None and not low < high:
            bounds = f"from {exact(low)} to {exact(high)}"
            raise InputError(f"{here} the range of {name} is {bounds}: give the lower bound first")
        if kills not in (LOW, HIGH, ""):
            raise InputError(f"{here} kills is {kills!r}, expected {LOW}, {HIGH} or nothing")
        found[name.lower()] = Measure(name, _title(name, unit, low, high), unit, low, high, kills)
    return found


def _given(text: str) -> str:
    """A field without blanks around it; empty where it says that nothing is given."""
    return "" if text.strip() in MISSING else text.strip()


def _bound(text: str, place: str) -> float | None:
    """A bound that float32 can hold, as which responses are stored; None where nothing is given."""
    if not text:
        return None
    fault = fault_of(text, infinite=False)
    if fault is None and math.isfinite(value := float(text)):
        return value
    raise InputError(
        f"{place}: {fault or f'{quoted(text)} is no number'}: give a number, or nothing where there is no bound"
    )


def _title(name: str, unit: str, low: float | None, high: float | None) -> str:
    """That of the known measure that is declared as it is, else the name."""
    known = [OF_DREVALPY.get(name.lower()), OF_IMPROVE.get(name.lower())]
    known += [DRUGCELL_AUC] if name == DRUGCELL_AUC.name else []
    alike = (found for found in known if found and (found.unit, found.low, found.high) == (unit, low, high))
    return next((found.title for found in alike), name)


def declaration(measure: Measure) -> str:
    """The text of a file of declarations of one measure."""
    bounds = ["" if bound is None else exact(bound) for bound in (measure.low, measure.high)]
    return "".join("\t".join(line) + "\n" for line in (COLUMNS, (measure.name, measure.unit, *bounds, measure.kills)))
