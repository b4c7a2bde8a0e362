"""Refusals of states and evaluators: in one sentence, with an InputError, and before anything is added."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sciml_datasets import InputError
from sciml_datasets.metrics.array_formats import Format, as_array, checked
from sciml_datasets.metrics.calibration import Calibration
from sciml_datasets.metrics.classification import Classification
from sciml_datasets.metrics.grouped_regression import GroupedRegression
from sciml_datasets.metrics.rank_correlation import RankCorrelation
from sciml_datasets.metrics.reconstruction import Reconstruction
from sciml_datasets.metrics.regression import Regression
from sciml_datasets.metrics.roc import Ranking
from sciml_datasets.metrics.segmentation import Segmentation
from sciml_datasets.metrics.state import Additive
from sciml_datasets.metrics.surrogate import Surrogate

A = np.array
MASKS, HALVES = np.ones((2, 3, 4), bool), np.full((2, 3, 4), 0.5)
NAN = np.where(np.arange(24).reshape(2, 3, 4) == 23, np.nan, 0.5)
"""In the last scene: the first would be added by then."""
IMAGES = np.random.default_rng(0).random((2, 12, 12))


def masks() -> Segmentation:
    return Segmentation(2, ("night", "day"))


REFUSED: list[tuple[Callable[[], Additive], tuple[Any, ...], str]] = [
    (lambda: Classification(3), (A([0, 3]), A([0, 1])), "truth holds 1 values that are not from 0 to 2"),
    (lambda: Classification(3), (A([0, -1]), A([0, 1])), "truth holds 1 values that are not from 0 to 2"),
    (lambda: Classification(3), (A([0, 1]), A([0, -1])), "prediction holds 1 values that are not from 0 to 2"),
    (lambda: Classification(3), (A([0, 1]), A([0, 4])), "prediction holds 1 values"),
    (lambda: Classification(3), (A([0, 3]), np.eye(3)[:2]), "truth holds 1 values"),
    (lambda: Classification(3), (A([0, 1]), A([[0, 1, 2], [0, np.nan, 1]])), "prediction holds 1 values that are NaN"),
    (lambda: Classification(3), (A([0, 1]), np.eye(4)[:2]), r"shape \(2, 4\) .* expected \(2, 3\) .*class scores, or"),
    (lambda: Classification(3), (A([0, 1]), A([0])), r"shape \(1,\)"),
    (lambda: Classification(3), (A([0, 1]), np.eye(3)[:1]), r"shape \(1, 3\)"),
    (lambda: Classification(3), (A([0.0, 1.0]), A([0, 1])), "type float64: expected"),
    (lambda: Classification(3), (A([[0], [1]]), A([0, 1])), r"truth of the shape \(2, 1\)"),
    *(
        (state, arguments, message)
        for state in (Calibration, Ranking)
        for arguments, message in [
            ((A([0, 2]), A([0.1, 0.9])), "truth holds 1 values that are not from 0 to 1"),
            ((A([0, 255], np.uint8), A([0.1, 0.9])), "truth holds 1 values"),
            ((A([0.0, 1.0]), A([0.1, 0.9])), "type float64: expected"),
            ((A([True, False]), A([0.1, np.nan])), "probability holds 1 values that are NaN"),
            ((A([True, False]), A([0.1, 1.1])), "probability holds 1 values that are not from 0 to 1"),
            ((A([True, False]), A([-0.1, 1])), "probability holds 1 values"),
            ((A([True, False]), A([0, 1])), "type int64: expected"),
            ((A([True]), A([0.1, 0.9])), r"shape \(2,\)"),
            ((A([[True]]), A([[0.1]])), r"shape \(1, 1\)"),
        ]
    ),
    (masks, ([0, 1], MASKS, NAN, MASKS, [0, 1]), "prediction holds 1 values at valid pixels that are not from 0 to 1"),
    (masks, ([0, 1], MASKS, HALVES * 4, MASKS, [0, 1]), "prediction holds 24 values"),
    (masks, ([0, 2], MASKS, HALVES, MASKS, [0, 1]), "positions holds 1 values that are not from 0 to 1"),
    (masks, ([0, -1], MASKS, HALVES, MASKS, [0, 1]), "positions holds 1 values"),
    (masks, ([1, 1], MASKS, HALVES, MASKS, [0, 1]), "position 1 is given more than once"),
    (masks, ([0, 1], MASKS, HALVES, MASKS, [0, 2]), "stratum holds 1 values"),
    (masks, ([0, 1], MASKS, HALVES, MASKS), "give each scene one"),
    (masks, ([0, 1], MASKS, HALVES[:, :1], MASKS, [0, 1]), r"prediction of the shape \(2, 1, 4\)"),
    (masks, ([0, 1], MASKS, HALVES, MASKS[:, :1], [0, 1]), r"valid of the shape \(2, 1, 4\)"),
    (masks, ([0], MASKS, HALVES, MASKS, [0]), r"truth of the shape \(2, 3, 4\)"),
    (masks, ([0, 1], MASKS[0], HALVES[0], MASKS[0], [0, 1]), r"expected \(N, H, W\)"),
    (Regression, (A([0, 1.0]), A([0, np.inf])), "prediction holds 1 values that are NaN or infinite"),
    (Regression, (A([0, 1e39]), A([0, 1.0])), r"truth holds 1 values that are not from -3\.40282e\+38"),
    (Regression, (A(["a", "b"]), A([0, 1.0])), "type <U1: expected"),
    (Regression, (A([0, 1.0]), A([1.0])), r"prediction of the shape \(1,\)"),
    (lambda: RankCorrelation(2), (A([0, 2]), A([0, 1.0]), A([0, 1.0])), "positions holds 1 values that are not from 0"),
    (lambda: RankCorrelation(2), (A([1, 1]), A([0, 1.0]), A([0, 1.0])), "position 1 is given more than once"),
    (lambda: GroupedRegression(2), (A([0.0, 1.0]), A([0, 1.0]), A([0, 1.0])), "groups .* type float64"),
    (lambda: GroupedRegression(2), (A([0, 2]), A([0, 1.0]), A([0, 1.0])), "groups holds 1 values that are not from 0"),
    (lambda: Reconstruction(12, 12, 1), (IMAGES, np.where(IMAGES > 0.99, np.nan, IMAGES)), "prediction holds"),
    (lambda: Reconstruction(12, 12, 1), (IMAGES, IMAGES[:1]), r"prediction of the shape \(1, 12, 12\)"),
    (lambda: Surrogate((1.0, 1.0)), (IMAGES, np.where(IMAGES > 0.99, np.nan, IMAGES)), "prediction holds"),
    (lambda: Surrogate((1.0, 1.0)), (IMAGES, IMAGES[:1]), r"prediction of the shape \(1, 12, 12\)"),
]


@pytest.mark.parametrize(("state", "arguments", "message"), REFUSED)
def test_what_does_not_fit_is_refused_and_nothing_of_it_is_added(
    state: Callable[[], Any], arguments: tuple[Any, ...], message: str
) -> None:
    refused, untouched = state(), state()
    with pytest.raises(InputError, match=message):
        refused.update(*arguments)
    before = untouched.arrays() | untouched.maxima()
    for name, array in (refused.arrays() | refused.maxima()).items():
        np.testing.assert_array_equal(array, before[name])


def test_a_scene_is_scored_once_across_updates_and_workers() -> None:
    one, two = Segmentation(2), Segmentation(2)
    for state in (one, two):
        state.update([0], MASKS[:1], HALVES[:1], MASKS[:1])
    with pytest.raises(InputError, match="position 0 is given more than once"):
        one.update([0], MASKS[:1], HALVES[:1], MASKS[:1])
    with pytest.raises(ValueError, match="1 scenes were given more than once, the first at position 0"):
        (one + two).result()


@pytest.mark.parametrize("filler", [np.nan, np.inf, 9.0])
def test_pixels_that_are_not_valid_are_not_looked_at(filler: float) -> None:
    valid = np.arange(24).reshape(2, 3, 4) % 3 > 0
    expected, found = Segmentation(2), Segmentation(2)
    expected.update([0, 1], MASKS, HALVES, valid)
    found.update([0, 1], MASKS, np.where(valid, HALVES, filler), valid)
    assert found.result() == pytest.approx(expected.result(), nan_ok=True)


@pytest.mark.parametrize("truth", [A([1, 0, 1]), A([1, 0, 1], np.uint8), [True, False, True]])
def test_truth_of_ones_and_zeros_is_like_true_and_false(truth: Any) -> None:
    for kind in (Calibration, Ranking):
        expected, found = kind(), kind()
        expected.update(A([True, False, True]), A([0.6, 0.2, 0.9]))
        found.update(truth, A([0.6, 0.2, 0.9]))
        assert found.result() == expected.result()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Classification(0), "num_classes is 0: give a finite number of at least 1"),
        (lambda: Classification(3, top_k=0), "top_k is 0"),
        (lambda: Calibration(0), "bins is 0"),
        (lambda: Ranking(-1), "bits is -1"),
        (lambda: Ranking(24), "bits is 24: a float32 has 23"),
        (lambda: RankCorrelation(-1), "num_samples is -1"),
        (lambda: Segmentation(-1), "num_scenes is -1"),
        (lambda: Surrogate((float("inf"),)), "spacing is inf: give a finite number above 0"),
        (lambda: Reconstruction(12, 12, float("nan")), "data_range is nan"),
    ],
)
def test_parameters_out_of_range_are_refused(make: Callable[[], Additive], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


class NeedsGradient:
    """As PyTorch's tensors that require gradients answer."""

    def __array__(self, *args: Any, **options: Any) -> np.ndarray:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1, 2], [3]], "prediction: list cannot be made an array .*inhomogeneous"),
        (NeedsGradient(), "prediction: NeedsGradient cannot be made an array .*detach"),
        (np.ma.masked_greater(A([1.0, 2.0]), 1), "prediction: 1 elements are masked"),
    ],
)
def test_what_is_no_array_is_refused(values: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_array("prediction", values)


def test_values_at_the_bounds_and_empty_arrays_are_taken() -> None:
    form = Format("probabilities", (), "f", 0, 1)
    assert checked("p", [0.0, 1.0], form).tolist() == [0, 1]
    assert checked("p", np.zeros(0), form, count=0).size == 0
    assert checked("p", np.full(2, 1.7e308), Format("numbers", (), "f")).size == 2


def test_a_format_is_described_in_words() -> None:
    assert Format("class scores", (231,), "f").describe("N") == "(N, 231) float class scores"
    assert Format("masks of cloud", (4, 5), "biu", 0, 1).describe("2") == (
        "(2, 4, 5) integer or boolean masks of cloud, 0 or 1"
    )
    assert Format("classes", (), "iu", 0, 230).describe("N") == "(N,) integer classes from 0 to 230"


def test_a_signalling_nan_is_not_finite_and_neither_inside_nor_outside() -> None:
    values = np.array([0x3F000000, 0x7FA00000], np.uint32).view(np.float32)
    form = Format("probabilities", (), "f", 0, 1)
    found = [form.not_finite(values), form.outside(values)]
    assert [None if mask is None else mask.tolist() for mask in found] == [[False, True], [False, False]]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_a_bound_may_be_beyond_the_type_of_the_values(kind: type[np.floating[Any]]) -> None:
    numbers = Format("numbers", (), "f", low=0, high=1e100)
    assert numbers.outside(np.array([0.5, 1], kind)) is None
    wrong = numbers.outside(np.array([0.5, -1], kind))
    assert wrong is not None
    assert wrong.tolist() == [False, True]
