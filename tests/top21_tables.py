"""Joined features of the prebuilt file of CANDLE-UNO, as they are read and as they are expected."""

from __future__ import annotations

import numpy as np
from uno_files import (
    Frames,
)

from sciml_datasets.candle_uno.forms.tables import Tables


def joined(tables: Tables) -> dict[str, np.ndarray]:
    """Features of all responses, as the file has them."""
    return {
        number: features.values[[features.ids.index(key) for key in tables.responses[name].to_pylist()]]
        for number, name, features in (("0", "cell", tables.cells), ("1", "drug", tables.drugs))
    }


def expected(content: Frames, key: str) -> np.ndarray:
    """The frames of the three splits, one below the other."""
    columns = [np.stack([*content[key.format(split)].values()], axis=1) for split in ("train", "val", "test")]
    return np.concatenate(columns)
