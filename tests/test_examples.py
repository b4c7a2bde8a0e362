"""The worked examples of other frameworks train on the prepared copy and are scored as every model is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sciml_datasets.metrics import Evaluator

EXAMPLES = Path(__file__).parents[1] / "examples" / "frameworks"


@pytest.mark.parametrize(
    ("framework", "name", "score"), [("pytorch", "stemdl_demo", "top1_accuracy"), ("jax", "candle_uno_demo", "r2")]
)
def test_a_model_of_another_framework_is_trained_and_scored(
    framework: str, name: str, score: str, data_dir: Path, tmp_path: Path
) -> None:
    pytest.importorskip({"pytorch": "torch"}.get(framework, framework), reason=f"{framework} is not installed")
    command = [sys.executable, EXAMPLES / f"train_{framework}.py", "--data-dir", data_dir, "--out", tmp_path / "p.h5"]
    done = subprocess.run(
        [*command, "--epochs", "2", "--batch-size", "10"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "epoch 2/2: loss " in done.stdout
    evaluator = Evaluator(name, "test", data_dir)
    evaluator.update_from_file(tmp_path / "p.h5")
    assert f"{score} {evaluator.result()[score]}" in done.stdout.splitlines()
