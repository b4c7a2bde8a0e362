"""The common content of all raw forms of CANDLE-UNO: responses, and one feature table each for cells and for drugs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.candle_uno.measures import AUC, Measure
from sciml_datasets.scaling import Moments, moments

if TYPE_CHECKING:
    import pyarrow as pa


LEFT_OUT = "left-out.tsv"
"""File with the responses that were left out."""


@dataclass(frozen=True)
class FeatureTable:
    """One vector of features for each cell line or each drug.

    Attributes:
        ids: (rows,) ids as responses name them, each once; several may be aliases of one cell line or drug.
        columns: (features,) names: gene symbols, descriptors.
        values: (rows, features) float32, NaN where the source has none.
        scaled: whether the source has scaled them already, so that they are kept as they are.
        everything: finds the moments of all rows of the source, where they are more than these.
    """

    ids: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[np.float32]
    scaled: bool = False
    everything: Callable[[], Moments] | None = None

    def of_everything(self) -> Moments:
        """The moments of all rows of the source."""
        return self.everything() if self.everything else moments(self.values)


@dataclass(frozen=True)
class Tables:
    """One raw form, read whole.

    Attributes:
        responses: one row for each response whose cell and drug have features, with the columns ``id`` (unique),
            ``source``, ``cell``, ``drug`` (ids of the feature tables, text), ``response`` (float32) and ``split``
            (train, validation or test where the form gives official splits, else empty). A form that gives further
            partitions has a column more for each, with the same words; see `improve_splits.given`.
        cells: gene expression.
        drugs: descriptors or fingerprints.
        left_out: reason in words to the number of responses that were left out for it, and of contradictions found.
        measure: measure of the responses.
        omitted: ``id``, ``source``, ``cell``, ``drug`` and ``reason`` of the responses that `joining.join` left out.
        omics: further features of cells by name, which every response has.
    """

    responses: pa.Table
    cells: FeatureTable
    drugs: FeatureTable
    left_out: Mapping[str, int] = field(default_factory=dict)
    measure: Measure = AUC
    omitted: pa.Table | None = None
    omics: Mapping[str, FeatureTable] = field(default_factory=dict)

    def listed(self) -> str:
        """The responses that were left out, as tab-separated text."""
        header = ("id", "source", "cell", "drug", "reason")
        rows = zip(*(self.omitted[name].to_pylist() for name in header), strict=True) if self.omitted else ()
        return "".join("\t".join(row) + "\n" for row in (header, *rows))
