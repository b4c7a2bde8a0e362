"""The run folder: config.yaml, result-1.txt (MLLOG), history.csv, predictions.h5, model.keras, plots, result.json."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sciml_datasets.benchmark import Benchmark, Criterion
from sciml_datasets.errors import InputError
from sciml_datasets.files import atomic
from sciml_datasets.files.documents import read_yaml
from sciml_datasets.metrics.convergence import time_to_convergence
from sciml_datasets.metrics.evaluator import Evaluator
from sciml_datasets.metrics.machine import EnergyMeter, hardware, software
from sciml_datasets.metrics.mllog import RunLog, commit_of
from sciml_datasets.metrics.results import make_result, write_result
from sciml_datasets.metrics.score_text import score_text
from sciml_datasets.models.checkpoints import Progress
from sciml_datasets.models.plots import plot_confusion, plot_history
from sciml_datasets.models.run_lock import Claim

PACKAGES = ("sciml-datasets", "tensorflow", "keras", "tensorflow-datasets", "numpy")
TOLD = 3
"""Criteria that are printed after each epoch; ``history.csv`` has them all."""
CLOCKS = {"seconds": "seconds", "epochs": "epoch", "samples": "samples"}
"""What time to convergence is counted in, to its column of ``history.csv``."""


class RunFolder:
    """Writes everything that a training run leaves behind, ``result.json`` last.

    Args:
        folder: new, empty, or of an unfinished run.
        tensorboard: whether the history is also written as event files.
    """

    def __init__(self, folder: Path, *, tensorboard: bool = False) -> None:
        self.folder = folder
        self._claim = Claim(folder)
        self._log: RunLog | None = None
        self._with_events, self._events = tensorboard, None

    @property
    def checkpoint(self) -> Path:
        """Where the state of an unfinished run is kept."""
        return self.folder / "checkpoint.npz"

    @property
    def best(self) -> Path:
        """Where the weights of the best epoch are kept while a run may still get worse."""
        return self.folder / "best.npz"

    def check(self) -> None:
        """Make sure that a run can be written here.

        Raises:
            InputError: the folder is in use.
        """
        folder = self.folder
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            return
        if not (folder / "config.yaml").is_file() or (folder / "result.json").exists():
            raise InputError(f"{folder} is not empty: choose another run folder with --out, or remove it")

    def goes_on(self, config: dict[str, Any]) -> bool:
        """Whether a checkpoint of the same run is here.

        Args:
            config: of the run.

        Raises:
            InputError: an unfinished run with another configuration is here, or one that goes on in another process.
        """
        path = self.folder / "config.yaml"
        if not path.is_file():
            return False
        before = read_yaml(path, "the configuration of a run", "choose another run folder, or remove this one")
        flat, flat_before = _flat(config), _flat(before)
        changed = [key for key, value in flat.items() if flat_before.get(key) != value]
        if changed:
            raise InputError(
                f"{self.folder} holds an unfinished run with another {', '.join(changed)}: start with the same flags "
                "to go on, or choose another run folder with --out"
            )
        self._claim.take()
        return self.checkpoint.is_file()

    def begin(self, benchmark: Benchmark, accelerators: Iterable[str], processes: int) -> None:
        """Log that the initialization begins; in memory until `start`, since the run may still be refused.

        Args:
            benchmark: of the run.
            accelerators: names of those that are used.
            processes: how many train together.
        """
        self._hardware = hardware(accelerators, processes)
        log = self._log = RunLog()
        log.cache_clear(cleared=False)  # that is for root, or for whoever starts the run
        log.submission(
            benchmark=benchmark.rules_name,
            version=benchmark.version,
            platform=", ".join(filter(None, (self._hardware["processor"], *self._hardware["accelerators"]))),
            commit=commit_of(Path.cwd()),
        )
        log.start("init")

    def start(
        self,
        config: dict[str, Any],
        criteria: Sequence[Criterion],
        progress: Progress,
        replicas: int,
        logged: dict[str, Any],
    ) -> None:
        """Write the configuration and the log of the initialization, and log that the run starts; where a run goes on,
        only that it does.

        Args:
            config: of the run.
            criteria: as they are for its data, see `Benchmark.for_data`.
            progress: so far.
            replicas: how many train together.
            logged: what the log tells of the run beforehand, by key.

        Raises:
            InputError: the log of a run that goes on is shorter than its checkpoint says.
        """
        import yaml

        self._config, self._criteria, self._software = config, criteria, software(PACKAGES)
        self._history = progress.history
        (self.folder / "plots").mkdir(parents=True, exist_ok=True)
        self._claim.take()
        told = config | {
            "replicas": replicas,
            "threads": _threads(),
            "software": self._software,
            "hardware": self._hardware,
        }
        path = self.folder / "result-1.txt"
        self._resumed = progress.log_bytes > 0
        if not self._resumed:
            path.unlink(missing_ok=True)  # of a run that ended before its first checkpoint
        self._write_history()
        if self._with_events:
            self._events = _event_writer(self.folder / "tensorboard")
        if self._resumed:
            # The run has one initialization, its first: the one of this process is part of the pause.
            self._logged.close()
            self._log = RunLog(path, progress.log_bytes)
            self._log.event("resumed", progress.epoch, step=progress.step)
        else:
            # What goes_on looks for comes first: from here on the folder is this run's.
            atomic.write_text(self.folder / "config.yaml", yaml.safe_dump(told, sort_keys=False))
            self._logged.open(path)
            for key, value in logged.items():
                self._logged.event(key, value)
            self._logged.stop("init")
            self._logged.start("run")
        self._energy, self._started = EnergyMeter(), time.perf_counter() - progress.seconds

    def told(self, progress: Progress) -> Progress:
        """The progress with how long the run has taken, and what its log holds, which is on disk then: a checkpoint
        must not outlive the log that it counts the bytes of."""
        path = self.folder / "result-1.txt"
        atomic.sync_file(path)
        progress.seconds = time.perf_counter() - self._started
        progress.log_bytes = path.stat().st_size
        return progress

    def start_epoch(self, epoch: int) -> None:
        """Log that an epoch begins."""
        self._logged.start("epoch", epoch_num=epoch)

    def start_evaluation(self, epoch: int) -> None:
        """Log that the epoch's training is done and that it is scored on the validation split."""
        self._logged.stop("epoch", epoch_num=epoch)
        self._logged.start("eval", epoch_num=epoch)

    def epoch(self, epochs: int, row: dict[str, float]) -> None:
        """Log one epoch, the last of the history, and add to its row how long the run has taken.

        Args:
            epochs: how many there will be.
            row: of ``history.csv``.
        """
        before = self._history[-2]["seconds"] if len(self._history) > 1 else 0.0
        row["seconds"] = round(time.perf_counter() - self._started, 3)
        self._write_history()
        if self._events is not None:
            _write_events(self._events, row)
        self._energy.read()
        epoch, primary = int(row["epoch"]), self._criteria[0].name
        self._logged.event("eval_accuracy", row[f"validation_{primary}"], epoch_num=epoch, criterion=primary)
        self._logged.stop("eval", epoch_num=epoch)
        told = [("loss", row["loss"], self._config.get("loss_unit", ""))]
        told += [(c.name, row[key], c.unit) for c in self._criteria if (key := f"validation_{c.name}") in row][:TOLD]
        text = "  ".join(" ".join(filter(None, (name, score_text(value, unit), unit))) for name, value, unit in told)
        print(f"epoch {epoch}/{epochs}  {text}  {row['seconds'] - before:.1f} s", file=sys.stderr, flush=True)

    def _write_history(self) -> None:
        if not self._history:
            (self.folder / "history.csv").unlink(missing_ok=True)
            return
        path = self.folder / "history.csv"
        with atomic.writing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self._history[-1].keys())
            writer.writeheader()
            writer.writerows(self._history)

    def finish(self, evaluator: Evaluator, plan_digest: str) -> dict[str, Any]:
        """Draw the plots, close the logs and write ``result.json``."""
        total = time.perf_counter() - self._started
        trained = self._history[-1]["seconds"]
        result = make_result(
            evaluator,
            plan_digest,
            model={"name": self._config["model"], "parameters": self._config["parameters"]},
            seed=self._config["seed"],
            hardware=self._hardware,
            software=self._software,
            durations={"training": trained, "scoring": round(total - trained, 3)},
            energy=None if self._resumed else self._energy.read(),  # of the first part nothing is known
            convergence=self._convergence(),
        )
        self._logged.result(result)
        self._logged.stop("run", status="success")
        self.close()
        with_target = next((c for c in self._criteria if c.target), self._criteria[0])
        unit = self._config.get("loss_unit", "")
        plot_history(self.folder / "history.csv", with_target, self.folder / "plots" / "history.png", unit)
        if "confusion" in result["details"]:
            plot_confusion(result, self.folder / "plots" / "confusion.png")
        write_result(result, self.folder / "result.json")
        for path in (self.checkpoint, self.best):
            path.unlink(missing_ok=True)
        return result

    def close(self) -> None:
        """Close the logs; safe to call again."""
        if self._log:
            self._log.close()
        if self._events is not None:
            self._events.close()
        self._claim.release()

    @property
    def _logged(self) -> RunLog:
        if self._log is None:
            raise RuntimeError("the run has not been started")
        return self._log

    def _convergence(self) -> dict[str, Any] | None:
        """When the criterion with a target first reached it on the validation split."""
        target = next((c for c in self._criteria if c.target), None)
        if target is None or target.target is None:
            return None
        scores = [row.get(f"validation_{target.name}", float("nan")) for row in self._history]
        clocks = {name: [row[key] for row in self._history] for name, key in CLOCKS.items()}
        reached = time_to_convergence(scores, target.target.value, target.direction, clocks)
        return {"criterion": target.name, "target": target.target.value, "split": "validation", "reached": reached}


