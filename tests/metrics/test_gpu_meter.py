"""What the driver tells of GPUs. A library with NVML's functions stands in for the driver; its counter counts up."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sciml_datasets.metrics.gpu_meter import GpuMeter

NVML = """
static int gpus[] = {0, 1};
static unsigned long long millijoules = 1000;
int nvmlInitWithFlags(unsigned flags) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **gpu) {
  if (index > 1) return 2;
  *gpu = &gpus[index];
  return 0;
}
int nvmlDeviceGetHandleByUUID(const char *name, void **gpu) { *gpu = &gpus[1]; return name[0] == 'G' ? 0 : 6; }
int nvmlDeviceGetUtilizationRates(void *gpu, unsigned *rates) {
  rates[0] = *(int *)gpu ? 100 : 50;
  return WHOLE ? 0 : 3;
}
int nvmlDeviceGetTotalEnergyConsumption(void *gpu, unsigned long long *energy) {
  *energy = millijoules += 500;
  return WHOLE ? 0 : 3;
}
"""
"""NVML for two GPUs; without WHOLE for parts of them, not measured: 3 is NVML_ERROR_NOT_SUPPORTED (nvml.h)."""
READ = """
import json
from sciml_datasets.metrics.gpu_meter import GpuMeter
meter = GpuMeter(interval=60)
print(json.dumps(meter.read()))
meter.close()
"""


def read(folder: Path, whole: bool = True, visible: str | None = None) -> Any:
    """The reading of a meter in a process of its own, which loads the library."""
    pytest.importorskip("pynvml", reason="needs nvidia-ml-py, of the extra gpu")
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    (folder / "nvml.c").write_text(NVML)
    library = folder / "libnvidia-ml.so.1"
    command = [compiler, "-shared", "-fPIC", f"-DWHOLE={int(whole)}", "-o", str(library), str(folder / "nvml.c")]
    subprocess.run(command, check=True)
    environment = {key: value for key, value in os.environ.items() if key != "CUDA_VISIBLE_DEVICES"}
    environment |= {"LD_LIBRARY_PATH": str(folder)} | ({"CUDA_VISIBLE_DEVICES": visible} if visible is not None else {})
    done = subprocess.run([sys.executable, "-c", READ], check=True, capture_output=True, text=True, env=environment)
    return json.loads(done.stdout)


def test_utilisation_and_energy_are_those_of_all_gpus(tmp_path: Path) -> None:
    assert read(tmp_path) == {"count": 2, "utilisation": 0.75, "joules": 2.0}


@pytest.mark.parametrize(("visible", "utilisation"), [("0", 0.5), ("GPU-8932f937", 1.0)])
def test_only_the_gpus_that_the_process_may_use_count(tmp_path: Path, visible: str, utilisation: float) -> None:
    assert read(tmp_path, visible=visible) == {"count": 1, "utilisation": utilisation, "joules": 0.5}


def test_what_the_driver_does_not_measure_is_unknown(tmp_path: Path) -> None:
    assert read(tmp_path, whole=False) == {"count": 2, "utilisation": None, "joules": None}


@pytest.mark.parametrize("visible", ["", "-1", "7", "other"])
def test_without_a_gpu_there_is_nothing(tmp_path: Path, visible: str) -> None:
    assert read(tmp_path, visible=visible) is None


def test_without_a_driver_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    meter = GpuMeter()
    assert meter.read() is None
    meter.close()
