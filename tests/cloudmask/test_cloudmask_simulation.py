"""The simulator: the raw format, the names of a real orbit, and scenes that a threshold does not solve."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest

from sciml_datasets import InputError
from sciml_datasets.cloudmask.granules import granule_of
from sciml_datasets.cloudmask.random_fields import gaussian_fields
from sciml_datasets.cloudmask.raw import Scenes
from sciml_datasets.cloudmask.scenes import Climate, simulated_scene
from sciml_datasets.cloudmask.simulate import write_raw
from sciml_datasets.cloudmask.validity import valid_pixels
from sciml_datasets.preparation.index_checks import check_disjoint
from sciml_datasets.raw_format import Sample

ROWS, COLUMNS = 48, 64


def simulate(folder: Path, *, num_samples: int = 12, seed: int = 0, jobs: int = 1, rows: int = ROWS) -> Path:
    write_raw(folder, "cloudmask_demo", num_samples=num_samples, seed=seed, jobs=jobs, rows=rows, columns=COLUMNS)
    return folder


def samples_of(folder: Path) -> list[Sample]:
    raw_format = Scenes(ROWS, COLUMNS)
    return [sample for file in raw_format.files(folder) for sample in raw_format.index(folder, file)]


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.hdf")}


def scene(seed: int, *, day: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Reflectance, temperature, cloud and validity of a demo scene."""
    climate = Climate.draw(np.random.default_rng([seed, 0]), day=day)
    refs, bts, bayes = simulated_scene(np.random.default_rng([seed, 1]), climate, 128, 160)
    valid = np.empty(bts.shape[:2], np.bool_)
    valid_pixels(refs, bts, valid, day=day)
    return refs, bts, bayes[..., 0] > 0, valid


# Files


def test_the_files_have_the_official_format(tmp_path: Path) -> None:
    path = next(simulate(tmp_path / "raw").rglob("*.hdf"))
    with h5py.File(path) as file:
        assert {name: (data.shape, data.dtype) for name, data in file.items()} == {
            "refs": ((ROWS, COLUMNS, 6), np.float32),
            "bts": ((ROWS, COLUMNS, 3), np.float32),
            "bayes": ((ROWS, COLUMNS, 1), np.uint8),
        }


@pytest.mark.parametrize("num_samples", [3, 12, 40])
def test_every_split_gets_its_scenes_and_no_pass_is_in_two(tmp_path: Path, num_samples: int) -> None:
    samples = samples_of(simulate(tmp_path / "raw", num_samples=num_samples))
    assert len(samples) == num_samples
    assert {sample.split for sample in samples} == {"train", "validation", "test"}
    check_disjoint(samples, "pass")


def test_a_pass_has_several_frames_and_inference_is_of_other_days(tmp_path: Path) -> None:
    folder = simulate(tmp_path / "raw")
    passes = [sample.group for sample in samples_of(folder)]
    assert max(passes.count(group) for group in passes) == 3
    days = {
        place: {granule_of(path).start.date() for path in (folder / place).iterdir()}
        for place in ("training", "inference")
    }
    assert not days["training"] & days["inference"]


def test_names_follow_the_orbit_of_the_satellite(tmp_path: Path) -> None:
    # S3A_SL_1_RBT____20190612T004900 is a real granule of cycle 45, orbit 359, 1080 s after its node.
    real_node, real_orbit = datetime(2019, 6, 12, 0, 31, tzinfo=UTC), 45 * 385 + 359
    for path in simulate(tmp_path / "raw").rglob("*.hdf"):
        found = granule_of(path)
        orbits = found.cycle * 385 + found.relative_orbit - real_orbit
        seconds = (found.start - real_node).total_seconds() - found.frame
        assert seconds == pytest.approx(orbits * 27 * 86400 / 385, abs=60)


def test_day_and_night_are_distinguished_by_the_data(tmp_path: Path) -> None:
    folder = simulate(tmp_path / "raw")
    with Scenes(ROWS, COLUMNS).reader(folder) as read:
        examples = [read(sample) for sample in samples_of(folder)]
    assert {example["day"] for example in examples} == {0, 1}
    for example in examples:
        descending = example["frame"] > 1500  # a quarter of an orbit after the ascending node
        assert example["day"] == descending


