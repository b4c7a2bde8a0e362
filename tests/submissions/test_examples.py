"""The worked examples, models and other frameworks, train on the prepared copy and are scored as every model is."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow_datasets as tfds
import yaml

from sciml_datasets.metrics import Evaluator
from sciml_datasets.models import train

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "score", "least"),
    [("stemdl", "top1_accuracy", 0), ("stemdl_reconstruction", "pearson", -1), ("cloudmask", "accuracy", 0)],
)
def test_a_model_is_named_by_its_function(
    name: str, score: str, least: int, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(EXAMPLES / "models")
    result = train(f"{name}_demo", data_dir, tmp_path / "run", f"small_networks:{name}", epochs=1, batch_size=4)
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["model"] == f"small_{name}"
    assert least <= result["scores"][score] <= 1


def test_a_model_may_have_several_inputs(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES / "models")
    features = tfds.builder("sciml/candle_uno_demo", data_dir=data_dir).info.features
    widths = [features[name].shape[0] for name in ("gene_expression", "drug_descriptors")]
    model = importlib.import_module("small_networks").candle_uno(*widths)
    result = train("candle_uno_demo", data_dir, tmp_path / "run", model, epochs=1)
    assert result["model"] == {"name": "small_candle_uno", "parameters": model.count_params()}


@pytest.mark.parametrize(
    ("framework", "name", "score"), [("pytorch", "stemdl_demo", "top1_accuracy"), ("jax", "candle_uno_demo", "r2")]
)
def test_a_model_of_another_framework_is_trained_and_scored(
    framework: str, name: str, score: str, data_dir: Path, tmp_path: Path
) -> None:
    pytest.importorskip({"pytorch": "torch"}.get(framework, framework), reason=f"{framework} is not installed")
    command = [
        sys.executable,
        EXAMPLES / "frameworks" / f"train_{framework}.py",
        "--data-dir",
        data_dir,
        "--out",
        tmp_path / "p.h5",
    ]
    done = subprocess.run(
        [*command, "--epochs", "2", "--batch-size", "10"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "epoch 2/2: loss " in done.stdout
    evaluator = Evaluator(name, "test", data_dir)
    evaluator.update_from_file(tmp_path / "p.h5")
    assert f"{score} {evaluator.result()[score]}" in done.stdout.splitlines()
