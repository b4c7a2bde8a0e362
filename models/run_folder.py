"""The run folder: config.yaml, result-1.txt (MLLOG), history.csv, predictions.h5, model.keras, plots, result.json."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from sciml_datasets.benchmarks import Benchmark
from sciml_datasets.errors import InputError
from sciml_datasets.metrics.convergence import time_to_convergence
from sciml_datasets.metrics.evaluator import Evaluator
from sciml_datasets.metrics.machine import EnergyMeter, hardware, software
from sciml_datasets.metrics.mllog import RunLog, commit_of
from sciml_datasets.metrics.results import make_result, write_result
from sciml_datasets.models.plots import plot_confusion, plot_history
from sciml_datasets.models.recipe import SETTINGS, Recipe

PACKAGES = ("sciml-datasets", "tensorflow", "keras", "tensorflow-datasets", "numpy")
TOLD = 3
"""Criteria that are printed after each epoch; ``history.csv`` has them all."""
CLOCKS = {"seconds": "seconds", "epochs": "epoch", "samples": "samples"}
"""What time to convergence is counted in, to its column of ``history.csv``."""


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
        self._log: RunLog | None = None

    def start(
        self,
        benchmark: Benchmark,
        name: str,
        manifest: dict[str, Any],
        recipe: Recipe,
        network: Any,
        seed: int,
        accelerators: Iterable[str],
        replicas: int,
    ) -> None:
        """Write the configuration and open the logs."""
        import yaml

        self._benchmark, self._samples = benchmark, 0
        self._model = {"name": network.name, "parameters": int(network.count_params())}
        self._seed = seed
        self._hardware, self._software = hardware(accelerators), software(PACKAGES)
        (self.folder / "plots").mkdir(parents=True, exist_ok=True)
        config = {
            "benchmark": benchmark.name,
            "dataset": name,
            "dataset_version": manifest["version"],
            "plan_digest": manifest["plan_digest"],
            "model": self._model["name"],
            "parameters": self._model["parameters"],
            "settings": {key: getattr(recipe, key) for key in SETTINGS},
            "seed": seed,
            "replicas": replicas,
            "software": self._software,
            "hardware": self._hardware,
        }
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        log = self._log = RunLog(self.folder / "result-1.txt")
        log.submission(
            benchmark=benchmark.name,
            version=self._software["sciml-datasets"],
            platform=", ".join(filter(None, (self._hardware["processor"], *self._hardware["accelerators"]))),
            commit=commit_of(Path.cwd()),
        )
        log.event("seed", seed)
        log.event("global_batch_size", recipe.batch_size)
        log.event("opt_base_learning_rate", recipe.learning_rate)
        log.start("run")
        self._energy, self._started = EnergyMeter(), time.perf_counter()
        self._history: list[dict[str, float]] = []

    def start_epoch(self, epoch: int) -> None:
        """Log that an epoch begins."""
        self._logged.start("epoch", epoch_num=epoch)

    def start_evaluation(self, epoch: int) -> None:
        """Log that the epoch's training is done and that it is scored on the validation split."""
        self._logged.stop("epoch", epoch_num=epoch)
        self._logged.start("eval", epoch_num=epoch)

    def epoch(self, epoch: int, epochs: int, samples: int, loss: float, scores: dict[str, float]) -> None:
        """Log one epoch: loss and scores on the validation split.

        Args:
            epoch: from 1.
            epochs: how many there will be.
            samples: seen in this epoch.
            loss: mean over the epoch.
            scores: by name; the benchmark's criteria are kept.
        """
        named = {c.name: scores[c.name] for c in self._benchmark.criteria if c.name in scores}
        seconds = time.perf_counter() - self._started
        before = self._history[-1]["seconds"] if self._history else 0.0
        self._samples += samples
        row = {"epoch": epoch, "loss": loss, **{f"validation_{key}": value for key, value in named.items()}}
        row |= {"samples": self._samples, "seconds": round(seconds, 3)}
        self._history.append(row)
        path = self.folder / "history.csv"
        with path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, row.keys())
            if epoch == 1:
                writer.writeheader()
            writer.writerow(row)
        self._energy.read()
        primary = self._benchmark.criteria[0].name
        self._logged.event("eval_accuracy", named[primary], epoch_num=epoch, criterion=primary)
        self._logged.stop("eval", epoch_num=epoch)
        text = "  ".join(f"{key} {value:.4f}" for key, value in (("loss", loss), *list(named.items())[:TOLD]))
        print(f"epoch {epoch}/{epochs}  {text}  {seconds - before:.1f} s", file=sys.stderr, flush=True)

    def write_predictions(self, count: int, predictions: Iterable[tuple[list[str], np.ndarray[Any, Any]]]) -> None:
        """Write ``predictions.h5``: /id and /prediction of ``count`` samples, batch by batch."""
        import h5py

        with h5py.File(self.folder / "predictions.h5", "w") as file:
            all_ids = file.create_dataset("id", (count,), h5py.string_dtype("utf-8"))
            done = 0
            for ids, values in predictions:
                if not done:
                    file.create_dataset("prediction", (count, *values.shape[1:]), values.dtype)
                part = slice(done, done + len(ids))
                all_ids[part], file["prediction"][part] = ids, values
                done += len(ids)

    def finish(self, evaluator: Evaluator, plan_digest: str, data_dir: str | Path | None) -> dict[str, Any]:
        """Draw the plots, close the logs and write ``result.json``."""
        total = time.perf_counter() - self._started
        trained = self._history[-1]["seconds"]
        result = make_result(
            evaluator,
            plan_digest,
            data_dir,
            model=self._model,
            seed=self._seed,
            hardware=self._hardware,
            software=self._software,
            durations={"training": trained, "scoring": round(total - trained, 3)},
            energy=self._energy.read(),
            convergence=self._convergence(),
        )
        self._logged.result(result)
        self._logged.stop("run", status="success")
        self.close()
        plot_history(self.folder / "history.csv", self.folder / "plots" / "history.png")
        if "confusion" in result["details"]:
            plot_confusion(result, self.folder / "plots" / "confusion.png")
        write_result(result, self.folder / "result.json")
        return result

    def close(self) -> None:
        """Close the logs; safe to call again."""
        if self._log:
            self._log.close()

    @property
    def _logged(self) -> RunLog:
        if self._log is None:
            raise RuntimeError("the run has not been started")
        return self._log

    def _convergence(self) -> dict[str, Any] | None:
        """When the criterion with a target first reached it on the validation split."""
        target = next((c for c in self._benchmark.criteria if c.target), None)
        if target is None or target.target is None:
            return None
        scores = [row.get(f"validation_{target.name}", float("nan")) for row in self._history]
        clocks = {name: [row[key] for row in self._history] for name, key in CLOCKS.items()}
        reached = time_to_convergence(scores, target.target.value, target.direction, clocks)
        return {"criterion": target.name, "target": target.target.value, "split": "validation", "reached": reached}
