"""Simulated scans: theory on a thin crystal, the same for any number of processes, pictures, scores of baselines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from scipy.ndimage import gaussian_filter

from sciml_datasets import InputError, simulate
from sciml_datasets.metrics import Evaluator
from sciml_datasets.metrics.integrated_centre_of_mass import integrated_centre_of_mass
from sciml_datasets.stemdl.crystals import random_crystal
from sciml_datasets.stemdl_reconstruction import scans
from sciml_datasets.stemdl_reconstruction.pictures import contact_sheet, mosaic
from sciml_datasets.stemdl_reconstruction.raw import opened

NAME = "stemdl_reconstruction_demo"


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


@pytest.fixture(scope="module")
def thin() -> scans.Scan:
    """A crystal so thin that it turns the beam by the gradient of its potential alone."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scans, "THICKNESS", 2.0)
        patched.setattr(scans, "SLICES", 1)
        return scans.scan(random_crystal(62, np.random.default_rng(3)), np.random.default_rng(4))


def test_the_beam_is_conserved_but_for_what_leaves_the_pattern(thin: scans.Scan) -> None:
    assert thin.patterns.shape == (64, 48, 48)
    total = thin.patterns.sum(axis=(1, 2))
    assert (total <= 1 + 1e-5).all()
    assert (total > 0.98).all()


def test_the_direct_beam_is_a_disk_of_the_stated_angle_in_the_middle(thin: scans.Scan) -> None:
    y, x = np.mgrid[:48, :48] - 24
    disk = np.hypot(y, x) / scans.SQUARE <= scans.SEMI_ANGLE / 0.0370144  # the wavelength at 100 keV
    assert thin.patterns[:, disk].sum(axis=1).min() > 0.9


def test_scan_pattern_and_image_are_registered(thin: scans.Scan) -> None:
    # In theory the integrated centre of mass is the potential, blurred by the probe: 0.75 angstrom, 3 pixels.
    found = integrated_centre_of_mass(thin.patterns, thin.potential.shape)
    expected = gaussian_filter(thin.potential, 3, mode="nearest")
    inner = slice(4, -4)  # the spline does not know what lies beyond the scan
    assert correlation(found[inner, inner], expected[inner, inner]) > 0.99
    for wrong in (found.T, found[::-1], np.roll(found, 4, axis=0), -found):
        assert correlation(wrong[inner, inner], expected[inner, inner]) < 0.6


def test_the_density_peaks_where_the_potential_does(thin: scans.Scan) -> None:
    assert correlation(thin.density, thin.potential) > 0.9
    assert thin.density.min() > -1e-6 * thin.density.max()


def test_files_depend_on_the_seed_and_not_on_the_number_of_processes(raw_dir: Path, tmp_path: Path) -> None:
    simulate(NAME, tmp_path, num_samples=8, seed=7, jobs=2)
    for path in sorted((raw_dir / NAME).iterdir()):
        assert (tmp_path / NAME / path.name).read_bytes() == path.read_bytes()
    simulate(NAME, tmp_path / "other", num_samples=3, seed=8)
    first = [root / NAME / "batch_train_0.db" for root in (tmp_path, tmp_path / "other")]
    assert first[0].read_bytes() != first[1].read_bytes()
    with pytest.raises(InputError, match="2 samples: expected at least 3"):
        simulate(NAME, tmp_path / "few", num_samples=2)


def test_the_file_says_what_made_it_and_images_are_z_scored(raw_dir: Path) -> None:
    with opened(raw_dir / NAME / "batch_train_0.db") as transaction:
        assert bytes(transaction.get(b"engine")) == b"multislice in the zero-order Laue zone"
        image = np.frombuffer(transaction.get(b"2d_potential_0"), "<f2").astype(np.float64)
        patterns = np.frombuffer(transaction.get(b"cbed_0"), "<f2").reshape(64, -1).astype(np.float64)
    assert (image.mean(), image.std()) == pytest.approx((0, 1), abs=2e-3)
    np.testing.assert_allclose(patterns.std(axis=1), 1, atol=2e-3)


def test_a_perfect_image_and_the_baselines_are_scored(data_dir: Path) -> None:
    evaluator = Evaluator(NAME, data_dir=data_dir)
    for example in tfds.builder(f"sciml/{NAME}", data_dir=data_dir).as_data_source(split="test"):
        evaluator.update([example["id"]], example["projected_potential"][None].astype(np.float32))
    result, baselines = evaluator.result(), evaluator.baselines()
    assert result["pearson"] == pytest.approx(1)
    assert (result["r1"], result["column_position_error"], result["column_recall"]) == (0, 0, 1)
    assert set(baselines) == {"mean image of the training split", "integrated centre of mass"}
    assert baselines["integrated centre of mass"]["pearson"] > baselines["mean image of the training split"]["pearson"]


def test_prediction_and_difference_are_drawn_beside_scan_and_truth(data_dir: Path, tmp_path: Path) -> None:
    samples = list(tfds.builder(f"sciml/{NAME}", data_dir=data_dir).as_data_source(split="test"))
    sizes = []
    for predictions in (None, [np.eye(32)] * len(samples)):
        contact_sheet(samples, tmp_path / "scans.png", predictions)
        content = (tmp_path / "scans.png").read_bytes()
        assert content.startswith(b"\x89PNG")
        sizes.append(int.from_bytes(content[16:20], "big"))
    assert sizes[1] == pytest.approx(2 * sizes[0], rel=0.01)  # four columns in place of two


def test_a_mosaic_places_patterns_where_they_were_taken() -> None:
    scan = np.zeros((4, 3, 3))
    scan[:, 1, 1] = 1, 4, 9, 16
    found = mosaic(scan)
    assert found.shape == (8, 8)
    assert (found[1, 1], found[1, 5], found[5, 1], found[5, 5]) == (1, 2, 3, 4)
    assert mosaic(np.zeros((1024, 4, 4))).shape == (40, 40)
    assert mosaic(np.zeros((3, 4, 4))).shape == (5, 15)


def test_lengths_are_in_angstrom_where_they_are_known(tmp_path: Path) -> None:
    original = {"id": b"test/batch_test_0.db/3", "cbed": np.ones((4, 8, 8)), "projected_potential": np.eye(8)}
    for sample, unit in ((original, "pixels"), (original | {"electron_density": np.eye(8)}, "\N{ANGSTROM SIGN}")):
        contact_sheet([sample], tmp_path / "scans.svg")
        drawn = (tmp_path / "scans.svg").read_text()
        for text in ("test, scan 3", f"x and y, {unit}", "potential, standard deviations"):
            assert f"<!-- {text} -->" in drawn
