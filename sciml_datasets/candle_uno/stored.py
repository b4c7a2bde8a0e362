"""Feature tables as they are stored: imputed and scaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.candle_uno.forms.tables import FeatureTable
from sciml_datasets.scaling import FITTED_ANEW, IMPUTED, STANDARDISED, imputed, moments, standardised


@dataclass(frozen=True)
class StoredTable:
    """A feature table as it is stored beside the records.

    Attributes:
        values: (rows, columns) imputed, and standardised unless the source has scaled them.
        missing: (rows, columns) whether a value is imputed.
        how: description of the scaling in words.
        refitted: what is fitted again for another partition, see `sciml_datasets.scaling.refitted`; "" for nothing.
    """

    values: NDArray[np.float32]
    missing: NDArray[np.bool_]
    how: str
    refitted: str

    @classmethod
    def of(cls, table: FeatureTable, scaling: str, training: NDArray[np.int64]) -> StoredTable:
        """A table, scaled.

        Args:
            table: table of features.
            scaling: a value of the choice of this name.
            training: rows of the table that the training split has.
        """
        everything = scaling == "all"
        fitted = table.of_everything() if everything else moments(table.values[training])
        missing = np.isnan(table.values)
        if table.scaled:
            refitted = IMPUTED if missing.any() and not everything else ""
            how = f"scaled in the source; missing values are the mean of {scaling} entities"
            return cls(imputed(table.values, fitted), missing, how, refitted)
        how = f"mean 0, standard deviation 1 over {scaling} entities; missing values are their mean"
        return cls(standardised(table.values, fitted), missing, how, "" if everything else STANDARDISED)


def scaling_metadata(tables: Mapping[str, StoredTable]) -> dict[str, dict[str, str]]:
    """Metadata of feature tables: how they were scaled, and what of it is fitted again for other partitions."""
    return {
        "scaling": {name: table.how for name, table in tables.items()},
        FITTED_ANEW: {name: table.refitted for name, table in tables.items() if table.refitted},
    }
