"""Training by several workers, and after a kill: the same numbers as by one that was left alone."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import training_steps
import yaml
from deferred import keras, tf
from processes import COMMAND, MPIEXEC, ranks
from tensorflow_processes import Forked

from sciml_datasets import InputError
from sciml_datasets.models.run_folder import RunFolder
from sciml_datasets.models.run_lock import RunLock

EPOCHS = 5
"""Number of epochs, of five batches each: 25 steps."""
MODELS = Path(__file__).parents[2] / "examples" / "models"
STOPS_WITHIN = 60
"""Seconds after another worker was killed."""


def command(data_dir: Path, out: Path, *flags: str) -> list[str]:
    """Words after ``sciml`` that train a network with batch norm, as a user would."""
    options = ["--model", "small_networks:stemdl", "--epochs", str(EPOCHS), "--batch-size", "10"]
    learning = ["--set", "learning_rate=0.01"]
    return ["train", "stemdl_demo", "--data-dir", str(data_dir), "--out", str(out), *options, *learning, *flags]


def sciml(words: list[str], devices: int = 1) -> int:
    """Run a command as ``sciml`` in a process whose processor counts as so many devices; its exit code."""
    os.chdir(MODELS)
    if devices > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
    from sciml_datasets.cli.main import main

    return main(words)


@dataclass
class Run:
    """A process that trains beside this one, and its run folder."""

    forked: Forked
    out: Path

    @classmethod
    def start(cls, words: list[str], out: Path, devices: int = 1, **environment: str) -> Run:
        """Begin."""
        errors = out.with_name(f"{out.name}-{time.monotonic_ns()}.txt")
        return cls(Forked.start(sciml, (words, devices), errors, environment), out)

    def finished(self) -> Path:
        """Wait for its success; the run folder."""
        reported = self.forked.reported()
        assert self.forked.process.exitcode == 0, reported
        return self.out


def start_pair(data_dir: Path, out: Path) -> list[Run]:
    """Two workers, as TF_CONFIG names them."""
    words = command(data_dir, out, "--strategy", "multiworker")
    return [Run.start(words, out, **environment) for environment in training_steps.two_workers()]


def train_by_ranks(data_dir: Path, out: Path) -> None:
    """Two workers, as ranks of MPI."""
    words = [*COMMAND, *command(data_dir, out, "--strategy", "multiworker")]
    subprocess.run(ranks(2, words), cwd=MODELS, capture_output=True, timeout=200, check=True)


def until_checkpoint(runs: list[Run]) -> None:
    """Wait until the first epoch is saved."""
    deadline = time.monotonic() + 120
    while not (runs[0].out / "checkpoint.npz").exists():
        assert all(run.forked.process.is_alive() for run in runs), [run.forked.reported(1) for run in runs]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def weights(out: Path) -> list[np.ndarray[Any, Any]]:
    """The weights of the trained network, the statistics of batch norm among them."""
    return [np.asarray(value) for value in keras.models.load_model(out / "model.keras").weights]


def losses(out: Path) -> list[float]:
    """After each epoch."""
    with (out / "history.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def predictions(out: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Id to prediction."""
    with h5py.File(out / "predictions.h5") as file:
        return dict(zip(file["id"].asstr()[:], file["prediction"][:], strict=True))


def assert_same_run(out: Path, alone: Path, tolerance: float) -> None:
    """Losses, weights and predictions agree, and every test sample is predicted once."""
    np.testing.assert_allclose(losses(out), losses(alone), rtol=tolerance, atol=tolerance)
    for got, expected in zip(weights(out), weights(alone), strict=True):
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
    found, expected_predictions = predictions(out), predictions(alone)
    assert list(found) == list(expected_predictions)
    for key, values in found.items():
        np.testing.assert_allclose(values, expected_predictions[key], rtol=10 * tolerance, atol=10 * tolerance)


