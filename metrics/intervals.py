"""95 % intervals of scores by the bootstrap over groups: samples of one crystal, pass or cell line are alike, so that
drawing samples one by one would make intervals too narrow.

Each group is drawn with replacement and its samples enter as often (Efron & Tibshirani 1993, An Introduction to the
Bootstrap, chapter 8). Where samples belong to two groupings at once, cell line and drug, each is drawn by itself and
the numbers are multiplied: the pigeonhole bootstrap (Owen 2007, doi:10.1214/07-AOAS122). Interval ends are percentiles
of the scores of the resamples; as the seed is fixed, they follow from predictions and groups alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
LEVEL = 0.95
MOST_SAMPLES = 1_000_000
"""Of a split that is resampled: of more it would take minutes, and intervals would be narrow."""
METHOD = "percentile bootstrap over groups"
Members = Mapping[str, NDArray[np.int64]]


def intervals(score: Callable[[NDArray[np.int64]], Mapping[str, float]], members: Members) -> dict[str, Any] | None:
    """The intervals of a result.

    Args:
        score, members: as `resampled_scores` takes them.

    Returns:
        ``method``, ``level``, ``resamples``, ``groups`` (number by grouping) and ``scores`` (name to the low and the
        high end, of scores that are defined in resamples); None where `resampled_scores` gives None.
    """
    drawn = resampled_scores(score, members)
    if drawn is None:
        return None
    ends = 50 * (1 - LEVEL), 50 * (1 + LEVEL)
    found = {}
    for name, values in sorted(drawn.items()):
        values = values[np.isfinite(values)]
        if len(values) > LEVEL * RESAMPLES:
            found[name] = np.percentile(values, ends).tolist()
    groups = {name: int(of.max()) + 1 for name, of in members.items()}
    return {"method": METHOD, "level": LEVEL, "resamples": RESAMPLES, "groups": groups, "scores": found}


def resampled_scores(
    score: Callable[[NDArray[np.int64]], Mapping[str, float]], members: Members
) -> dict[str, NDArray[np.float64]] | None:
    """The scores of each resample; those of two predictors on one split come from the same resamples.

    Args:
        score: from (N,) int64, how often each sample counts, to scores by name.
        members: grouping to (N,) int64, the group of each sample, each number from 0 to the largest used.

    Returns:
        name to (RESAMPLES,) scores, NaN where one is not defined; None for a grouping of one group, which has no
        spread, and for more than MOST_SAMPLES.
    """
    sizes = [int(of.max()) + 1 for of in members.values()]
    if min(sizes) < 2 or len(next(iter(members.values()))) > MOST_SAMPLES:
        return None
    drawn = [score(weights) if weights.any() else {} for weights in resamples(list(members.values()))]
    return {name: np.array([scores.get(name, np.nan) for scores in drawn], np.float64) for name in set().union(*drawn)}


def resamples(members: Sequence[NDArray[np.int64]], number: int = RESAMPLES) -> Any:
    """Yield (N,) int64, how often each sample counts, for each resample; ``members`` as in `intervals`, in order."""
    rng = np.random.Generator(np.random.PCG64(0))
    sizes = [int(of.max()) + 1 for of in members]
    for _ in range(number):
        weights = np.ones(len(members[0]), np.int64)
        for of, size in zip(members, sizes, strict=True):
            weights *= np.bincount(rng.integers(size, size=size), minlength=size)[of]
        yield weights


def group_numbers(names: Sequence[str], ids: Sequence[str]) -> NDArray[np.int64]:
    """(N,) the group of each sample, in the order of the groups' names; a sample whose group is not told, an empty
    name, is one by itself."""
    own = [f"group {name}" if name else f"sample {key}" for name, key in zip(names, ids, strict=True)]
    return np.unique(own, return_inverse=True)[1].astype(np.int64)
