"""Training by several workers, and after a kill: the same numbers as by one that was left alone."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import yaml

from sciml_datasets import InputError
from sciml_datasets.models.run_folder import RunFolder

MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
needs_mpi = pytest.mark.skipif(MPIEXEC is None, reason="mpiexec is not installed: pip install mpich")
EPOCHS = 5
"""Of five batches each: 25 steps."""
HERE = Path(__file__).parent
STOPS_WITHIN = 60
"""Seconds after another worker was killed."""


def command(data_dir: Path, out: Path, *flags: str) -> list[str]:
    """Train a network with batch norm, as a user would."""
    model = "networks_of_users:normalised_network"
    sciml = [sys.executable, "-m", "sciml_datasets.cli.main", "train", "stemdl_demo", "--data-dir", str(data_dir)]
    options = ["--model", model, "--epochs", str(EPOCHS), "--batch-size", "10", "--set", "learning_rate=0.01"]
    return [*sciml, "--out", str(out), *options, *flags]


def start(line: list[str], **environment: str) -> subprocess.Popen[str]:
    """Run it beside this process."""
    return subprocess.Popen(
        line, cwd=HERE, env=os.environ | environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def start_pair(data_dir: Path, out: Path) -> list[subprocess.Popen[str]]:
    """Two workers, as TF_CONFIG names them."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        workers = [f"127.0.0.1:{listener.getsockname()[1]}" for listener in (first, second)]
    configs = [
        json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}) for index in range(2)
    ]
    line = command(data_dir, out, "--strategy", "multiworker")
    return [start(line, TF_CONFIG=config) for config in configs]


def ended(processes: list[subprocess.Popen[str]], seconds: float = 200) -> list[str]:
    """Wait for all; what each wrote on stderr. None is left behind."""
    try:
        told = [process.communicate(timeout=seconds)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return told


def until_checkpoint(out: Path, processes: list[subprocess.Popen[str]]) -> None:
    """Wait until the first epoch is saved."""
    deadline = time.monotonic() + 120
    while not (out / "checkpoint.npz").exists():
        assert all(process.poll() is None for process in processes), ended(processes)
        assert time.monotonic() < deadline
        time.sleep(0.02)


def weights(out: Path) -> list[np.ndarray[Any, Any]]:
    """Of the trained network, the statistics of batch norm among them."""
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
def alone(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one process that nothing happens to."""
    out = tmp_path_factory.mktemp("alone") / "run"
    process = start(command(data_dir, out))
    (told,) = ended([process])
    assert process.returncode == 0, told
    return out


def test_two_devices_train_as_one(alone: Path, data_dir: Path, tmp_path: Path) -> None:
    code = """
import sys, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from sciml_datasets.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
    line = command(data_dir, tmp_path / "run", "--strategy", "mirrored")
    process = start([sys.executable, "-c", code, *line[3:]])
    (told,) = ended([process])
    assert process.returncode == 0, told
    assert_same_run(tmp_path / "run", alone, 1e-5)


def test_two_workers_train_as_one_even_if_one_is_killed(alone: Path, data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    chief, victim = start_pair(data_dir, out)
    until_checkpoint(out, [chief, victim])
    victim.send_signal(signal.SIGKILL)
    told, _ = ended([chief, victim], STOPS_WITHIN)
    assert chief.returncode == 2
    (sentence,) = [line for line in told.splitlines() if line.startswith("sciml train:")]
    assert "another worker is gone" in sentence
    assert "Traceback" not in told
    assert not (out / "result.json").exists()

    again = start_pair(data_dir, out)
    told_again = ended(again)
    assert [process.returncode for process in again] == [0, 0], told_again
    assert_same_run(out, alone, 1e-5)
    scores = [json.loads((folder / "result.json").read_text())["scores"] for folder in (out, alone)]
    assert scores[0]["top1_accuracy"] == scores[1]["top1_accuracy"]


@needs_mpi
def test_two_ranks_train_as_one(alone: Path, data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start([str(MPIEXEC), "-n", "2", *command(data_dir, out, "--strategy", "multiworker")])
    (told,) = ended([process])
    assert process.returncode == 0, told
    assert_same_run(out, alone, 1e-5)


def test_a_killed_run_goes_on_to_the_same_bits(alone: Path, data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start(command(data_dir, out))
    until_checkpoint(out, [process])
    process.kill()
    ended([process])
    assert not (out / "result.json").exists()
    again = start(command(data_dir, out))
    (told,) = ended([again])
    assert again.returncode == 0, told
    assert_same_run(out, alone, 0)
    lines = (out / "result-1.txt").read_text().splitlines()
    keys = [json.loads(line.removeprefix(":::MLLOG "))["key"] for line in lines]
    assert keys.count("run_start") == keys.count("run_stop") == keys.count("resumed") == 1
    assert keys.count("epoch_start") == keys.count("epoch_stop") == keys.count("eval_accuracy") == EPOCHS
    assert not (out / "checkpoint.npz").exists()


def test_an_unfinished_run_is_not_mixed_with_another(tmp_path: Path) -> None:
    config = {"seed": 0, "settings": {"epochs": 3, "learning_rate": 0.1}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config | {"replicas": 2}))
    (tmp_path / "checkpoint.npz").touch()
    run = RunFolder(tmp_path)
    assert run.goes_on(config)
    other = {"seed": 1, "settings": {"epochs": 3, "learning_rate": 0.2}}
    with pytest.raises(InputError, match="unfinished run with another seed, learning_rate"):
        run.goes_on(other)
