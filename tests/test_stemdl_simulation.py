"""The simulator: crystals of the requested group, and patterns that obey kinematic theory."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sciml_datasets import InputError, simulate
from sciml_datasets.stemdl.crystals import (
    MAX_AXIS,
    MIN_DISTANCE,
    Crystal,
    crystal_system,
    detected_space_group,
    random_crystal,
)
from sciml_datasets.stemdl.diffraction import (
    K_MAX,
    cbed_pattern,
    reciprocal,
    relativistic_factor,
    semi_angle,
    strongest_reflections,
    structure_factors,
    wavelength,
    zone_frame,
)
from sciml_datasets.stemdl.simulate import SPACE_GROUPS


def silicon() -> Crystal:
    corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    return Crystal(227, np.eye(3) * 5.4309, np.concatenate([corners, corners + 0.25]), ("Si",) * 8)


@pytest.mark.parametrize("space_group", SPACE_GROUPS)
def test_spglib_finds_the_requested_group(space_group: int) -> None:
    crystal = random_crystal(space_group, np.random.default_rng(space_group))
    assert detected_space_group(crystal) == space_group
    assert crystal.lengths.max() < MAX_AXIS
    difference = crystal.positions[:, None] - crystal.positions[None]
    distances = np.linalg.norm((difference - np.round(difference)) @ crystal.lattice, axis=-1)
    assert distances[~np.eye(len(distances), dtype=bool)].min() > MIN_DISTANCE - 1e-9


def test_all_seven_crystal_systems_are_among_the_groups() -> None:
    assert {crystal_system(group) for group in SPACE_GROUPS} == {
        "triclinic",
        "monoclinic",
        "orthorhombic",
        "tetragonal",
        "trigonal",
        "hexagonal",
        "cubic",
    }
    assert len(SPACE_GROUPS) >= 20


@pytest.mark.parametrize(("kev", "picometre"), [(100, 3.7014), (200, 2.5079), (300, 1.9687)])
def test_the_wavelength_is_the_textbook_one(kev: int, picometre: float) -> None:
    # Williams and Carter, Transmission Electron Microscopy, 2nd ed., table 1.2 (0.00370, 0.00251, 0.00197 nm).
    assert wavelength(kev) * 100 == pytest.approx(picometre, abs=1e-3)


def test_silicon_obeys_the_extinctions_of_diamond() -> None:
    hkl = np.array([[1, 0, 0], [2, 0, 0], [2, 2, 2], [1, 1, 1], [2, 2, 0]])
    size = np.abs(structure_factors(silicon(), hkl))
    assert size[:3] == pytest.approx(0, abs=1e-9)
    assert (size[3:] > 1).all()


def test_the_extinction_distance_of_silicon_111_is_the_textbook_one() -> None:
    # Williams and Carter, table 13.2: 60.2 nm at 100 kV. Ours is 2 % longer, since the atoms vibrate.
    factor = np.abs(structure_factors(silicon(), np.array([[1, 1, 1]])))[0]
    angstrom = np.pi * 5.4309**3 / (relativistic_factor(100) * wavelength(100) * factor)
    assert angstrom / 10 == pytest.approx(60.2, rel=0.05)


def test_the_strongest_reflections_of_silicon_are_those_of_its_powder_diagram() -> None:
    # ICDD 00-027-1402: 111 (100 %), 220 (55 %), 311 (30 %); by |F|^2 without multiplicity 220 comes first.
    families = [sorted(abs(h) for h in hkl) for hkl in strongest_reflections(silicon()).tolist()]
    assert [1, 1, 1] in families
    assert [0, 2, 2] in families


def test_silicon_along_001_has_fourfold_symmetry() -> None:
    crystal = silicon()
    frame = zone_frame(crystal, np.array([0, 0, 1]))
    pattern = cbed_pattern(crystal, frame, semi_angle(3.0), 200, 129)
    np.testing.assert_allclose(pattern, np.rot90(pattern), atol=1e-9)
    np.testing.assert_allclose(pattern, pattern[::-1, ::-1], atol=1e-9)


def test_disks_lie_at_the_reciprocal_lattice_points() -> None:
    crystal = silicon()
    frame = zone_frame(crystal, np.array([0, 0, 1]))
    pixels = 256
    pattern = cbed_pattern(crystal, frame, 0.5e-3, 200, pixels)
    g = np.array([2, 2, 0]) @ reciprocal(crystal) @ frame.T
    column, row = np.round(g[:2] / (2 * K_MAX / pixels)).astype(int) + pixels // 2
    assert pattern[row, column] > 0
    assert pattern[row + 6, column] == 0


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.sampled_from(SPACE_GROUPS), st.sampled_from([64, 128]))
def test_a_pattern_is_an_intensity_distribution_within_the_band_limit(seed: int, space_group: int, pixels: int) -> None:
    crystal = random_crystal(space_group, np.random.default_rng(seed))
    zone = strongest_reflections(crystal)[0]
    pattern = cbed_pattern(crystal, zone_frame(crystal, zone // np.gcd.reduce(zone)), 3e-3, 100, pixels)
    assert pattern.dtype == np.float32
    assert (pattern >= 0).all()
    assert pattern.sum() == pytest.approx(1, rel=1e-5)
    assert pattern[0, 0] == pattern[-1, -1] == 0


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_files_depend_on_the_seed_and_not_on_the_number_of_processes(tmp_path: Path) -> None:
    one = digests(simulate("stemdl_demo", tmp_path / "one", num_samples=12, seed=3, pixels=32))
    two = digests(simulate("stemdl_demo", tmp_path / "two", num_samples=12, seed=3, pixels=32, jobs=2))
    other = digests(simulate("stemdl_demo", tmp_path / "other", num_samples=12, seed=4, pixels=32))
    assert one == two
    assert set(one) == {"train/batch_train_0.h5", "dev/batch_dev_0.h5", "test/batch_test_0.h5"}
    assert not set(one.values()) & set(other.values())


def test_the_files_follow_the_official_layout(tmp_path: Path) -> None:
    folder = simulate("stemdl", tmp_path, num_samples=3)
    with h5py.File(folder / "train" / "batch_train_0.h5") as file:
        (group,) = file.values()
        assert group["cbed_stack"].shape == (3, 512, 512)
        assert group["cbed_stack"].dtype == np.float32
        assert group.attrs["space_group"] == b"2"
        assert 100 <= group.attrs["energy_keV"] <= 190
        z_dirs, y_dirs = group.attrs["z_dirs"][0], group.attrs["y_dirs"][0]
        np.testing.assert_allclose(np.linalg.norm(z_dirs, axis=0), 1)
        np.testing.assert_allclose((z_dirs * y_dirs).sum(axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(
            group.attrs["semi_angles_rad"], wavelength(100) / (4 * group.attrs["d_hkls_angstrom"])
        )
        assert group.name.startswith("/sample_0_")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_samples": 2}, "2 samples: expected at least 3"),
        ({"num_samples": 3, "seed": -1}, "seed -1: expected 0 or more"),
        ({"num_samples": 3, "jobs": 0}, "0 jobs: expected at least 1"),
        ({"num_samples": 3, "pixels": 4}, "4 pixels: expected at least 16"),
    ],
)
def test_numbers_out_of_range_are_refused_and_leave_nothing(
    tmp_path: Path, options: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        simulate("stemdl_demo", tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


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
