"""A drug response study as drevalpy takes it: comma-separated tables with one header line each.

- responses: ids of a cell line and a drug, and measures (``AUC``, ``LN_IC50``, with or without ``_curvecurator``);
- ``*gex*.csv`` or ``*expression*.csv``: an id of the cell line and genes;
- ``*fingerprint*.csv`` or ``*descriptor*.csv``: an id of the drug and numbers; or, as drevalpy's loader has them,
  ``drug_fingerprints/*_map.csv``, of which that of 128 bits is read where there are several; or ``*embedding*.csv``.

A cell line or drug is known by the first of CELL_IDS or DRUG_IDS, in small letters or capitals, that both its tables
have. A table of features without any of them may have the ids in its first column, or a drug in each column, named by
its id. A drug without any number has no features. The source of a response is its column ``source`` or ``study``, in
small letters or capitals, else the name of the file.

Ids are stripped of blanks around them, and whole numbers of the point and the commas that spreadsheets and pandas add:
``11.0`` and ``11`` are one drug. An id is text whatever it says: one without features is left out with its responses.
Only where features have an id such as ``NA`` or ``nan`` that responses have too, nobody can know whether it is a name
or what pandas wrote for all that are unknown, and the study is refused.

Source: daisybio/drevalpy, ``drevalpy/datasets`` and ``drevalpy/models/utils.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sciml_datasets.candle_uno.forms.joining import check_unknown, feature_table, join, named_sources, plain
from sciml_datasets.candle_uno.forms.tables import FeatureTable, Tables
from sciml_datasets.candle_uno.measures import OF_DREVALPY, choose
from sciml_datasets.errors import InputError
from sciml_datasets.files.regular_files import is_companion
from sciml_datasets.files.text import listed
from sciml_datasets.files.text_parsing import UNNAMED
from sciml_datasets.files.text_tables import TextTable

CELL_IDS = ("cellosaurus_id", "cell_line_name", "cell_line_id")
DRUG_IDS = ("pubchem_id", "drug_name", "drug_id")
SOURCES = ("source", "study")
OF_IMPROVE_TOO = ("improve_sample_id", "improve_chem_id")
"""Ids that studies may have and that join nothing here."""
EXPRESSION = ("*gex*.csv", "*expression*.csv")
FINGERPRINTS = ("*fingerprint*.csv", "*descriptor*.csv")
MAP, MAPS = "drug_fingerprints/*_128_map.csv", "drug_fingerprints/*_map.csv"
"""The map that drevalpy's loader reads by default, and all of them."""
EMBEDDINGS = "*embedding*.csv"


def read(path: Path, measure: str | None = None) -> Tables:
    """Read a study.

    Args:
        path: the table of responses; the others lie beside it.
        measure: its column to take as the response; default as `measures.choose` finds it.

    Raises:
        InputError: a table is missing, there are several, or one cannot be read; or the name of the responses, which is
            their source, is no text.
        OSError: one cannot be read for another reason than its content.
    """
    import pyarrow as pa

    table = TextTable.open(path, ",")
    if not path.stem.isprintable():
        raise InputError(f"{str(path)!r}: its name has a tab, a line break or the like: rename the file")
    column, chosen = choose(table, measure, OF_DREVALPY, (*CELL_IDS, *DRUG_IDS, *SOURCES, *OF_IMPROVE_TOO))
    text = {place: name for name, place in _id_places(table, (*CELL_IDS, *DRUG_IDS)).items()}
    source = next(iter(_id_places(table, SOURCES).values()), None)
    if source is not None:
        text[source] = "source"
    found = table.read(text=text, numbers={table.place(column): "response"})
    ids = {name: [plain(key) for key in found[name].to_pylist()] for name in text.values() if name != "source"}
    cells, cell = _features(table, ids, _one_of(path, (EXPRESSION,)), CELL_IDS)
    drugs, drug = _features(table, ids, _one_of(path, (FINGERPRINTS, (MAP,), (MAPS,), (EMBEDDINGS,))), DRUG_IDS)
    rows = range(found.num_rows)
    here = [path.stem.strip() for _ in rows] if source is None else named_sources(table, found["source"])
    responses = pa.table(
        {
            "id": [f"{path.stem}.{row}" for row in rows],
            "source": here,
            "cell": ids[cell],
            "drug": ids[drug],
            "response": found["response"],
            "split": ["" for _ in rows],
        }
    )
    return join(path, responses, cells, drugs, chosen)


