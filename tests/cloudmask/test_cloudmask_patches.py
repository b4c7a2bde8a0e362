"""Patches: the reference's arithmetic to the last bit, computed here another way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets.cloudmask.patches import (
    NEUTRAL,
    network_input,
    normalised,
    overlapping_patches,
    stitched,
    training_patches,
    windows,
)

ROWS, COLUMNS = 1200, 1500


@pytest.fixture(scope="module")
def scene() -> tuple[np.ndarray, np.ndarray]:
    """A whole scene: reflectance and brightness temperature, with a border of zeros."""
    rng = np.random.default_rng(0)
    refs = rng.uniform(0, 1.2, (ROWS, COLUMNS, 6)).astype(np.float32)
    bts = rng.uniform(190, 320, (ROWS, COLUMNS, 3)).astype(np.float32)
    refs[:, :20], bts[:, :20] = 0, 0
    return refs, bts


def mlcommons(refs: np.ndarray, bts: np.ndarray) -> np.ndarray:
    """The formula of mlcommons/science, benchmarks/cloudmask."""
    return np.concatenate([refs - 0.5, (bts - 270.0) / 22.0], axis=-1)


def sciml_bench(refs: np.ndarray, bts: np.ndarray) -> np.ndarray:
    """The formula of stfc-sciml/sciml-bench, slstr_cloud."""
    return np.concatenate([(refs - refs.mean()) / refs.std(), (bts - bts.mean()) / bts.std()], axis=-1)


def in_tensorflow(image: np.ndarray, stride: int, padding: str) -> np.ndarray:
    """256 x 256 patches by TensorFlow's own operation: (down, across, 256, 256, channels)."""
    import tensorflow as tf

    patches = tf.image.extract_patches(image[None], [1, 256, 256, 1], [1, stride, stride, 1], [1, 1, 1, 1], padding)[0]
    return patches.numpy().reshape(*patches.shape[:2], 256, 256, image.shape[-1])


@pytest.mark.parametrize(("by", "formula"), [("mlcommons", mlcommons), ("sciml_bench", sciml_bench)])
def test_normalised_scenes_equal_the_reference(scene: Any, by: str, formula: Any) -> None:
    expected = formula(*scene)
    assert expected.dtype == np.float32
    np.testing.assert_array_equal(normalised(*scene, by), expected)


def test_an_unknown_normalisation_is_refused(scene: Any) -> None:
    with pytest.raises(ValueError, match="no normalisation 'mean': choose one of mlcommons, sciml_bench"):
        normalised(*scene, "mean")


def test_another_number_of_channels_is_refused(scene: Any) -> None:
    reflectance, temperature = scene
    with pytest.raises(ValueError, match=r"shape \(.*, 5\), expected \(R, C, 6\)"):
        normalised(reflectance[..., :5], temperature)


def test_a_scene_smaller_than_a_patch_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(200, 300, 9\), expected at least 256 x 256"):
        training_patches(np.zeros((200, 300, 9), np.float32))


def test_twenty_training_patches_equal_the_reference(scene: Any) -> None:
    import tensorflow as tf

    image = mlcommons(*scene)
    cropped = tf.image.crop_to_bounding_box(image, 88, 110, 1024, 1280).numpy()
    expected = in_tensorflow(cropped, 256, "VALID").reshape(20, 256, 256, 9)
    np.testing.assert_array_equal(training_patches(normalised(*scene)), expected)


def test_a_mask_is_cut_like_its_image() -> None:
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    patches = training_patches(rows * 10_000 + columns)
    assert patches.shape == (20, 256, 256)
    assert patches[0, 0, 0] == 88 * 10_000 + 110
    assert patches[7, 3, 4] == (88 + 256 + 3) * 10_000 + 110 + 2 * 256 + 4  # second row, third column
    assert patches[-1, -1, -1] == (88 + 1023) * 10_000 + 110 + 1279


def test_sixty_three_overlapping_patches_equal_the_reference(scene: Any) -> None:
    image = normalised(*scene)[..., 4:8]
    expected = in_tensorflow(image, 176, "SAME")
    assert expected.shape == (7, 9, 256, 256, 4)
    np.testing.assert_array_equal(overlapping_patches(image), expected.reshape(63, 256, 256, 4))


def test_stitching_equals_the_reference() -> None:
    import tensorflow as tf

    rng = np.random.default_rng(1)
    predicted = rng.random((63, 256, 256, 1), dtype=np.float32)
    trimmed = tf.image.crop_to_bounding_box(predicted, 40, 40, 176, 176).numpy().reshape(7, 9, 176, 176, 1)
    mosaic = trimmed.transpose(0, 2, 1, 3, 4).reshape(7 * 176, 9 * 176, 1)
    expected = tf.image.crop_to_bounding_box(mosaic, 16, 42, ROWS, COLUMNS).numpy()
    np.testing.assert_array_equal(stitched(predicted, ROWS, COLUMNS), expected)


@given(st.integers(1, 90), st.integers(1, 90), st.integers(8, 32), st.integers(0, 3))
def test_cutting_and_stitching_gives_the_scene_again(rows: int, columns: int, patch: int, trim: int) -> None:
    scene = np.arange(rows * columns).reshape(rows, columns)
    np.testing.assert_array_equal(stitched(overlapping_patches(scene, patch, trim), rows, columns, trim), scene)


def test_too_few_patches_are_refused() -> None:
    with pytest.raises(ValueError, match="62 patches, expected 63 of a scene of 1200 x 1500 pixels"):
        stitched(np.zeros((62, 256, 256)), ROWS, COLUMNS)


def test_a_trim_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="64 pixels cut from both sides of 128 leave nothing"):
        windows(1200, 128, 64)


def test_invalid_pixels_are_neutral_and_others_unchanged(scene: Any) -> None:
    refs, bts = (values[:40, :60].copy() for values in scene)
    refs[5, 30], bts[6, 31, 2] = np.nan, np.nan
    valid = (bts > 0).all(axis=-1) & ~np.isnan(refs[..., 0])
    image = network_input(refs, bts, valid.astype(np.uint8))
    assert (image[~valid] == NEUTRAL).all()
    np.testing.assert_array_equal(image[valid], mlcommons(refs, bts)[valid])


@pytest.mark.parametrize("by", ["mlcommons", "sciml_bench"])
@pytest.mark.parametrize("missing", [np.nan, -32768.0])
def test_a_night_is_the_same_however_its_file_writes_it(scene: Any, by: str, missing: float) -> None:
    bts = scene[1][:40, 20:80]
    valid = np.ones(bts.shape[:2], np.uint8)
    zeros = np.zeros((40, 60, 6), np.float32)
    expected = network_input(zeros, bts, valid, by)
    assert np.isfinite(expected).all()
    np.testing.assert_array_equal(network_input(zeros + np.float32(missing), bts, valid, by), expected)