@pytest.fixture(scope="module")
def undisturbed(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    """Runs that nothing happens to, by strategy; they go on while the tests do other things."""
    folder = tmp_path_factory.mktemp("undisturbed")
    alone, both = folder / "none", folder / "mirrored"
    mirrored = command(data_dir, both, "--strategy", "mirrored")
    runs = {"none": Run.start(command(data_dir, alone), alone), "mirrored": Run.start(mirrored, both, devices=2)}
    yield runs
    for run in runs.values():
        run.forked.reported(0)


def test_a_killed_run_goes_on_to_the_same_bits(undisturbed: dict[str, Run], data_dir: Path, tmp_path: Path) -> None:
    line = command(data_dir, tmp_path / "run")
    killed = Run.start(line, tmp_path / "run")
    until_checkpoint([killed])
    killed.forked.reported(0)
    assert not (killed.out / "result.json").exists()
    out = Run.start(line, killed.out).finished()
    assert_same_run(out, undisturbed["none"].finished(), 0)
    lines = (out / "result-1.txt").read_text().splitlines()
    keys = [json.loads(line.removeprefix(":::MLLOG "))["key"] for line in lines]
    assert keys.count("run_start") == keys.count("run_stop") == keys.count("resumed") == 1
    assert keys.count("cache_clear") == keys.count("init_start") == keys.count("init_stop") == 1
    assert keys.count("epoch_start") == keys.count("epoch_stop") == keys.count("eval_accuracy") == EPOCHS
    assert not (out / "checkpoint.npz").exists()


def test_two_devices_train_as_one(undisturbed: dict[str, Run]) -> None:
    assert_same_run(undisturbed["mirrored"].finished(), undisturbed["none"].finished(), 1e-5)


def test_a_killed_worker_ends_the_others_and_two_ranks_go_on_as_one(
    undisturbed: dict[str, Run], data_dir: Path, tmp_path: Path
) -> None:
    chief, victim = start_pair(data_dir, tmp_path / "run")
    until_checkpoint([chief, victim])
    victim.forked.reported(0)
    reported = chief.forked.reported(STOPS_WITHIN)
    assert chief.forked.process.exitcode == 2
    (sentence,) = [line for line in reported.splitlines() if line.startswith("sciml train:")]
    assert "another worker is gone" in sentence
    assert "Traceback" not in reported
    assert not (chief.out / "result.json").exists()

    if MPIEXEC:
        train_by_ranks(data_dir, chief.out)
    else:
        for run in start_pair(data_dir, chief.out):
            run.finished()
    alone = undisturbed["none"].finished()
    assert_same_run(chief.out, alone, 1e-5)
    scores = [json.loads((folder / "result.json").read_text())["scores"] for folder in (chief.out, alone)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-5, nan_ok=True)
    assert scores[0]["top1_accuracy"] == scores[1]["top1_accuracy"]


EXACT = ":precision=float64,batch_size=2"
"""Settings for networks of convolutions: rounding in float32 would switch single rectifiers, in any sharing of a
batch."""
SHARED = {
    "mirrored": ("candle_uno_demo", f"stemdl_reconstruction_demo{EXACT}", f"cloudmask_demo{EXACT},transform=device"),
    "multiworker": ("candle_uno_demo", f"cloudmask_demo{EXACT}", f"stemdl_demo{EXACT}"),
}
"""Strategy to recipes that are trained under it, as many as CI has time for; ``perf/strategies.py`` trains all."""


@pytest.fixture(scope="module")
def twenty_steps(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, training_steps.Found]:
    """The outcome of the recipes' first steps, by strategy."""
    folder = tmp_path_factory.mktemp("steps")
    ways = SHARED | {"none": tuple(sorted({name for names in SHARED.values() for name in names}))}
    found: dict[str, training_steps.Found] = {}
    for way, names in ways.items():
        tasks = training_steps.two_workers() if way == "multiworker" else [{}]
        steps = (data_dir, folder / f"{way}.npz", way, 20, names)
        running = [
            Forked.start(training_steps.main, steps, folder / f"{way}-{number}.txt", task)
            for number, task in enumerate(tasks)
        ]
        reported = [training.reported(900) for training in running]
        assert not any(training.process.exitcode for training in running), reported
        with np.load(folder / f"{way}.npz") as arrays:
            found[way] = dict(arrays)
    return found


@pytest.mark.parametrize("strategy", SHARED)
def test_recipes_train_alike_under_every_strategy(twenty_steps: dict[str, training_steps.Found], strategy: str) -> None:
    shared = twenty_steps[strategy]
    assert {key.partition("/")[0] for key in shared} == set(SHARED[strategy])
    for key, values in shared.items():
        np.testing.assert_allclose(values, twenty_steps["none"][key], rtol=1e-5, atol=1e-5, err_msg=key)


def test_one_process_trains_in_a_folder_at_a_time(tmp_path: Path) -> None:
    script = "import sys, time, pathlib; from sciml_datasets.models.run_lock import RunLock\n"
    script += "RunLock(pathlib.Path(sys.argv[1])).acquire(); print('acquired', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"acquired\n"
        with pytest.raises(InputError, match="is in use: another process trains there"):
            RunLock(tmp_path).acquire()
        other.kill()
    lock = RunLock(tmp_path)
    lock.acquire()
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_a_run_on_another_machine_has_ended_when_its_lock_is_old(tmp_path: Path) -> None:
    path = tmp_path / "running-0123456789ab-1-01234567"
    path.touch()
    with pytest.raises(InputError, match="is in use"):
        RunLock(tmp_path).acquire()
    os.utime(path, (0, 0))
    lock = RunLock(tmp_path)
    lock.acquire()
    lock.release()
    assert not path.exists()


def test_an_unfinished_run_is_not_mixed_with_another(tmp_path: Path) -> None:
    config = {"seed": 0, "settings": {"epochs": 3, "learning_rate": 0.1}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config | {"replicas": 2}))
    (tmp_path / "checkpoint.npz").touch()
    run = RunFolder(tmp_path)
    assert run.goes_on(config)
    other = {"seed": 1, "settings": {"epochs": 3, "learning_rate": 0.2}}
    with pytest.raises(InputError, match="unfinished run with another seed, learning_rate"):
        run.goes_on(other)
