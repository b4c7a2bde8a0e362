"""Simulated raw files: their layout, their engine, and what decides every byte."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from sciml_datasets import InputError, simulate
from sciml_datasets.stemdl.diffraction import wavelength
from sciml_datasets.stemdl.directions import lattice_of
from sciml_datasets.stemdl.simulate import FREQUENT, weights
from sciml_datasets.stemdl.simulation_engines import ENGINES

MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
needs_mpi = pytest.mark.skipif(MPIEXEC is None, reason="mpiexec is not installed: pip install mpich")


def test_weights_are_those_of_nature_and_leave_no_group_out() -> None:
    # STEMDL's training split: 7.9 %, 7.5 % and 6.0 % for the three most frequent groups.
    assert weights().shape == (231,)
    assert weights().sum() == pytest.approx(1)
    assert weights()[0] == 0
    assert (weights()[1:] > 0).all()
    assert weights()[list(FREQUENT[:3])] == pytest.approx([0.079, 0.075, 0.060], abs=0.01)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_files_depend_on_the_seed_and_not_on_the_number_of_processes(tmp_path: Path) -> None:
    one = digests(simulate("stemdl_demo", tmp_path / "one", num_samples=12, seed=3, pixels=32))
    two = digests(simulate("stemdl_demo", tmp_path / "two", num_samples=12, seed=3, pixels=32, jobs=2))
    other = digests(simulate("stemdl_demo", tmp_path / "other", num_samples=12, seed=4, pixels=32))
    assert one == two
    assert set(one) == {"checksums.tsv", "train/batch_train_0.h5", "dev/batch_dev_0.h5", "test/batch_test_0.h5"}
    assert not set(one.values()) & set(other.values())


@needs_mpi
def test_ranks_write_the_same_files_as_one_process(tmp_path: Path) -> None:
    def run(count: int, out: str, *more: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "sciml_datasets.cli.main",
            "simulate",
            "stemdl_demo",
            "--out",
            str(tmp_path / out),
        ]
        command = [*command, "--samples", "12", "--seed", "3", "--pixels", "32", "--jobs", "1", *more]
        launcher = [str(MPIEXEC), "-n", str(count)] if count > 1 else []
        return subprocess.run([*launcher, *command], capture_output=True, text=True, check=False, timeout=120)

    assert run(1, "one").returncode == 0
    by_ranks = run(2, "two")
    assert by_ranks.returncode == 0, by_ranks.stderr
    assert by_ranks.stdout.count("3 raw files") == 1
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    refused = run(2, "two")
    assert refused.returncode == 2
    assert refused.stderr.count("exists: remove it or choose another folder") == 1
    assert "Traceback" not in refused.stderr
    assert not list((tmp_path / "two").glob("*incomplete*"))


def test_the_files_follow_the_official_layout(tmp_path: Path) -> None:
    folder = simulate("stemdl", tmp_path, num_samples=3)
    with h5py.File(folder / "train" / "batch_train_0.h5") as file:
        (group,) = file.values()
        assert group["cbed_stack"].shape == (3, 512, 512)
        assert group["cbed_stack"].dtype == np.float32
        assert file.attrs["engine"] == "zolz"
        assert 1 <= int(group.attrs["space_group"]) <= 230
        assert 100 <= group.attrs["energy_keV"] <= 190
        z_dirs, y_dirs = group.attrs["z_dirs"][0], group.attrs["y_dirs"][0]
        assert z_dirs.dtype == np.int64
        lattice = lattice_of(group.attrs["abc_angstrom"], group.attrs["angles_degree"])
        z, y = z_dirs.T @ lattice, y_dirs.T @ lattice
        np.testing.assert_allclose((z * y).sum(axis=1), 0, atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(y, axis=1), 1)
        spacings = 1 / np.linalg.norm(z_dirs.T @ np.linalg.inv(lattice).T, axis=1)  # z_dirs are the reflections
        np.testing.assert_allclose(spacings, group.attrs["d_hkls_angstrom"])
        np.testing.assert_allclose(
            group.attrs["semi_angles_rad"], wavelength(100) / (4 * group.attrs["d_hkls_angstrom"])
        )
        assert group.name.startswith("/sample_0_")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_samples": 2}, "2 samples: expected at least 3"),
        ({"num_samples": 3, "seed": -1}, "seed -1: expected 0 or more"),
        ({"num_samples": 10**15}, "1,000,000,000,000,000 samples: expected at most 100,000,000"),
        ({"num_samples": 3, "jobs": 0}, "0 jobs: expected at least 1"),
        ({"num_samples": 3, "pixels": 4}, "4 pixels: expected at least 16"),
        ({"num_samples": 3, "pixels": 10**20}, "pixels 100,000,000,000,000,000,000: expected at most 100,000,000"),
        ({"num_samples": 3, "engine": "x-ray"}, "there is no engine 'x-ray': choose one of zolz, box, kinematic"),
        ({"num_samples": 3, "space_groups": (231,)}, "space group 231: expected a number from 1 to 230"),
    ],
)
def test_numbers_out_of_range_are_refused_and_leave_nothing(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        simulate("stemdl_demo", tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_is_named_in_its_files_and_ends_within_the_band(tmp_path: Path, engine: str) -> None:
    folder = simulate("stemdl_demo", tmp_path, num_samples=3, pixels=32, engine=engine)
    with h5py.File(folder / "test" / "batch_test_0.h5") as file:
        assert file.attrs["engine"] == engine
        (group,) = file.values()
        stack = group["cbed_stack"][:]
    assert np.isfinite(stack).all()
    assert (stack >= 0).all()
    assert (stack.sum(axis=(1, 2)) > 0.5).all()
    assert (stack.sum(axis=(1, 2)) < 1.001).all()
    assert stack[:, 0, 0].max() == 0


def test_a_material_has_several_energies_and_is_in_one_split(tmp_path: Path) -> None:
    folder = simulate("stemdl", tmp_path, num_samples=36, pixels=32, engine="kinematic")
    energies: dict[tuple[str, bytes], list[int]] = {}
    for path in folder.rglob("*.h5"):
        with h5py.File(path) as file:
            for group in file.values():
                key = path.parent.name, group.attrs["material"]
                energies.setdefault(key, []).append(int(group.attrs["energy_keV"]))
    assert [len(set(found)) for found in energies.values()] == [3] * 12
    assert len({material for _, material in energies}) == 12


def test_chosen_space_groups_take_turns(tmp_path: Path) -> None:
    folder = simulate("stemdl_demo", tmp_path, num_samples=12, pixels=32, engine="kinematic", space_groups=(62, 225))
    groups = []
    for path in folder.rglob("*.h5"):
        with h5py.File(path) as file:
            groups += [int(group.attrs["space_group"]) for group in file.values()]
    assert sorted(groups) == [62] * 6 + [225] * 6


def test_an_existing_folder_is_kept(tmp_path: Path) -> None:
    (tmp_path / "stemdl_demo").mkdir()
    with pytest.raises(InputError, match="stemdl_demo exists: remove it or choose another folder"):
        simulate("stemdl_demo", tmp_path, num_samples=3)


def test_of_two_concurrent_simulations_one_wins_and_the_other_says_so(tmp_path: Path) -> None:
    code = f"import sciml_datasets; sciml_datasets.simulate('stemdl_demo', {str(tmp_path)!r}, 20, pixels=32)"
    runs = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [run.communicate(timeout=120)[1] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, 1], outputs
    assert sum("stemdl_demo exists" in text for text in outputs) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["stemdl_demo"]
