"""Simulated cell lines and compounds, the ids that sources give them, and which pairs each source measures.

As in the original, sources measure overlapping cell lines and compounds under their own ids: some pairs are measured
several times, and some ids are aliases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.candle_uno.simulation import biology
from sciml_datasets.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SOURCES = ("CCLE", "CTRP", "gCSI", "GDSC", "NCI60")
SHARE_OF_CELLS = (0.6, 0.8, 0.4, 0.8, 0.3)
SHARE_OF_DRUGS = (0.2, 0.6, 0.2, 0.5, 0.6)
"""Share of all that each source measures; the last one knows its compounds by NSC number, which have a file of their
own."""
RENAMED = 0.1
"""Share of the cell lines that one source writes in another way."""
WITHOUT_FEATURES = 0.03
"""Share of cell lines and compounds that have a response and no features."""
REPEATED = 0.02
"""Share of the measurements that their source did twice."""
WITHOUT_FEATURES_KEPT = 0.01
"""Number of measurements without features that are kept, as a share of the usable ones."""
TUMOURS = ("BRCA", "COAD", "LUAD", "SKCM", "GBM", "LAML")


@dataclass(frozen=True)
class Entities:
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


def _measured(rng: np.random.Generator, shares: Sequence[float], count: int) -> NDArray[np.bool_]:
    """(sources, count) whether a source measures it; each is measured by one at least."""
    measured = rng.random((len(shares), count)) < np.array(shares)[:, None]
    measured[rng.integers(len(shares), size=count), np.arange(count)] |= ~measured.any(axis=0)
    return measured


def _described(rng: np.random.Generator, count: int) -> NDArray[np.bool_]:
    """(count,) whether it has features; the first two always."""
    return np.asarray(np.arange(count) < 2) | (rng.random(count) >= WITHOUT_FEATURES)


def cell_lines(rng: np.random.Generator, count: int) -> Entities:
    """Cell lines, each of one tumour; some are written in another way by one source."""
    latent = rng.normal(size=(count, biology.LATENT))
    names = [f"{TUMOURS[i % len(TUMOURS)]}-{i}" for i in range(count)]
    renamed = rng.random((len(SOURCES), count)) < RENAMED / len(SOURCES)
    ids = tuple(
        tuple(f"{source}.{name.replace('-', '') if other else name}" for name, other in zip(names, row, strict=True))
        for source, row in zip(SOURCES, renamed, strict=True)
    )
    return Entities(latent, _measured(rng, SHARE_OF_CELLS, count), ids, _described(rng, count))


def compounds(rng: np.random.Generator, count: int) -> Entities:
    """Compounds, numbered by each source in an order of its own."""
    latent = rng.normal(size=(count, biology.LATENT))
    numbers = [rng.permutation(count) for _ in SOURCES]
    prefixes = [*SOURCES[:-1], "NSC"]
    ids = tuple(tuple(f"{prefix}.{number}" for number in row) for prefix, row in zip(prefixes, numbers, strict=True))
    return Entities(latent, _measured(rng, SHARE_OF_DRUGS, count), ids, _described(rng, count))


def measurements(
    rng: np.random.Generator, lines: Entities, compounds: Entities, num_samples: int
) -> tuple[Integers, Integers]:
    """(rows, 3) source, cell line and compound of usable responses, and of those whose features are missing.

    Whole pairs are drawn, each with all its sources, until there are enough; so every split has some.
    """
    cells, drugs = (len(entities.described) for entities in (lines, compounds))
    order = rng.permutation(cells * drugs)
    usable: list[Integers] = []
    useless: list[Integers] = []
    count, missing = 0, num_samples * WITHOUT_FEATURES_KEPT
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


def curves(
    rng: np.random.Generator, loadings: biology.Loadings, lines: Entities, compounds: Entities
) -> Callable[[Integers], tuple[Floats, Floats, Floats, Floats]]:
    """The function from pairs (N, 2) of a cell line and a compound to what `biology.areas` returns of them."""
    hidden = biology.HIDDEN_POTENCY * rng.normal(size=len(compounds.latent))
    return lambda pairs: biology.areas(loadings, lines.latent, compounds.latent, hidden, pairs)


def in_pubchem(compounds: Entities) -> NDArray[np.bool_]:
    """(compounds,) whether it has a PubChem number: all with features, except some that only the last source has."""
    return np.asarray(compounds.described & compounds.measured[:-1].any(axis=0))
