"""Sums over pairs of truth and prediction, from which mean errors, Pearson's r and R2 follow.

The sums of squares and products are exact, so that no digits are lost when the square of the mean is subtracted,
however far the values are from zero; batching, order and workers change only the rounding of a batch's own spread.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sciml_datasets.metrics.array_formats import Format, checked
from sciml_datasets.metrics.exact_sums import (
    DIGITS,
    LARGEST,
    LOWEST,
    Digits,
    Floats,
    add_exactly,
    exact_product,
    exact_sums,
    integers,
)
from sciml_datasets.metrics.state import Additive, counts

NUM_SUMS = 7
T, P, TT, PP, TP, SQUARED, ABSOLUTE = range(NUM_SUMS)
"""Rows of the sums of t, p, t^2, p^2, t p, (t - p)^2 and |t - p|."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """Statistics from `PairedMoments`, (K,) float64 each, of the K groups with samples.

    Attributes:
        samples: number of samples.
        mse, mae: mean squared and mean absolute error.
        truth_squares: sum of t^2.
        truth_spread: sum of (t - mean t)^2, exactly 0 where truth is constant.
        r2: 1 - sum (t - p)^2 / sum (t - mean t)^2; NaN for constant truth.
        pearson: Pearson's r, -1 to 1; NaN where truth or prediction is constant.
    """

    samples: Floats
    mse: Floats
    mae: Floats
    truth_squares: Floats
    truth_spread: Floats
    r2: Floats
    pearson: Floats


@dataclass(eq=False)
class PairedMoments(Additive):
    """Exact sums of each group of samples.

    Attributes:
        num_groups: number of groups; groups are integers from 0.
        samples: (num_groups,) int64 number of samples of each group.
        total: (NUM_SUMS, num_groups, DIGITS) int64 sums, see `sciml_datasets.metrics.exact_sums`.
    """

    num_groups: int = 1
    samples: NDArray[np.int64] = field(init=False)
    total: Digits = field(init=False)

    def __post_init__(self) -> None:
        self.samples, self.total = counts(self.num_groups), exact_sums(NUM_SUMS, self.num_groups)

    def update(self, truth: Floats, prediction: Floats, groups: NDArray[np.int64] | None = None) -> None:
        """Add samples, (N,) each, as `paired` returns them; without groups all belong to group 0."""
        if not len(truth):
            return
        starts: NDArray[np.int64] = np.zeros(1, np.int64)
        members = starts
        if groups is not None:
            order = np.argsort(groups, kind="stable")
            groups, truth, prediction = groups[order], truth[order], prediction[order]
            starts = np.flatnonzero(np.diff(groups, prepend=-1))
            members = groups[starts]
        sizes = np.diff(starts, append=len(truth))
        # A batch is summed about its own mean, so that rounding is relative to its spread, and moved back exactly.
        t_mean, t = _centred(truth, starts, sizes)
        p_mean, p = _centred(prediction, starts, sizes)
        error = truth - prediction
        n = sizes.astype(np.float64)

        def of_batch(values: Floats) -> Floats:
            return np.asarray(np.add.reduceat(values, starts))

        t_rest, p_rest = of_batch(t), of_batch(p)
        terms = np.zeros((9, NUM_SUMS, len(members)))
        terms[:3, T] = *exact_product(n, t_mean), t_rest
        terms[:3, P] = *exact_product(n, p_mean), p_rest
        terms[:, TT] = _moved(n, t_mean, t_rest, t_mean, t_rest, of_batch(t * t))
        terms[:, PP] = _moved(n, p_mean, p_rest, p_mean, p_rest, of_batch(p * p))
        terms[:, TP] = _moved(n, t_mean, t_rest, p_mean, p_rest, of_batch(t * p))
        terms[0, SQUARED], terms[0, ABSOLUTE] = of_batch(error * error), of_batch(np.abs(error))
        rows = self.num_groups * np.arange(NUM_SUMS)[:, None] + members
        add_exactly(self.total.reshape(-1, DIGITS), rows, terms)
        self.samples[members] += sizes

    def statistics(self) -> Statistics:
        """The statistics that follow from the sums.

        Raises:
            ValueError: no samples were added.
        """
        some = self.samples > 0
        if not some.any():
            raise ValueError("no samples were added: call update first")
        n = self.samples[some].astype(object)
        t, p, tt, pp, tp, squared, absolute = integers(self.total[:, some])
        one = 1 << -LOWEST

        def spread(a: NDArray[np.object_], b: NDArray[np.object_], ab: NDArray[np.object_]) -> Floats:
            return np.asarray((n * ab * one - a * b) / (n * one * one), np.float64)

        # The rounding of a batch's spread may leave a negative remainder.
        truth, prediction = spread(t, t, tt).clip(0), spread(p, p, pp).clip(0)
        return Statistics(
            samples=n.astype(np.float64),
            mse=np.asarray(squared / (n * one), np.float64),
            mae=np.asarray(absolute / (n * one), np.float64),
            truth_squares=np.asarray(tt / one, np.float64),
            truth_spread=truth,
            r2=1 - ratio(np.asarray(squared / one, np.float64), truth),
            pearson=ratio(spread(t, p, tp), np.sqrt(truth * prediction)).clip(-1, 1),
        )


def _centred(values: Floats, starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """A number near the mean of each run of values, and the values less the number of their run: 0 where all are
    equal."""
    mean = np.add.reduceat(values, starts) / sizes
    mean = mean.clip(np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts))
    return mean, values - np.repeat(mean, sizes)


def _moved(n: Floats, a: Floats, a_rest: Floats, b: Floats, b_rest: Floats, products: Floats) -> tuple[Floats, ...]:
    """The terms of the sum of (a + da)(b + db) over n samples, from the sums of da, of db and of their products."""
    high, low = exact_product(a, b)
    return (
        *exact_product(n, high),
        *exact_product(n, low),
        *exact_product(a, b_rest),
        *exact_product(b, a_rest),
        products,
    )


def paired(truth: ArrayLike, prediction: ArrayLike, shape: tuple[int, ...] = ()) -> tuple[Floats, Floats]:
    """Truth and prediction (N, *shape) as float64.

    Raises:
        InputError: the shapes differ or are not (N, *shape), or a value is no number of the size of float32.
    """
    form = Format("values", shape, "biuf", -LARGEST, LARGEST)
    true = checked("truth", truth, form)
    return true.astype(np.float64), checked("prediction", prediction, form, count=len(true)).astype(np.float64)


def ratio(part: Floats, whole: Floats) -> Floats:
    """Elementwise part / whole, NaN where whole is 0: undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(whole) != 0, np.divide(part, whole), np.nan)
