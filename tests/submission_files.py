"""Run folders and submissions for tests, without training: predictions made of the truth, scored and logged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml

from sciml_datasets import Prepared
from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.metrics import Evaluator, make_result, write_result
from sciml_datasets.metrics.mllog import RunLog
from sciml_datasets.metrics.truth import Truth
from sciml_datasets.submissions import DataAtHand, Statement, submit
from sciml_datasets.submissions.check import Checked
from sciml_datasets.submissions.findings import Finding

REPOSITORY = "https://example.org/code"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
BENCHMARK_OF = {
    "stemdl_demo": "stemdl",
    "cloudmask_demo": "cloudmask",
    "candle_uno": "candle_uno",
    "candle_uno_demo": "candle_uno",
}


def at_hand(data_dir: Path) -> DataAtHand:
    return DataAtHand(data_dir)


def predictions(name: str, data_dir: Path, seed: int, right: float) -> tuple[list[str], np.ndarray]:
    """Ids of the test split and predictions of which about a share ``right`` is better than chance."""
    truth, rng = Truth(Prepared.open(name, data_dir), "test"), np.random.default_rng(seed)
    if name == "stemdl_demo":
        labels = truth.numbers("space_group").astype(int)
        values = rng.random((len(labels), 231), np.float32)
        known = rng.random(len(labels)) < right
        values[known, labels[known]] += 1
        return truth.ids, values
    if name.startswith("candle_uno"):
        responses = truth.numbers("response")
        return truth.ids, (responses + (1 - right) * rng.normal(size=len(responses))).astype(np.float32)
    masks = truth.features(np.arange(len(truth)), ("cloud",))[0].astype(np.float32)
    noise = rng.random(masks.shape, np.float32)
    return truth.ids, np.clip(masks * right + noise * (1 - right), 0, 1)


def make_run(
    folder: Path,
    data_dir: Path,
    *,
    name: str = "stemdl_demo",
    seed: int = 0,
    right: float = 0.5,
    given: tuple[Any, np.ndarray] | None = None,
) -> Path:
    """A run folder as `sciml train` leaves it; ids and predictions are made up where none are given."""
    folder.mkdir(parents=True)
    ids, values = given or predictions(name, data_dir, seed, right)
    with h5py.File(folder / "predictions.h5", "w") as file:
        file.create_dataset("id", data=ids, dtype=h5py.string_dtype("utf-8"))
        file.create_dataset("prediction", data=values, compression="gzip")
    evaluator = Evaluator(name, data_dir=data_dir)
    evaluator.update_from_file(folder / "predictions.h5")
    result = make_result(
        evaluator,
        model={"name": "small", "parameters": 1234},
        seed=seed,
        durations={"training": 12.5 + seed, "scoring": 0.5},
    )
    write_result(result, folder / "result.json")
    log = RunLog(folder / "result-1.txt")
    benchmark = BENCHMARKS[BENCHMARK_OF[name]]
    log.cache_clear(cleared=False)
    log.submission(benchmark=benchmark.rules_name, version=benchmark.version, platform="a laptop", commit=COMMIT)
    log.start("init")
    log.event("seed", seed)
    log.event("train_samples", len(Truth(Prepared.open(name, data_dir), "train")))
    log.event("eval_samples", len(Truth(Prepared.open(name, data_dir), "validation")))
    log.stop("init")
    log.start("run")
    for epoch in (1, 2):
        log.start("epoch", epoch_num=epoch)
        log.stop("epoch", epoch_num=epoch)
        log.event("eval_accuracy", 0.1 * epoch, epoch_num=epoch)
    log.result(result)
    log.stop("run", status="success")
    log.close()
    _begin_earlier(folder / "result-1.txt", 14 + seed)
    config = {
        "benchmark": BENCHMARK_OF[name],
        "dataset": name,
        "model": "small",
        "settings": {"epochs": 2, "batch_size": 8, "learning_rate": 0.001},
        "seed": seed,
        "software": {"sciml-datasets": "0.1.0"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def _begin_earlier(log: Path, seconds: int) -> None:
    """Let a run have taken as long as its result says."""
    lines = log.read_text().splitlines(keepends=True)
    for i, line in enumerate(lines[: next(i for i, line in enumerate(lines) if "epoch_start" in line)]):
        token, _, content = line.partition("{")
        fields = json.loads("{" + content)
        lines[i] = token + json.dumps(fields | {"time_ms": fields["time_ms"] - 1000 * seconds}) + "\n"
    log.write_text("".join(lines))


def make_submission(
    root: Path, runs: list[Path], descriptor: str = "first", *, update: bool = False, **said: Any
) -> Path:
    """A sound submission."""
    said = {"repository": REPOSITORY} | said
    return submit(runs, root, Statement("Example Lab", "laptop", descriptor, **said), update=update)


def make_written(root: Path, runs: list[Path], descriptor: str) -> None:
    """A sound submission with an author's texts where the templates ask for them."""
    folder = make_submission(root, runs, descriptor)
    for name in ("README.md", "scientific_contribution.md"):
        text = (folder / name).read_text()
        (folder / name).write_text(
            re.sub("<!-- .*? -->", "Nothing else is new or needed.", text, count=1, flags=re.DOTALL)
        )
    make_submission(root, runs, descriptor, update=True)


def beyond_texts(checked: Checked) -> list[Finding]:
    """The findings but for those on texts that are their templates', as those of all submissions here are."""
    return [finding for finding in checked.findings if finding.rule != "untouched"]


def change_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def change_yaml(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def update(root: Path, runs: list[Path], **said: Any) -> Path:
    return make_submission(root, runs, update=True, **said)
