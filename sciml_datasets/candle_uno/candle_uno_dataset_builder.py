"""The TFDS declaration of the CANDLE-UNO data sets."""

from __future__ import annotations

from typing import Any

from sciml_datasets.candle_uno.raw import DESCRIPTORS, EXPRESSION, Responses
from sciml_datasets.samples import RawFormat
from sciml_datasets.sciml_dataset_builder import Sciml


class CandleUno(Sciml):
    """Responses of tumour cell lines to drugs, with gene expression of the cells and descriptors of the drugs."""

    name = "sciml"
    supervised_keys = ((EXPRESSION, DESCRIPTORS), "auc")

    def features(self) -> dict[str, Any]:
        """Feature connectors; cell and drug are canonical ids, vectors are joined when they are read."""
        import numpy as np
        from tensorflow_datasets import features

        from sciml_datasets.lookup import Lookup

        return {
            "id": features.Text(),
            "source": features.Text(),
            "cell": features.Text(),
            "drug": features.Text(),
            EXPRESSION: Lookup(table=EXPRESSION),
            DESCRIPTORS: Lookup(table=DESCRIPTORS),
            "auc": np.float32,
        }

    def raw_format(self, **choices: str) -> RawFormat:
        """Tables of responses and of features, in one of several forms."""
        return Responses(choices.get("form"), choices.get("scaling", "training"))
