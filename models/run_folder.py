"""The run folder: config.yaml, result-1.txt (MLLOG), history.csv, predictions.h5, model.keras, plots, result.json."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sciml_datasets.benchmark import Benchmark, Criterion
from sciml_datasets.errors import InputError
from sciml_datasets.files import atomic
from sciml_datasets.files.sync import sync_file
from sciml_datasets.messages import inform, warn
from sciml_datasets.metrics.convergence import time_to_convergence
from sciml_datasets.metrics.evaluator import Evaluator
from sciml_datasets.metrics.gpu_meter import GpuMeter
from sciml_datasets.metrics.machine import EnergyMeter, distribution_of, hardware, software
from sciml_datasets.metrics.mllog import RunLog, commit_of
from sciml_datasets.metrics.results import make_result, write_result
from sciml_datasets.metrics.score_text import score_text
from sciml_datasets.models.checkpoints import Progress, before
from sciml_datasets.models.event_files import event_writer, write_events
from sciml_datasets.models.input_wait import input_wait
from sciml_datasets.models.measured_gpus import measured_gpus
from sciml_datasets.models.plots import plot_confusion, plot_history
from sciml_datasets.models.run_config import CONFIG, check_same_run
from sciml_datasets.models.run_lock import NAME, RunLock

PACKAGES = ("sciml-datasets", "tensorflow", "keras", "tensorflow-datasets", "numpy")
PRINTED = 3
"""Number of criteria that are printed after each epoch; ``history.csv`` has them all."""
WRITTEN = (CONFIG, "history.csv", "checkpoint.npz", "best.npz", "predictions.h5", "result.json")
"""Names of the files of a run folder that are written anew beside what is there."""
CLOCKS = {"seconds": "seconds", "epochs": "epoch", "samples": "samples"}
"""Unit of the time to convergence, to its column of ``history.csv``."""


class RunFolder:
    """Writes everything that a training run leaves behind, ``result.json`` last.

    Args:
        folder: new, empty, or of an unfinished run.
        tensorboard: whether the history is also written as event files.
    """

    def __init__(self, folder: Path, *, tensorboard: bool = False) -> None:
        self.folder = folder
        self._lock = RunLock(folder)
        self._log: RunLog | None = None
        self._with_events, self._events = tensorboard, None
        self._gpus: GpuMeter | None = None

    @property
    def checkpoint(self) -> Path:
        """The file with the state of an unfinished run."""
        return self.folder / "checkpoint.npz"

    @property
    def best(self) -> Path:
        """The file with the weights of the best epoch, while a run may still get worse."""
        return self.folder / "best.npz"

    def check(self) -> None:
        """Make sure that a run can be written here.

        Raises:
            InputError: the folder is in use.
        """
        folder = self.folder
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            return
        if (folder / "result.json").exists() or not ((folder / CONFIG).is_file() or _only_begun(folder)):
            raise InputError(f"{folder} is not empty: choose another run folder with --out, or remove it")

    def goes_on(self, config: dict[str, Any]) -> bool:
        """Whether a checkpoint of the same run is here.

        Args:
            config: configuration of the run.

        Raises:
            InputError: an unfinished run with another configuration is here, or one that goes on in another process.
        """
        if not (self.folder / CONFIG).is_file():
            return False
        check_same_run(self.folder, config)
        self._lock.acquire()
        return self.checkpoint.is_file() or before(self.checkpoint).is_file()

    def begin(self, benchmark: Benchmark, accelerators: Iterable[str], processes: int) -> None:
        """Log that the initialization begins; in memory until `start`, since the run may still be refused.

        Args:
            benchmark: benchmark of the run.
            accelerators: names of those that are used.
            processes: number of processes that train together.
        """
        self._package = benchmark.package
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
            config: configuration of the run.
            criteria: criteria as they are for its data, see `Benchmark.for_data`.
            progress: progress so far.
            replicas: number of devices that train together.
            logged: values that are logged before the run starts, by key.

        Raises:
            InputError: the log of a run that goes on is shorter than its checkpoint says.
        """
        import yaml

        self._config, self._criteria = config, criteria
        self._software = software((*PACKAGES, *distribution_of(self._package)))
        self._history = progress.history
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock.acquire()
        self._resumed = progress.log_bytes > 0
        written = config | {
            "replicas": replicas,
            "threads": _threads(),
            "software": self._software,
            "hardware": self._hardware,
        }
        # Nobody else writes here now. A kill before there is a configuration leaves what `_only_begun` knows.
        atomic.remove_leftovers(self.folder, WRITTEN)
        path = self.folder / "result-1.txt"
        if not self._resumed:
            # What goes_on looks for comes first: from here on the folder is this run's.
            atomic.write_text(self.folder / CONFIG, yaml.safe_dump(written, sort_keys=False))
            path.unlink(missing_ok=True)  # of a run that ended before its first checkpoint
        (self.folder / "plots").mkdir(exist_ok=True)
        self._write_history()
        if self._with_events:
            self._events = event_writer(self.folder / "tensorboard")
        if self._resumed:
            # The run has one initialization, its first: the one of this process is part of the pause.
            self._logged.close()
            self._log = RunLog(path, progress.log_bytes)
            self._log.event("resumed", progress.epoch, step=progress.step)
        else:
            self._logged.open(path)
            for key, value in logged.items():
                self._logged.event(key, value)
            self._logged.stop("init")
            self._logged.start("run")
        self._energy, self._started = EnergyMeter(), time.perf_counter() - progress.seconds
        self._gpus = GpuMeter()

    def timed(self, progress: Progress) -> Progress:
        """The progress with the seconds that the run has taken and the bytes of its log, which is on disk then: a
        checkpoint must not outlive the log that it counts the bytes of."""
        path = self.folder / "result-1.txt"
        sync_file(path)
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
            epochs: number of epochs of the run.
            row: row of ``history.csv``.
        """
        before = self._history[-2]["seconds"] if len(self._history) > 1 else 0.0
        row["seconds"] = round(time.perf_counter() - self._started, 3)
        self._write_history()
        if self._events is not None:
            write_events(self._events, row)
        self._energy.read()
        epoch, primary = int(row["epoch"]), self._criteria[0].name
        self._logged.event("eval_accuracy", row[f"validation_{primary}"], epoch_num=epoch, criterion=primary)
        self._logged.event("input_wait", waited := input_wait([row]), epoch_num=epoch)
        self._logged.stop("eval", epoch_num=epoch)
        printed = [("loss", row["loss"], self._config.get("loss_unit", ""))]
        printed += [(c.name, row[key], c.unit) for c in self._criteria if (key := f"validation_{c.name}") in row][
            :PRINTED
        ]
        text = "  ".join(" ".join(filter(None, (name, score_text(value, unit), unit))) for name, value, unit in printed)
        waiting = "" if waited is None else f"  {waited:.0%} waiting for input"
        inform(f"epoch {epoch}/{epochs}  {text}  {row['seconds'] - before:.1f} s{waiting}")

    def _write_history(self) -> None:
        if not self._history:
            (self.folder / "history.csv").unlink(missing_ok=True)
            return
        path = self.folder / "history.csv"
        with atomic.writing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self._history[-1].keys())
            writer.writeheader()
            writer.writerows(self._history)

    def finish(self, evaluator: Evaluator, loss_criterion: str = "") -> dict[str, Any]:
        """Draw the plots, close the logs and write ``result.json``.

        Args:
            evaluator: evaluator of the predictions.
            loss_criterion: name of the criterion that the mean loss is; empty where it is none.
        """
        total = time.perf_counter() - self._started
        trained = self._history[-1]["seconds"]
        result = make_result(
            evaluator,
            model={"name": self._config["model"], "parameters": self._config["parameters"]},
            seed=self._config["seed"],
            hardware=self._hardware,
            software=self._software,
            durations={"training": trained, "scoring": round(total - trained, 3)},
            energy=None if self._resumed else self._energy.read(),  # of the first part nothing is known
            convergence=self._convergence(),
            input_wait=input_wait(self._history),
            gpus=None if self._resumed else measured_gpus(self._gpus),
        )
        if "gpus" in result:
            self._logged.event("gpus", result["gpus"])
        self._logged.result(result)
        self._logged.stop("run", status="success")
        self.close()
        with_target = next((c for c in self._criteria if c.target), self._criteria[0])
        plot_history(
            self.folder / "history.csv",
            with_target,
            self.folder / "plots" / "history.png",
            f"{result['dataset']}, {self._config['model']}, seed {self._config['seed']}",
            self._config.get("loss_unit", ""),
            loss_criterion,
        )
        if "confusion" in result["details"]:
            plot_confusion(result, self.folder / "plots" / "confusion.png")
        write_result(result, self.folder / "result.json")
        self.forget_states()
        return result

    def forget_states(self) -> None:
        """Remove the states that a complete run needs no more. One that cannot be removed is a warning, and no
        failure: there is nothing left that running again could do."""
        for path in (self.checkpoint, before(self.checkpoint), self.best):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                warn(f"{path} cannot be removed ({error.strerror}): the run is complete without it, remove it")

    def close(self) -> None:
        """Close the logs; safe to call again."""
        try:
            if self._gpus is not None:
                self._gpus.close()
            if self._log:
                self._log.close()
            if self._events is not None:
                self._events.close()
        finally:
            self._lock.release()

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


def _only_begun(folder: Path) -> bool:
    """Whether a folder holds nothing but what a run leaves that was killed before it had written its configuration."""
    begun = {left for left, _ in atomic.leftovers(folder, [CONFIG])}
    return folder.is_dir() and all(
        path in begun
        or NAME.fullmatch(path.name)
        or (path.name == "plots" and path.is_dir() and not any(path.iterdir()))  # as earlier versions left it
        for path in folder.iterdir()
    )


def _threads() -> dict[str, int]:
    """The numbers of TensorFlow's threads, on which results depend; 0 for as many as there are cores."""
    import tensorflow as tf

    return {
        "inter_op": int(tf.config.threading.get_inter_op_parallelism_threads()),
        "intra_op": int(tf.config.threading.get_intra_op_parallelism_threads()),
    }
