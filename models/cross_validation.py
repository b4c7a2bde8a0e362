"""Cross-validation: one run for each fold of a data set, and their scores in one table."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.files import atomic
from sciml_datasets.files.documents import read_object
from sciml_datasets.messages import inform
from sciml_datasets.metrics.cross_validation import fold_summary, fold_table
from sciml_datasets.metrics.results import read_result
from sciml_datasets.models.training import train
from sciml_datasets.paths import path_of
from sciml_datasets.prepared.prepared import Prepared
from sciml_datasets.splits.groups import ROW

FOLDS = "folds.json"
TABLE = "folds.txt"
PLAN = "cross-validation.json"
"""File that says what is cross-validated, so that folds of two trials are not mixed."""


def cross_validate(
    name: str,
    k: int,
    by: str = ROW,
    data_dir: str | Path | None = None,
    out_dir: str | Path = "run",
    model: Any = None,
    strategy: str = "auto",
    seed: int = 0,
    **settings: Any,
) -> dict[str, Any]:
    """Train on each of k folds and score on what it holds out; folds that are done are not done again.

    Args:
        name: name of the data set.
        k: number of folds, at least 2.
        by: what a fold keeps together: ``row``, or a name of `sciml_datasets.benchmarks.Benchmark.groupings`.
        data_dir: folder of prepared data sets; default as in TFDS.
        out_dir: gets a run folder ``fold-<i>`` for each fold, ``folds.json`` and ``folds.txt``.
        model, strategy, seed, settings: as for `sciml_datasets.models.train`.

    Returns:
        The content of ``folds.json``, see `sciml_datasets.metrics.cross_validation.fold_summary`.

    Raises:
        InputError: as for `sciml_datasets.models.train`, or the folder holds other folds.

    Example:
        >>> from sciml_datasets.models import cross_validate
        >>> settings = {"epochs": 1, "xla": "off"}
        >>> summary = cross_validate("candle_uno_demo", k=2, by="cell", data_dir="data", out_dir="folds", **settings)
        >>> summary["criteria"][0]["name"], len(summary["folds"])
        ('mse', 2)
    """
    if strategy == "multiworker":
        raise InputError("--fold all: several workers train one fold at a time: start a job for each, with --fold 1/K")
    out = path_of(out_dir, "out_dir")
    named = model if isinstance(model, str) or model is None else getattr(model, "name", getattr(model, "__name__", ""))
    plan = {"dataset": name, "folds": k, "by": by, "model": named, "seed": seed, "settings": settings}
    Prepared.open(name, data_dir).folds(k, by)  # or it cannot be, and nothing is left
    _open(out, json.loads(json.dumps(plan, default=str)))
    results = []
    for number in range(1, k + 1):
        folder = out / f"fold-{number}"
        if (folder / "result.json").is_file():
            results.append(read_result(folder / "result.json", f"remove {folder} to train this fold again"))
            continue
        inform(f"fold {number}/{k} by {by}")
        partition = f"fold {number}/{k} by {by}"
        results.append(train(name, data_dir, folder, model, strategy, seed, partition=partition, **settings))
        _forget_networks()
    found = fold_summary(results, by)
    for file, text in ((FOLDS, json.dumps(found, indent=1)), (TABLE, fold_table(found))):
        atomic.write_text(out / file, text + "\n")
    return found


def _open(out: Path, plan: dict[str, Any]) -> None:
    """Make the folder, or make sure that the folds in it are of the same plan."""
    path = out / PLAN
    if path.is_file():
        before = read_object(path, "what is cross-validated", "choose another folder with --out", {"settings": dict})
        old, new = ({**some, **some.get("settings", {})} for some in (before, plan))
        keys = sorted({*old, *new} - {"settings"})
        changed = [f"{key} {old.get(key)}, not {new.get(key)}" for key in keys if old.get(key) != new.get(key)]
        if changed:
            raise InputError(
                f"{out} holds folds of {'; '.join(changed)}: start with the same flags to go on, or choose another "
                "folder with --out"
            )
        return
    begun = {left for left, _ in atomic.leftovers(out, [PLAN])}  # of a run that was killed before it had a plan
    if out.exists() and (not out.is_dir() or any(left not in begun for left in out.iterdir())):
        raise InputError(f"{out} is not empty: choose another folder with --out, or remove it")
    out.mkdir(parents=True, exist_ok=True)
    atomic.write_text(path, json.dumps(plan, indent=1) + "\n")


def _forget_networks() -> None:
    """Keras keeps every network of a process otherwise."""
    import keras

    keras.backend.clear_session()


def fold_of(text: str) -> tuple[int | None, int]:
    """``2/5`` as (2, 5), and ``all/5`` as (None, 5).

    Raises:
        InputError: it has another form.
    """
    found = re.fullmatch(r"(all|[1-9]\d*)/([1-9]\d*)", text)
    if not found or (found[1] != "all" and int(found[1]) > int(found[2])) or int(found[2]) < 2:
        raise InputError(f"--fold {text}: expected I/K, as in 2/5, or all/K, with K at least 2 and I from 1 to K")
    return None if found[1] == "all" else int(found[1]), int(found[2])
