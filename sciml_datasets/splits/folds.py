"""k folds that keep groups together: all samples of a cell line, of a drug, of a study."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from sciml_datasets.errors import InputError, whole
from sciml_datasets.splits.groups import ROW, Groups

FOLD = re.compile(r"fold (\d+)/(\d+) by (\w+)")
"""Name of a fold among partitions, counted from 1: ``fold 2/5 by cell``."""
MONITORED = 10
"""Number of parts of the groups that a fold does not hold out, one of which is its validation part."""


def fold_ids(
    ids: Sequence[str], groups_of: Sequence[Groups], k: int, by: str = ROW, seed: int = 0
) -> list[tuple[list[str], list[str]]]:
    """Divide samples into k folds.

    Groups are sorted by the SHA-256 of seed and group, and dealt to the folds in turn: the numbers of groups differ by
    one at most. A sample of several groups, for example of two drugs, is held out where a fold has all of them, trained
    on where the fold has none, and otherwise left out.

    Args:
        ids: (N,) ids of the samples.
        groups_of: (N,) the groups of each sample.
        k: number of folds, at least 2.
        by: name of the grouping, for messages.
        seed: seed of the order in which groups are dealt.

    Returns:
        The ids to train on and the ids that are held out, for each fold.

    Raises:
        InputError: there are fewer groups than folds.
    """
    k = whole(k, "folds", 2)
    combinations = set(groups_of)
    distinct = {group for own in combinations for group in own}
    if len(distinct) < k:
        raise InputError(f"{k} folds by {by}: there are only {len(distinct)} groups, choose fewer folds")
    ordered = sorted(distinct, key=lambda group: hashlib.sha256("\t".join((str(seed), *group)).encode()).digest())
    fold_of = {group: place % k for place, group in enumerate(ordered)}
    folds_of = {own: {fold_of[group] for group in own} for own in combinations}
    numbers = [folds_of[own] for own in groups_of]
    return [
        (
            [key for key, those in zip(ids, numbers, strict=True) if fold not in those],
            [key for key, those in zip(ids, numbers, strict=True) if those == {fold}],
        )
        for fold in range(k)
    ]


def fold_parts(ids: Sequence[str], groups_of: Sequence[Groups], number: int, k: int, by: str) -> dict[str, list[str]]:
    """The ids of train, validation and test of one fold: the test part is held out, and the validation part is a tenth
    of the other groups.

    Args:
        ids, groups_of, k, by: as in `fold_ids`.
        number: number of the fold, from 1.

    Raises:
        InputError: as `fold_ids`.
    """
    rest, test = fold_ids(ids, groups_of, k, by)[number - 1]
    of_id = dict(zip(ids, groups_of, strict=True))
    some = [of_id[key] for key in rest]
    train, validation = fold_ids(rest, some, min(MONITORED, len(set().union(*some))), by)[0]
    return {"train": train, "validation": validation, "test": test}