def test_files_depend_on_the_seed_and_not_on_the_processes(tmp_path: Path) -> None:
    one, two, other = (
        digests(simulate(tmp_path / name, num_samples=3, seed=seed, jobs=jobs))
        for name, seed, jobs in (("one", 1, 1), ("two", 1, 2), ("other", 2, 1))
    )
    assert one == two
    assert one.keys() == other.keys()
    assert not set(one.values()) & set(other.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_samples": 2}, "2 samples: expected at least 3"),
        ({"rows": 16}, "16 x 64 pixels: expected at least 32 rows and columns"),
    ],
)
def test_numbers_out_of_range_are_refused(tmp_path: Path, options: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate(tmp_path / "raw", **options)
    assert not (tmp_path / "raw").exists()


# Scenes


def test_fields_have_unit_variance_and_the_slope_asked_for() -> None:
    fields = list(gaussian_fields(np.random.default_rng(0), 128, 128, [2.0] * 40))
    assert np.mean(np.square(fields)) == pytest.approx(1, rel=0.2)
    power = np.mean([np.abs(np.fft.fft2(field)) ** 2 for field in fields], axis=0)
    for first, second in ((power[4, 0], power[16, 0]), (power[0, 4], power[0, 16])):  # along both axes
        assert np.log(first / second) / np.log(4) == pytest.approx(2, abs=0.6)


@pytest.mark.parametrize("day", [True, False])
def test_values_are_those_of_the_earth(day: bool) -> None:
    for seed in range(4):
        refs, bts, cloud, valid = scene(seed, day=day)
        assert 180 < bts[valid].min() < bts[valid].max() < 350
        assert 0.05 < cloud[valid].mean() < 0.97
        if day:
            assert -0.1 < refs[valid].min() < refs[valid].max() < 1.3


def test_a_night_has_no_reflectance() -> None:
    refs = scene(0, day=False)[0]
    assert np.isnan(refs).all() or not refs.any()


def test_borders_are_missing_and_never_cloud() -> None:
    for seed in range(4):
        refs, bts, cloud, valid = scene(seed, day=True)
        assert 0.01 < 1 - valid.mean() < 0.1
        assert not np.nan_to_num(bts[~valid]).any()
        assert not np.nan_to_num(refs[~valid]).any()
        assert not cloud[~valid].any()


def test_clouds_are_brighter_and_colder_than_what_is_beside_them() -> None:
    brighter, colder = [], []
    for seed in range(12):
        refs, bts, cloud, valid = scene(seed, day=True)
        brighter.append(refs[valid & cloud, 1].mean() > refs[valid & ~cloud, 1].mean())
        colder.append(bts[valid & cloud, 1].mean() < bts[valid & ~cloud, 1].mean())
    assert np.mean(brighter) > 0.7
    assert np.mean(colder) > 0.8


def test_a_threshold_does_not_solve_it_and_boosting_does_better() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    def pixels(seeds: range) -> tuple[np.ndarray, np.ndarray]:
        inputs, truths = [], []
        for seed in seeds:
            refs, bts, cloud, valid = scene(seed, day=seed % 2 == 0)
            inputs.append(np.nan_to_num(np.concatenate([refs, bts], axis=-1))[valid][::40])
            truths.append(cloud[valid][::40])
        return np.concatenate(inputs), np.concatenate(truths)

    inputs, truth = pixels(range(30))
    held_out, expected = pixels(range(30, 46))
    found = []  # the best of all thresholds, even chosen on the truth itself
    for channel in range(9):
        for level in np.quantile(held_out[:, channel], np.linspace(0.02, 0.98, 25)):
            right = np.mean((held_out[:, channel] > level) == expected)
            found.append(max(right, 1 - right))
    boosting = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(inputs, truth)
    assert max(found) < 0.8
    assert max(found) + 0.02 < boosting.score(held_out, expected) < 0.9