def _id_places(table: TextTable, ids: Sequence[str]) -> dict[str, int]:
    """Those of the ids that are columns, in small letters or capitals, to their places."""
    found: dict[str, int] = {}
    for name in ids:
        columns = [column for column in table.names if column.lower() == name]
        if len(set(columns)) > 1:
            raise InputError(
                f"{table.path}: the columns {' and '.join(columns)} are both {name}: keep one, or rename the other"
            )
        if columns:
            found[name] = table.place(columns[0])
    return found


def _one_of(responses: Path, patterns: Sequence[Sequence[str]]) -> Path:
    """The one file beside the responses whose name fits the first patterns that any fits."""
    for some in patterns:
        found = sorted({path for pattern in some for path in responses.parent.glob(pattern)} - {responses})
        found = [path for path in found if not is_companion(path.name)]
        if len(found) == 1:
            return found[0]
        if found:
            shown = ", ".join(str(path.relative_to(responses.parent)) for path in found)
            raise InputError(
                f"{responses.parent}: expected one file {' or '.join(some)}, found {shown}: keep one there"
            )
    every = " or ".join(dict.fromkeys(pattern for some in patterns for pattern in some))
    raise InputError(f"{responses.parent}: expected one file {every}, found none: keep one there")


def _features(
    responses: TextTable, ids: Mapping[str, Sequence[str]], path: Path, names: Sequence[str]
) -> tuple[FeatureTable, str]:
    """The features in a file, and the id by which the responses are joined with them.

    Args:
        responses: for messages.
        ids: the ids of the responses that there are.
        path: the file.
        names: the ids that there may be, the best first.
    """
    table = TextTable.open(path, ",")
    places = _id_places(table, names)
    known = {name: {*ids[name]} - {""} for name in names if name in ids}
    shared = [name for name in names if name in known and name in places]
    if shared:
        drop = [place for name, place in places.items() if name != shared[0]]
        return check_unknown(path, _by_rows(table, places[shared[0]], drop), known[shared[0]]), shared[0]
    labels: list[str] = []
    if not places and not any(plain(table.names[0]) in some for some in known.values()):
        labels = table.read(text={0: "id"}, numbers={})["id"].to_pylist()
    numbered = _numbered(labels)
    unnamed = UNNAMED.fullmatch(table.names[0])
    numbered_columns = _numbered(table.names) or _numbered(table.names[1:])
    row_id, in_rows = _best(known, () if numbered and unnamed else labels)
    column_id, in_columns = _best(known, () if places or numbered_columns else table.names)
    if in_rows and in_columns:
        raise InputError(
            f"{path} has ids of {responses.path} in its first column, as {min(in_rows)}, and as names of columns, as "
            f"{min(in_columns)}: call the first column {row_id} if it has the ids, else remove it"
        )
    if in_rows and not numbered and (unnamed or not numbered_columns):
        return check_unknown(path, _by_rows(table, 0, ()), in_rows), row_id
    if in_columns:
        return check_unknown(path, _by_columns(table, in_columns), in_columns), column_id
    raise InputError(
        f"{path} and {responses.path} share none of the columns {', '.join(names)}, by which their rows are joined, "
        f"and no column of {path.name} is called by such an id: name one so in both; the first line of {path.name} has "
        f"{listed(table.names, 6)}, that of {responses.path.name} {listed(responses.names, 6)}"
    )


def _best(known: Mapping[str, set[str]], texts: Sequence[str]) -> tuple[str, set[str]]:
    """The id that most of these texts are, and which of the ids of responses are there."""
    there = {plain(text) for text in texts}
    name = max(known, key=lambda name: len(known[name] & there), default="")
    return name, known.get(name, set()) & there


def _numbered(texts: Sequence[str]) -> bool:
    """Whether the texts are numbers of rows or columns, from 0 or 1."""
    found = [plain(text) for text in texts]
    return any(found == [str(i + first) for i in range(len(found))] for first in (0, 1))


def _by_rows(table: TextTable, place: int, drop: Sequence[int]) -> FeatureTable:
    keys, columns, values = table.matrix(id_place=place, drop=drop)
    return feature_table(table.path, [plain(key) for key in keys], columns, values, first_line=table.skip + 1)


def _by_columns(table: TextTable, wanted: set[str]) -> FeatureTable:
    """The features of a table that has some of the wanted ids as names of columns; other columns are left out.

    The first column may be labels of the features.
    """
    places = [place for place, name in enumerate(table.names) if plain(name) in wanted]
    first = None if 0 in places else 0
    drop = [place for place in range(len(table.names)) if place not in (first, *places)]
    labels, keys, values = table.matrix(id_place=first, drop=drop)
    if not labels or all(label.isdecimal() for label in labels):
        labels = tuple(f"feature {row}" for row in range(len(values)))
    columns = [place + 1 for place in places]
    return feature_table(table.path, [plain(key) for key in keys], labels, values.T, lines=columns, unit="column")
