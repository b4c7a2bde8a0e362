"""What every raw form of CANDLE-UNO comes down to: responses, and one feature table each for cells and for drugs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class FeatureTable:
    """One vector of features for each cell line or each drug.

    Attributes:
        ids: (rows,) canonical ids, each once.
        columns: (features,) names: gene symbols, descriptors.
        values: (rows, features) float32, NaN where the source has none.
    """

    ids: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[np.float32]


@dataclass(frozen=True)
class Tables:
    """One raw form, read whole.

    Attributes:
        responses: one row for each response whose cell and drug have features, with the columns ``id`` (unique),
            ``source``, ``cell``, ``drug`` (canonical ids, text), ``auc`` (float32) and ``split`` (train, validation or
            test where the form gives official splits, else empty).
        cells: gene expression.
        drugs: descriptors or fingerprints.
        scaled: whether the features are imputed and scaled in the source already, and are to be kept as they are.
        left_out: reason in words to the number of responses that were left out for it, and of contradictions found.
    """

    responses: pa.Table
    cells: FeatureTable
    drugs: FeatureTable
    scaled: bool = False
    left_out: Mapping[str, int] = field(default_factory=dict)
