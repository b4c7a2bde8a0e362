"""Positions of atom columns in drawn images, and pairs of positions by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets.metrics.atom_columns import AtomColumns, atom_columns, column_position_error


def drawn(positions: np.ndarray, side: int, width: float) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    distances = (y - positions[:, 0, None, None]) ** 2 + (x - positions[:, 1, None, None]) ** 2
    return np.asarray(np.exp(-distances / (2 * width**2)).sum(axis=0))


def lattice(rng: np.random.Generator) -> np.ndarray:
    grid = np.stack(np.meshgrid(np.arange(8, 60, 12), np.arange(8, 60, 12), indexing="ij"), axis=-1).reshape(-1, 2)
    return np.asarray(grid + rng.uniform(-1.5, 1.5, grid.shape))


@given(st.integers(0, 2**32 - 1))
def test_drawn_columns_are_found_within_a_fifth_of_a_pixel(seed: int) -> None:
    truth = lattice(np.random.default_rng(seed))
    found = atom_columns(drawn(truth, 64, 1.2), min_distance=4, threshold=0.5)
    result = column_position_error(truth, found, max_distance=1)
    assert result["column_recall"] == result["column_precision"] == 1
    assert result["column_position_error"] < 0.2


def test_the_centre_of_mass_is_that_of_the_9_pixels() -> None:
    image = np.zeros((7, 7))
    image[3, 3], image[3, 4], image[2, 3] = 4, 2, 1
    np.testing.assert_allclose(atom_columns(image, 2, 0.5), [[3 - 1 / 7, 3 + 2 / 7]], rtol=1e-15)


def test_faint_close_flat_and_outer_peaks() -> None:
    image = np.zeros((16, 16))
    image[4, 4], image[4, 6], image[10, 10], image[0, 12] = 2, 1, 0.3, 5
    assert atom_columns(image, 3, 0.5).tolist() == [[4, 4]]
    assert len(atom_columns(image, 1, 0.2)) == 3
    image[10, 11] = 0.3  # one column of two touching pixels
    assert len(atom_columns(image, 1, 0.2)) == 3
    assert atom_columns(np.ones((16, 16)), 3, 0.5).shape == (0, 2)
    assert atom_columns(image, 3, 9).shape == (0, 2)


def test_pairs_are_those_of_the_best_assignment() -> None:
    truth = np.array([[0.0, 0], [0, 2], [9, 9]])
    found = np.array([[0.0, 1], [0, 2.5], [5, 5], [20, 20]])
    result = column_position_error(truth, found, max_distance=2)
    assert result["column_position_error"] == pytest.approx((1 + 0.5) / 2)
    assert result["column_recall"] == pytest.approx(2 / 3)
    assert result["column_precision"] == pytest.approx(2 / 4)


def test_more_pairs_come_before_closer_pairs() -> None:
    truth, found = np.array([[0.0, 0], [0, 2]]), np.array([[0.0, 1.9], [0, 3.9]])
    assert column_position_error(truth, found, max_distance=2)["column_recall"] == 1


@given(st.integers(0, 2**32 - 1), st.integers(0, 10**6))
def test_the_order_of_columns_does_not_matter(seed: int, shuffle: int) -> None:
    rng = np.random.default_rng(seed)
    truth, found = rng.uniform(0, 20, (8, 2)), rng.uniform(0, 20, (10, 2))
    order = np.random.default_rng(shuffle)
    result = column_position_error(order.permutation(truth), order.permutation(found), 5)
    assert result == pytest.approx(column_position_error(truth, found, 5), rel=1e-12, nan_ok=True)


def test_scores_without_columns_are_undefined() -> None:
    none, one = np.zeros((0, 2)), np.zeros((1, 2))
    missed = column_position_error(one, none, 1)
    assert missed["column_recall"] == 0
    assert np.isnan([missed["column_precision"], missed["column_position_error"]]).all()
    assert np.isnan(column_position_error(none, one, 1)["column_recall"])


def test_the_state_adds_up_to_the_scores_of_all_columns() -> None:
    rng = np.random.default_rng(0)
    truth = np.stack([drawn(lattice(rng), 64, 1.2) for _ in range(4)])
    found = truth + rng.normal(0, 0.02, truth.shape)
    whole, parts = AtomColumns(4, 0.5, 2.0), [AtomColumns(4, 0.5, 2.0) for _ in range(2)]
    whole.update(truth, found)
    for part, state in zip((slice(1), slice(1, 4)), parts, strict=True):
        state.update(truth[part], found[part])
    parts[0].merge(parts[1])
    assert parts[0].result() == pytest.approx(whole.result())
    one = AtomColumns(4, 0.5, 2.0)
    one.update(truth[:1], found[:1])
    columns = [atom_columns(image, 4, 0.5) for image in (truth[0], found[0])]
    assert one.result() == pytest.approx(column_position_error(*columns, max_distance=2.0))
