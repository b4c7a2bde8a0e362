"""Imputation by the mean and standardisation of feature tables: pure functions, fitted on the rows that are chosen.

The reference fits on all entities of its files, those of the test split included. This project fits on the entities of
the training split, unless the way of the reference is chosen by name.

Source of the reference's chain: ECP-CANDLE/Benchmarks, Pilot1/Uno/uno_data.py (``impute_and_scale``): mean imputation,
then scikit-learn's StandardScaler; columns without any value become 0.

A table is stored as fitted on the canonical training split, with a record of the values that were missing: for training
on another partition it is fitted again, so that samples held out take no part (`refitted`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FITTED_ANEW = "fitted_anew"
"""Name of the fact of a prepared data set that lists the tables to fit again, and what of each is fitted."""
STANDARDISED = "mean, standard deviation and missing values, for each other partition that is trained on"
IMPUTED = "missing values, for each other partition that is trained on"
"""Description of what is fitted again of a table that is stored standardised, and of one that its source has scaled."""
CONSTANT = 10 * np.finfo(np.float64).eps
"""Standard deviation, relative to the mean, up to which a column counts as constant: it is due to rounding."""


@dataclass(frozen=True)
class Moments:
    """Count, mean and spread of each column over rows that may have been added in parts.

    Attributes:
        rows: number of rows.
        count: (columns,) number of values that are not missing.
        mean: (columns,) mean of these values; 0 where there are none.
        squares: (columns,) sum of their squared distances to the mean.
    """

    rows: int
    count: NDArray[np.float64]
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]

    def __add__(self, other: Moments) -> Moments:
        """The moments of both sets of rows together (Chan, Golub and LeVeque 1979, Stanford STAN-CS-79-773)."""
        count = self.count + other.count
        share = other.count / np.maximum(count, 1)
        apart = other.mean - self.mean
        squares = self.squares + other.squares + apart**2 * self.count * share
        return Moments(self.rows + other.rows, count, self.mean + apart * share, squares)

    @property
    def deviation(self) -> NDArray[np.float64]:
        """(columns,) standard deviation after imputation by the mean; 1 where a column is constant."""
        found = np.sqrt(self.squares / max(self.rows, 1))
        return np.where(found <= CONSTANT * np.abs(self.mean), 1.0, found)


def moments(values: NDArray[np.float32]) -> Moments:
    """The moments of (rows, columns) values, which are NaN where missing."""
    wide = values.astype(np.float64)
    present = ~np.isnan(wide)
    count = present.sum(axis=0).astype(np.float64)
    mean = np.where(present, wide, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(present, wide - mean, 0.0) ** 2
    return Moments(len(values), count, mean, squares.sum(axis=0))


def standardised(values: NDArray[np.float32], fitted: Moments) -> NDArray[np.float32]:
    """(rows, columns) imputed and standardised values: mean 0 and standard deviation 1 over the fitted rows."""
    return np.asarray(np.nan_to_num((values - fitted.mean) / fitted.deviation, nan=0.0), np.float32)


def imputed(values: NDArray[np.float32], fitted: Moments) -> NDArray[np.float32]:
    """(rows, columns) values, with the fitted mean in place of missing ones."""
    return np.asarray(np.where(np.isnan(values), fitted.mean, values), np.float32)


def refitted(
    table: NDArray[np.float32], missing: NDArray[np.bool_], rows: NDArray[np.int64], what: str
) -> NDArray[np.float32]:
    """A stored table fitted on other rows: up to rounding, the table as if it had been fitted on them at first.

    Standardising does not depend on shift and scale of its input, so that the first standardisation has no effect.

    Args:
        table: (rows, columns) the stored table.
        missing: (rows, columns) whether a value of it is imputed.
        rows: numbers of the rows to fit on, each once.
        what: what is fitted: STANDARDISED or IMPUTED.
    """
    values = np.where(missing, np.float32(np.nan), table)
    fitted = moments(values[rows])
    return standardised(values, fitted) if what == STANDARDISED else imputed(values, fitted)
