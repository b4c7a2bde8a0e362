"""The data sets of CANDLE-UNO: features and raw formats."""

from __future__ import annotations

from typing import Any

from sciml_datasets.benchmark import DataSet
from sciml_datasets.candle_uno.dose_tables import GROWTH, PAIRS, descriptors_of
from sciml_datasets.candle_uno.doses import Doses
from sciml_datasets.candle_uno.forms.cell_tables import omics_of
from sciml_datasets.candle_uno.responses import DESCRIPTORS, EXPRESSION, RESPONSE, Responses
from sciml_datasets.errors import InputError
from sciml_datasets.raw_format import RawFormat

DOSE_TABLES = {"candle_uno_growth": GROWTH, "candle_uno_pairs": PAIRS}
"""Data sets of single doses; the others hold a measure of whole dose-response curves."""


def features(dataset: DataSet, omics: str | None = None) -> dict[str, Any]:
    """Feature connectors by name; cell and drug are canonical ids, vectors are joined when they are read.

    Raises:
        InputError: a table of ``omics`` is not known, or the data set has none.
    """
    import numpy as np
    from tensorflow_datasets import features

    from sciml_datasets.lookup import Lookup

    table = DOSE_TABLES.get(dataset.name)
    drugs, numbers = (table.drugs, ("growth", *table.doses)) if table else (("drug",), (RESPONSE,))
    return {
        "id": features.Text(),
        "source": features.Text(),
        "cell": features.Text(),
        **{drug: features.Text() for drug in drugs},
        EXPRESSION: Lookup(table=EXPRESSION),
        **{name: Lookup(table=name) for name in _omics(dataset, omics)},
        **{descriptors_of(drug): Lookup(table=DESCRIPTORS) for drug in drugs},
        **dict.fromkeys(numbers, np.float32),
    }


def supervised_keys(dataset: DataSet) -> tuple[Any, Any]:
    """Inputs and target of ``as_supervised``: doses where there are such, expression, descriptors; the response."""
    table = DOSE_TABLES.get(dataset.name)
    if table is None:
        return (EXPRESSION, DESCRIPTORS), RESPONSE
    return (*table.doses, EXPRESSION, *map(descriptors_of, table.drugs)), "growth"


def raw_format(
    dataset: DataSet, form: str | None = None, scaling: str = "training", omics: str | None = None
) -> RawFormat:
    """Tables of responses and of features, in one of several forms."""
    table = DOSE_TABLES.get(dataset.name)
    if table is None:
        return Responses(form, scaling, _omics(dataset, omics))
    if form not in (None, "A"):
        raise InputError(f"{dataset.name} has one raw form, the tables (A): leave --form {form} out")
    return Doses(table, scaling)


def _omics(dataset: DataSet, text: str | None) -> tuple[str, ...]:
    """The names of the tables of omics that are chosen."""
    if text and dataset.name in DOSE_TABLES:
        raise InputError(f"{dataset.name} has no tables of omics: leave --omics {text} out")
    return omics_of(text)
