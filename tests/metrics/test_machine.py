"""The machine of a run."""

from __future__ import annotations

from pathlib import Path

import numpy

from sciml_datasets.metrics.machine import EnergyMeter, hardware, software


def write_counter(folder: Path, energy: int, turn: int = 1_000_000) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "energy_uj").write_text(f"{energy}\n")
    (folder / "max_energy_range_uj").write_text(f"{turn}\n")


def test_energy_is_summed_over_packages_and_turns_of_the_counter(tmp_path: Path) -> None:
    one, two = tmp_path / "intel-rapl:0", tmp_path / "intel-rapl:1"
    write_counter(one, 900_000)
    write_counter(two, 0)
    write_counter(tmp_path / "intel-rapl:0:0", 5)  # part of a package: counted already
    meter = EnergyMeter(tmp_path)
    write_counter(one, 100_000)
    write_counter(two, 500_000)
    assert meter.read() == {"joules": 0.7, "covers": "2 processor package(s), not accelerators"}
    write_counter(one, 200_000)
    found = meter.read()
    assert found is not None
    assert found["joules"] == 0.8


def test_a_machine_that_does_not_tell_has_no_energy(tmp_path: Path) -> None:
    assert EnergyMeter(tmp_path / "absent").read() is None
    (tmp_path / "intel-rapl:0").mkdir()
    assert EnergyMeter(tmp_path).read() is None


def test_hardware_and_software_are_named() -> None:
    found = hardware(["a GPU"], processes=2)
    assert found["cores"] >= 1
    assert found["memory_bytes"] > 1e8
    assert (found["accelerators"], found["processes"]) == (["a GPU"], 2)
    versions = software(["numpy", "no-such-package"])
    assert versions["numpy"] == numpy.__version__
    assert "no-such-package" not in versions
