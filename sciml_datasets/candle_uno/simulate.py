"""Simulated raw CANDLE-UNO files: the tables of form A, with the structure of `biology`.

As in the original, sources measure overlapping cell lines and compounds under their own ids: some pairs are measured
several times, some ids are aliases that only ``cl_mapping`` or ``drug_info`` tells, some curves are badly fitted, some
compounds have no descriptors and some cell lines no expression. Differences from the original: invented biology, and
fewer rows without a response. For the data sets of single doses their table takes the place of that of areas.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.candle_uno import doses
from sciml_datasets.candle_uno.forms import combo
from sciml_datasets.candle_uno.forms.aliases import CELL_MAPPING
from sciml_datasets.candle_uno.simulation import biology
from sciml_datasets.candle_uno.simulation import doses as simulate_doses
from sciml_datasets.errors import InputError
from sciml_datasets.parallel.progress import progress

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SOURCES = ("CCLE", "CTRP", "gCSI", "GDSC", "NCI60")
SHARE_OF_CELLS = (0.6, 0.8, 0.4, 0.8, 0.3)
SHARE_OF_DRUGS = (0.2, 0.6, 0.2, 0.5, 0.6)
"""Of all, that a source measures; the last one knows its compounds by NSC number, which have a file of their own."""
GENES, DESCRIPTORS = 942, 5270
"""Of the original; the demo has DEMO_DESCRIPTORS."""
DEMO_DESCRIPTORS = 400
BAD_FITS = 0.1
"""Rows, of the usable ones, whose curve is badly fitted; as many again lack something else, a tenth of them each."""
RENAMED = 0.1
"""Share of the cell lines that one source writes in another way."""
WITHOUT_FEATURES = 0.03
"""Share of cell lines and compounds that have a response and no features."""
UNTESTED = 0.1
"""Compounds, of those that have a response, that have descriptors and none; the original has thirty times as many."""
REPEATED = 0.02
"""Share of the measurements that their source did twice."""
MISSING_VALUES = 0.01
MIN_SAMPLES = 100
IDS = ("SOURCE", "CELL", "DRUG", "STUDY")
CURVE = ("AUC", "IC50", "EC50", "EC50se", "R2fit", "Einf", "HS", "AAC1", "AUC1", "DSS1")
"""Columns of the table of responses."""
TUMOURS = ("BRCA", "COAD", "LUAD", "SKCM", "GBM", "LAML")
WRITTEN = re.compile(
    r"cl_\w+|drug_info|\w*combined_\w+|\w+_dragon7_descriptors\.tsv|ComboDrugGrowth_\w+\.csv|NCI60_CELLNAME_to_Combo\.txt"
)
"""Names of all that is written into the raw folder."""


@dataclass(frozen=True)
class _Entities:
    """Cell lines or compounds.

    Attributes:
        latent: (entities, LATENT).
        measured: (sources, entities) whether a source measures it.
        ids: for each source the id of each.
        described: (entities,) whether it has features.
    """

    latent: Floats
    measured: NDArray[np.bool_]
    ids: tuple[tuple[str, ...], ...]
    described: NDArray[np.bool_]


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
) -> None:
    """Write the tables of form A with ``num_samples`` usable responses, and rows that are left out beside them.

    Args:
        folder: where they go.
        name: of the data set.
        num_samples: responses that the rules of the benchmark keep.
        seed: of the random numbers.
        jobs: nothing; it takes seconds.
        cells, drugs: cell lines and compounds; default one more of each for about a hundred responses.
        genes, descriptors: features; default as in the original, of the demo DEMO_DESCRIPTORS.

    Raises:
        InputError: fewer than MIN_SAMPLES samples, or too few cell lines and compounds for so many, or no feature.
    """
    from threadpoolctl import threadpool_limits

    if num_samples < MIN_SAMPLES:
        raise InputError(f"{num_samples} samples: expected at least {MIN_SAMPLES}, so that each split has some")
    cells = cells or round(1.15 * num_samples**0.5)
    drugs = drugs or round(1.45 * num_samples**0.5)
    genes = genes or GENES
    descriptors = descriptors or (DEMO_DESCRIPTORS if name.endswith("_demo") else DESCRIPTORS)
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
        lines, compounds = _cell_lines(rng, cells), _compounds(rng, drugs)
        path, write = TABLES.get(name, (combo.RESPONSES, _write_responses))
        write(rng, folder / path, loadings, lines, compounds, num_samples)
        advance(1)
        _write_expression(rng, folder, loadings, lines)
        advance(1)
        _write_drug_info(folder / combo.DRUG_INFO, compounds)
        _write_cell_tables(rng, folder, lines)
        advance(1)
        _write_descriptors(rng, folder, loadings, compounds)
        advance(1)


def _measured(rng: np.random.Generator, shares: Sequence[float], count: int) -> NDArray[np.bool_]:
    """(sources, count) who measures what; each is measured by one at least."""
    measured = rng.random((len(shares), count)) < np.array(shares)[:, None]
    measured[rng.integers(len(shares), size=count), np.arange(count)] |= ~measured.any(axis=0)
    return measured


def _described(rng: np.random.Generator, count: int) -> NDArray[np.bool_]:
    return np.asarray(np.arange(count) < 2) | (rng.random(count) >= WITHOUT_FEATURES)


def _cell_lines(rng: np.random.Generator, count: int) -> _Entities:
    latent = rng.normal(size=(count, biology.LATENT))
    names = [f"{TUMOURS[i % len(TUMOURS)]}-{i}" for i in range(count)]
    renamed = rng.random((len(SOURCES), count)) < RENAMED / len(SOURCES)
    ids = tuple(
        tuple(f"{source}.{name.replace('-', '') if other else name}" for name, other in zip(names, row, strict=True))
        for source, row in zip(SOURCES, renamed, strict=True)
    )
    return _Entities(latent, _measured(rng, SHARE_OF_CELLS, count), ids, _described(rng, count))


def _compounds(rng: np.random.Generator, count: int) -> _Entities:
    latent = rng.normal(size=(count, biology.LATENT))
    # A source counts its compounds in an order of its own.
    numbers = [rng.permutation(count) for _ in SOURCES]
    prefixes = [*SOURCES[:-1], "NSC"]
    ids = tuple(tuple(f"{prefix}.{number}" for number in row) for prefix, row in zip(prefixes, numbers, strict=True))
    return _Entities(latent, _measured(rng, SHARE_OF_DRUGS, count), ids, _described(rng, count))


def _measurements(
    rng: np.random.Generator, lines: _Entities, compounds: _Entities, num_samples: int
) -> tuple[Integers, Integers]:
    """(rows, 3) source, cell line and compound of usable responses, and of those whose features are missing.

    Whole pairs are drawn, each with all its sources, until there are enough; so every split has some.
    """
    cells, drugs = (len(entities.described) for entities in (lines, compounds))
    order = rng.permutation(cells * drugs)
    usable: list[Integers] = []
    useless: list[Integers] = []
    count, missing = 0, num_samples * BAD_FITS / 10
    for pair in np.array_split(order, max(1, len(order) // 4096)):
        cell, drug = np.divmod(pair, drugs)
        source, place = np.nonzero(lines.measured[:, cell] & compounds.measured[:, drug])
        rows = np.stack([source, cell[place], drug[place]], axis=1)[np.argsort(place, kind="stable")]
        rows = np.repeat(rows, 1 + (rng.random(len(rows)) < REPEATED), axis=0)
        whole = lines.described[rows[:, 1]] & compounds.described[rows[:, 2]]
        usable.append(rows[whole])
        useless.append(rows[~whole])
        count += int(whole.sum())
        if count >= num_samples:
            break
    if count < num_samples:
        raise InputError(f"{cells} cell lines and {drugs} compounds give {count} responses: ask for more of them")
    return np.concatenate(usable)[:num_samples], np.concatenate(useless)[: round(missing)]


def _write_responses(
    rng: np.random.Generator,
    path: Path,
    loadings: biology.Loadings,
    lines: _Entities,
    compounds: _Entities,
    num_samples: int,
) -> None:
    usable, useless = _measurements(rng, lines, compounds, num_samples)
    spoilt = usable[rng.integers(len(usable), size=round(BAD_FITS * num_samples))]
    curves = _curves(rng, loadings, lines, compounds)
    rows = np.concatenate([usable, useless, spoilt])
    order = rng.permutation(len(rows))
    bad = (np.arange(len(rows)) >= len(usable) + len(useless))[order]
    rows = rows[order]
    source, cell, drug = rows.T
    ec50, floor, slope, area = curves(rows[:, 1:])
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


def _curves(
    rng: np.random.Generator, loadings: biology.Loadings, lines: _Entities, compounds: _Entities
) -> Callable[[Integers], tuple[Floats, Floats, Floats, Floats]]:
    """From pairs (N, 2) of a cell line and a compound to what `biology.areas` tells of them."""
    hidden = biology.HIDDEN_POTENCY * rng.normal(size=len(compounds.latent))
    return lambda pairs: biology.areas(loadings, lines.latent, compounds.latent, hidden, pairs)


def _write_growth(
    rng: np.random.Generator,
    path: Path,
    loadings: biology.Loadings,
    lines: _Entities,
    compounds: _Entities,
    num_samples: int,
) -> None:
    wanted = min(-(-num_samples // simulate_doses.DOSES), len(lines.described) * len(compounds.described) // 4)
    usable, _ = _measurements(rng, lines, compounds, wanted)
    curves = _curves(rng, loadings, lines, compounds)
    ids = {"source": np.array(SOURCES), "cell": np.array(lines.ids), "drug": np.array(compounds.ids)}
    simulate_doses.write_growth(path, rng, usable, lambda pairs: curves(pairs)[:3], ids, num_samples)


def _write_pairs(
    rng: np.random.Generator,
    path: Path,
    loadings: biology.Loadings,
    lines: _Entities,
    compounds: _Entities,
    num_samples: int,
) -> None:
    """Of the last source, which is the screen that measured pairs."""
    cells, drugs = (np.flatnonzero(some.measured[-1] & some.described) for some in (lines, compounds))
    pairs = np.stack(np.meshgrid(np.arange(len(cells)), drugs, indexing="ij"), axis=-1).reshape(-1, 2)
    names = {
        "cell": [lines.ids[-1][cell] for cell in cells],
        "drug": np.array([key.partition(".")[2] for key in compounds.ids[-1]]),
    }

    curves = _curves(rng, loadings, lines, compounds)

    def of(places: Integers) -> tuple[Floats, Floats, Floats]:
        return curves(np.stack([cells[places[:, 0]], places[:, 1]], axis=1))[:3]

    simulate_doses.write_pairs(path, rng, pairs, of, names, num_samples)


def _write_expression(rng: np.random.Generator, folder: Path, loadings: biology.Loadings, lines: _Entities) -> None:
    """A line for each source that measures a cell line, standardised within the source."""
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


def _write_drug_info(path: Path, compounds: _Entities) -> None:
    """A line for each id of a compound; NSC numbers, which have descriptors of their own, have no PUBCHEM.

    The reference joins the descriptors of an id's PUBCHEM and appends those under the id itself: with both, each
    response of the id would become two rows.
    """
    lines, in_pubchem = [], _in_pubchem(compounds)
    for number, measured in enumerate(compounds.measured):
        nsc = number == len(SOURCES) - 1
        for row in np.flatnonzero(measured):
            pubchem = str(1000 + row) if in_pubchem[row] and not nsc else ""
            lines.append((compounds.ids[number][row], f"compound-{row}", f"COMPOUND{row}", pubchem))
    path.write_text("".join("\t".join(line) + "\n" for line in [("ID", "NAME", "CLEAN_NAME", "PUBCHEM"), *lines]))


def _in_pubchem(compounds: _Entities) -> NDArray[np.bool_]:
    """(compounds,) which have a PubChem number: all that have features, but for some that only the last source has."""
    return np.asarray(compounds.described & compounds.measured[:-1].any(axis=0))


def _write_cell_tables(rng: np.random.Generator, folder: Path, lines: _Entities) -> None:
    """Ids that are written in several ways, pair by pair, where there are some; and the tumour of each id."""
    pairs, tumours = [], [("ANL_ID", "TUMOR_TYPE")]
    for row in range(len(lines.described)):
        ids = [lines.ids[number][row] for number in np.flatnonzero(lines.measured[:, row])]
        names = {key.partition(".")[2] for key in ids}
        pairs += [(one, other) for one, other in itertools.pairwise(ids) if len(names) > 1]
        tumours += [(key, TUMOURS[row % len(TUMOURS)]) for key in ids]
    if pairs:
        (folder / CELL_MAPPING).write_text("".join(f"{one}\t{other}\n" for one, other in pairs))
    (folder / "cl_metadata").write_text("".join(f"{key}\t{tumour}\n" for key, tumour in tumours))


def _write_descriptors(
    rng: np.random.Generator, folder: Path, loadings: biology.Loadings, compounds: _Entities
) -> None:
    """Of compounds that have a response, and of some of the last source that have none: they count where all do."""
    count = len(compounds.described)
    untested = range(count, count + max(1, round(UNTESTED * count)))
    latent = np.concatenate([compounds.latent, rng.normal(size=(len(untested), biology.LATENT))])
    values = biology.descriptors(rng, loadings, latent)
    values[:, ::97] = 1.0  # some descriptors are the same for all
    values[rng.random(values.shape) < MISSING_VALUES] = np.nan
    header = ["NAME", *(f"D{i}" for i in range(values.shape[1]))]
    in_pubchem = np.flatnonzero(_in_pubchem(compounds))
    in_nci60 = np.flatnonzero(compounds.described & compounds.measured[-1])
    ids = [*(compounds.ids[-1][row] for row in in_nci60), *(f"NSC.{number}" for number in untested)]
    for name, rows, names in (
        (combo.PUBCHEM_DESCRIPTORS, in_pubchem, [f"{combo.PUBCHEM_PREFIX}{1000 + row}" for row in in_pubchem]),
        (combo.NCI60_DESCRIPTORS, [*in_nci60, *untested], ids),
    ):
        _write_matrix(folder / name, header, names, values[rows], "na")


def _formatted(values: Floats, missing: str) -> Sequence[str]:
    """As in the original: four significant digits."""
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


TABLES = {
    "candle_uno_growth": (doses.GROWTH.file, _write_growth),
    "candle_uno_pairs": (doses.PAIRS.file, _write_pairs),
}
"""Data set of single doses to its table, which takes the place of that of areas, and what writes it."""
