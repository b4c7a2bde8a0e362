"""Utilisation and energy of the GPUs of a run, as NVIDIA's driver measures them (NVML, package ``nvidia-ml-py``)."""

from __future__ import annotations

import os
from threading import Event, Thread
from typing import Any

SECONDS = 1.0
"""Seconds between two readings of the utilisation, which the driver gives as a mean over its last period."""


class GpuMeter:
    """Utilisation and energy of the GPUs that CUDA_VISIBLE_DEVICES names, else of all, since the meter was made.

    Where the package, the driver or a GPU is missing, there is nothing to read. Other processes on the same GPUs are
    included.

    Args:
        interval: seconds between two readings of the utilisation.
    """

    def __init__(self, interval: float = SECONDS) -> None:
        self._stopped, self._shares = Event(), list[float]()
        self._gpus = _visible()
        self._first = self._joules()
        self._interval = interval
        self._thread = Thread(target=self._watch, name="gpu-meter", daemon=True)
        if self._gpus:
            self._thread.start()

    def _watch(self) -> None:
        while not self._stopped.wait(self._interval):
            self._sample()

    def _sample(self) -> None:
        import pynvml

        try:
            shares = [pynvml.nvmlDeviceGetUtilizationRates(gpu).gpu / 100 for gpu in self._gpus]
        except pynvml.NVMLError:  # a part of a GPU has no utilisation of its own
            return
        self._shares.append(sum(shares) / len(shares))

    def read(self) -> dict[str, Any] | None:
        """``count`` of the GPUs, their mean ``utilisation`` (share of the time in which a kernel ran) and ``joules``;
        what the driver does not measure is None. None where there is no GPU that can be asked."""
        if not self._gpus:
            return None
        self._sample()
        last = self._joules()
        return {
            "count": len(self._gpus),
            "utilisation": sum(self._shares) / len(self._shares) if self._shares else None,
            "joules": None if last is None or self._first is None else last - self._first,
        }

    def close(self) -> None:
        """End the readings; it may be called again."""
        self._stopped.set()

    def _joules(self) -> float | None:
        """Energy of all since the driver was loaded."""
        if not self._gpus:
            return None
        import pynvml

        try:
            return float(sum(pynvml.nvmlDeviceGetTotalEnergyConsumption(gpu) for gpu in self._gpus)) / 1e3
        except pynvml.NVMLError:  # older than Volta
            return None


def _visible() -> list[Any]:
    """Handles of the GPUs that this process may use; none where NVML is not there."""
    try:
        import pynvml
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
        named = os.environ.get("CUDA_VISIBLE_DEVICES")
        if named is None:
            return [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        return [_handle(name.strip()) for name in named.split(",") if name.strip() not in ("", "-1")]
    except pynvml.NVMLError:  # no driver, or a name that it does not know
        return []


def _handle(name: str) -> Any:
    import pynvml

    if name.isdecimal():
        return pynvml.nvmlDeviceGetHandleByIndex(int(name))
    return pynvml.nvmlDeviceGetHandleByUUID(name)


def gpu_text(found: dict[str, Any]) -> str:
    """What was measured, in a line."""
    parts = [f"{found['count']} GPU(s)"]
    if found["utilisation"] is not None:
        parts.append(f"busy {found['utilisation']:.0%} of the time")
    if found.get("peak_memory_bytes") is not None:
        parts.append(f"at most {found['peak_memory_bytes'] / 2**30:.1f} GiB of memory in use")
    if found["joules"] is not None:
        parts.append(f"{found['joules'] / 1e3:.1f} kJ")
    return ", ".join(parts)
