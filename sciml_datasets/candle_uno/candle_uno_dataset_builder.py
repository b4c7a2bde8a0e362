"""The TFDS declaration of the CANDLE-UNO data sets."""

from __future__ import annotations

from typing import Any

from sciml_datasets.candle_uno.dose_tables import GROWTH, PAIRS, DoseTable, descriptors_of
from sciml_datasets.candle_uno.doses import Doses
from sciml_datasets.candle_uno.responses import DESCRIPTORS, EXPRESSION, RESPONSE, Responses
from sciml_datasets.errors import InputError
from sciml_datasets.raw_format import RawFormat
from sciml_datasets.tfds_builder import Sciml

LAYOUTS = {"candle_uno_growth": GROWTH, "candle_uno_pairs": PAIRS}
"""Data sets of single doses; the others hold a measure of whole dose-response curves."""


class CandleUno(Sciml):
    """Responses of tumour cell lines to drugs, with gene expression of the cells and descriptors of the drugs."""

    name = "sciml"

    @property
    def layout(self) -> DoseTable | None:
        """Of the table of single doses."""
        return LAYOUTS.get(self.dataset.name)

    @property
    def supervised_keys(self) -> tuple[Any, Any]:
        """Doses where there are such, expression, descriptors; and the response."""
        layout = self.layout
        if layout is None:
            return (EXPRESSION, DESCRIPTORS), RESPONSE
        return (*layout.doses, EXPRESSION, *map(descriptors_of, layout.drugs)), "growth"

    def features(self) -> dict[str, Any]:
        """Feature connectors; cell and drug are canonical ids, vectors are joined when they are read."""
        import numpy as np
        from tensorflow_datasets import features

        from sciml_datasets.prepared.lookup import Lookup

        layout = self.layout
        drugs, numbers = (layout.drugs, ("growth", *layout.doses)) if layout else (("drug",), (RESPONSE,))
        return {
            "id": features.Text(),
            "source": features.Text(),
            "cell": features.Text(),
            **{drug: features.Text() for drug in drugs},
            EXPRESSION: Lookup(table=EXPRESSION),
            **{descriptors_of(drug): Lookup(table=DESCRIPTORS) for drug in drugs},
            **dict.fromkeys(numbers, np.float32),
        }

    def raw_format(self, **choices: str) -> RawFormat:
        """Tables of responses and of features, in one of several forms."""
        form, scaling = choices.get("form"), choices.get("scaling", "training")
        if self.layout is None:
            return Responses(form, scaling)
        if form not in (None, "A"):
            raise InputError(f"{self.dataset.name} has one raw form, the tables (A): leave --form {form} out")
        return Doses(self.layout, scaling)