def trained_with(folder: Path, name: str) -> tuple[dict[str, Any], str, dict[str, Any] | None]:
    """The settings with which a run was trained, the partition that it was trained on and the measure of the response,
    as its ``config.yaml`` has them; none where there is no such file.

    Raises:
        InputError: the file is not what a run leaves, or the run is of another data set than ``name``.
    """
    path = folder / "config.yaml"
    if not path.is_file():
        return {}, "", None
    remedy = "name a run folder, as `sciml train --out` leaves it"
    config = read_yaml(path, "the configuration of a run", remedy, {"settings": dict})
    settings, partition = config["settings"], str(config.get("partition", ""))
    if (trained := config.get("dataset", name)) != name:
        raise InputError(
            f"{folder} was trained on {trained}, not on {name}: predict {trained}, or give its network with "
            f"--model {folder / 'model.keras'}"
        )
    response = config.get("response")
    return settings, partition, response if isinstance(response, dict) else None


def _flat(config: dict[str, Any]) -> dict[str, Any]:
    """The settings beside what stands with them."""
    settings = config.get("settings")
    return {key: value for key, value in config.items() if key != "settings"} | (
        settings if isinstance(settings, dict) else {}
    )


def _event_writer(folder: Path) -> Any:
    """Of TensorFlow's own; TensorBoard itself is needed only to look at the files."""
    import tensorflow as tf

    return tf.summary.create_file_writer(str(folder))


def _write_events(writer: Any, row: dict[str, float]) -> None:
    """A curve for each column of ``history.csv`` over the epochs; ``tf.summary.scalar`` would need TensorBoard."""
    import tensorflow as tf
    from tensorflow.core.framework.summary_pb2 import DATA_CLASS_SCALAR, SummaryMetadata

    scalars = SummaryMetadata.PluginData(plugin_name="scalars")
    metadata = SummaryMetadata(plugin_data=scalars, data_class=DATA_CLASS_SCALAR)
    with writer.as_default(step=int(row["epoch"])):
        for name, value in row.items():
            if name != "epoch":
                tf.summary.write(name, tf.constant(value, tf.float32), metadata=metadata)
    writer.flush()


def _threads() -> dict[str, int]:
    """Of TensorFlow, 0 for as many as there are cores: results depend on their number."""
    import tensorflow as tf

    return {
        "inter_op": int(tf.config.threading.get_inter_op_parallelism_threads()),
        "intra_op": int(tf.config.threading.get_intra_op_parallelism_threads()),
    }
