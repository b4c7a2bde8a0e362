"""Folds, parts and examples of a prepared data set by its name; to use several of them open it once (`Prepared`)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sciml_datasets.prepared.prepared import Prepared, Subset
from sciml_datasets.splits.groups import ROW


def folds(
    name: str, k: int, by: str = ROW, seed: int = 0, data_dir: str | Path | None = None
) -> list[tuple[list[str], list[str]]]:
    """Divide all samples of a data set, those of all splits, into k folds.

    Groups are sorted by the SHA-256 of seed and group, and dealt to the folds in turn: the numbers of groups differ by
    one at most. A sample of several groups, for example of two drugs, is held out where a fold has all of them, trained
    on where the fold has none, and otherwise left out.

    Args:
        name: name of the data set.
        k: number of folds, at least 2.
        by: grouping that a fold keeps together: ``row``, or a name of `Benchmark.groupings`.
        seed: seed of the order in which groups are dealt.
        data_dir: folder of prepared data sets; default as in TFDS.

    Returns:
        The ids to train on and the ids to validate on, for each fold.

    Raises:
        InputError: the data set is not prepared or has no such grouping, or there are fewer groups than folds.

    Example:
        >>> import sciml_datasets
        >>> for train, held_out in sciml_datasets.folds("candle_uno_demo", k=3, by="cell", data_dir="data"):
        ...     print(set(train) & set(held_out))
        set()
        set()
        set()
    """
    return Prepared.open(name, data_dir).folds(k, by, seed)


def parts(name: str, split: str, data_dir: str | Path | None = None) -> dict[str, list[str]]:
    """The ids of train, validation and test of a split by name; samples that it leaves out are in none of them.

    Args:
        name: name of the data set.
        split: name of the split, for example ``cell_blind``.
        data_dir: folder of prepared data sets; default as in TFDS.

    Raises:
        InputError: the data set is not prepared, or has no such split.

    Example:
        >>> import sciml_datasets
        >>> list(sciml_datasets.parts("candle_uno_demo", "cell_blind", data_dir="data"))
        ['train', 'validation', 'test']
    """
    return Prepared.open(name, data_dir).parts(split)


def examples(name: str, ids: Iterable[str], data_dir: str | Path | None = None) -> Subset:
    """The examples with these ids, as `folds` and `parts` return them, in their order; nothing is read yet.

    Args:
        name: name of the data set.
        ids: ids of examples of the data set.
        data_dir: folder of prepared data sets; default as in TFDS.

    Raises:
        InputError: the data set is not prepared, or has no example of an id.

    Example:
        >>> import sciml_datasets
        >>> ids = sciml_datasets.parts("candle_uno_demo", "cell_blind", data_dir="data")["train"][:8]
        >>> train = sciml_datasets.examples("candle_uno_demo", ids, data_dir="data")
        >>> len(train), train[0]["gene_expression"].dtype
        (8, dtype('float32'))
    """
    return Prepared.open(name, data_dir).examples(ids)
