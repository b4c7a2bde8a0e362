"""The run folder: config.yaml, result-1.txt (MLLOG), history.csv, predictions.h5, model.keras, plots, result.json."""

from __future__ import annotations

import csv
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from sciml_datasets.benchmarks import Benchmark
from sciml_datasets.errors import InputError
from sciml_datasets.metrics.evaluator import Evaluator
from sciml_datasets.metrics.results import make_result, write_result
from sciml_datasets.models.plots import plot_confusion, plot_history
from sciml_datasets.models.recipe import SETTINGS, Recipe


class RunFolder:
    """Writes everything that a training run leaves behind, ``result.json`` last.

    Args:
        folder: new or empty.

    Raises:
        InputError: the folder is in use.
    """

    def __init__(self, folder: Path) -> None:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} is not empty: choose another run folder with --out, or remove it")
        self.folder = folder
        self._log: Any = None

    def start(
        self,
        benchmark: Benchmark,
        name: str,
        manifest: dict[str, Any],
        recipe: Recipe,
        network: Any,
        seed: int,
        replicas: int,
    ) -> None:
        """Write the configuration and open the logs."""
        import yaml

        (self.folder / "plots").mkdir(parents=True, exist_ok=True)
        config = {
            "benchmark": benchmark.name,
            "dataset": name,
            "dataset_version": manifest["version"],
            "plan_digest": manifest["plan_digest"],
            "model": network.name,
            "parameters": int(network.count_params()),
            "settings": {key: getattr(recipe, key) for key in SETTINGS},
            "seed": seed,
            "replicas": replicas,
            "python": platform.python_version(),
            "software": {
                tool: version(tool) for tool in ("sciml-datasets", "tensorflow", "keras", "tensorflow-datasets")
            },
            "machine": {"processor": platform.machine(), "system": platform.system()},
        }
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        self._log = _mllog(self.folder / "result-1.txt")
        for key, value in {
            "submission_benchmark": benchmark.name,
            "submission_division": "open",
            "global_batch_size": recipe.batch_size,
            "opt_base_learning_rate": recipe.learning_rate,
            "seed": seed,
        }.items():
            self._log.event(key=key, value=value)
        self._log.start(key="run_start")

    def epoch(self, epoch: int, epochs: int, loss: float, scores: dict[str, float], seconds: float) -> None:
        """Log one epoch: loss, scores on the validation split, duration."""
        row = {"epoch": epoch, "loss": loss, **{f"validation_{key}": value for key, value in scores.items()}}
        path = self.folder / "history.csv"
        with path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [*row, "seconds"])
            if epoch == 1:
                writer.writeheader()
            writer.writerow(row | {"seconds": round(seconds, 3)})
        self._log.event(key="eval_accuracy", value=scores["top1_accuracy"], metadata={"epoch_num": epoch})
        text = "  ".join(f"{key} {value:.4f}" for key, value in row.items() if key != "epoch")
        print(f"epoch {epoch}/{epochs}  {text}  {seconds:.1f} s", file=sys.stderr, flush=True)

    def write_predictions(self, ids: Sequence[str], predictions: np.ndarray[Any, Any]) -> None:
        """Write ``predictions.h5``: /id and /prediction."""
        import h5py

        with h5py.File(self.folder / "predictions.h5", "w") as file:
            file.create_dataset("id", data=list(ids), dtype=h5py.string_dtype("utf-8"))
            file.create_dataset("prediction", data=predictions)

    def finish(self, evaluator: Evaluator, plan_digest: str) -> dict[str, Any]:
        """Draw the plots, close the logs and write ``result.json``."""
        result = make_result(evaluator, plan_digest)
        for row in result["criteria"]:
            self._log.event(key=row["name"], value=row["score"], metadata={"split": evaluator.split})
        self._log.end(key="run_stop", metadata={"status": "success"})
        self.close()
        plot_history(self.folder / "history.csv", self.folder / "plots" / "history.png")
        plot_confusion(result, self.folder / "plots" / "confusion.png")
        write_result(result, self.folder / "result.json")
        return result

    def close(self) -> None:
        """Close the logs; safe to call again."""
        for handler in self._log.logger.handlers if self._log else ():
            handler.close()


def _mllog(path: Path) -> Any:
    """An MLLOG logger (package mlperf-logging) that writes to ``path`` alone."""
    import logging

    from mlperf_logging.mllog.mllog import MLLogger

    logger = logging.Logger(f"sciml.{path}")
    logger.addHandler(logging.FileHandler(path))
    return MLLogger(logger)
