"""Reconstruction scores against scikit-image, SciPy and hand-computed cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr
from skimage.metrics import peak_signal_noise_ratio
from skimage.metrics import structural_similarity as skimage_ssim

from sciml_datasets.metrics.reconstruction import Reconstruction, frc_resolution, mean_image, structural_similarity

Arrays = tuple[np.ndarray, np.ndarray]
DATA_RANGE = 4.0


@st.composite
def image_pairs(draw: st.DrawFn) -> Arrays:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(1, 6)), draw(st.integers(11, 24)), draw(st.integers(11, 24))
    truth = rng.normal(size=shape)
    return truth, 0.8 * truth + rng.normal(0, 0.4, shape)


def state_of(truth: np.ndarray, prediction: np.ndarray) -> Reconstruction:
    state = Reconstruction(*truth.shape[1:], DATA_RANGE)
    state.update(truth, prediction)
    return state


@settings(max_examples=50)
@given(image_pairs())
def test_means_over_images_agree_with_other_implementations(arrays: Arrays) -> None:
    result, images = state_of(*arrays).result(), list(zip(*arrays, strict=True))
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": DATA_RANGE}
    expected = {
        "psnr": [peak_signal_noise_ratio(t, p, data_range=DATA_RANGE) for t, p in images],
        "ssim": [skimage_ssim(t, p, **options) for t, p in images],
        "pearson": [pearsonr(t.ravel(), p.ravel()).statistic for t, p in images],
        "relative_l2": [np.linalg.norm(t - p) / np.linalg.norm(t) for t, p in images],
        "r1": [np.abs(t - p).sum() / np.abs(t).sum() for t, p in images],
        "mae": [np.abs(t - p).mean() for t, p in images],
        "mse": [((t - p) ** 2).mean() for t, p in images],
    }
    for name, values in expected.items():
        assert result[name] == pytest.approx(np.mean(values), rel=1e-10, abs=1e-12), name
    truth, prediction = (array.ravel() for array in arrays)
    assert result["pearson_pooled"] == pytest.approx(pearsonr(truth, prediction).statistic, rel=1e-10, abs=1e-12)
    assert result["pearson_undefined"] == result["relative_undefined"] == 0


def test_ssim_agrees_with_scikit_image_on_smooth_images() -> None:
    rng = np.random.default_rng(3)
    truth = np.cumsum(np.cumsum(rng.normal(size=(64, 48)), axis=0), axis=1)
    prediction = truth + rng.normal(size=truth.shape)
    data_range = float(np.ptp(truth))
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": data_range}
    ours = structural_similarity(truth, prediction, data_range)
    assert ours == pytest.approx(skimage_ssim(truth, prediction, **options), abs=1e-10)


@settings(max_examples=30)
@given(image_pairs())
def test_fourier_ring_correlation_agrees_with_a_loop_over_rings(arrays: Arrays) -> None:
    state = state_of(*arrays)
    _, height, width = arrays[0].shape
    t, p = (np.fft.fftshift(np.fft.fft2(array), axes=(1, 2)) for array in arrays)
    y, x = np.arange(height) - height // 2, np.arange(width) - width // 2
    radius = np.sqrt((y[:, None] * min(height, width) / height) ** 2 + (x * min(height, width) / width) ** 2)
    for k, value in enumerate(state.frc()):
        ring = np.round(radius) == k
        cross = (t[:, ring] * np.conj(p[:, ring])).sum().real
        power = (np.abs(t[:, ring]) ** 2).sum() * (np.abs(p[:, ring]) ** 2).sum()
        assert value == pytest.approx(cross / np.sqrt(power), abs=1e-10)
    assert state.frequencies()[-1] <= 0.5


@settings(max_examples=50)
@given(image_pairs(), st.integers(1, 4), st.integers(0, 10**6))
def test_batching_order_and_workers_do_not_change_the_scores(arrays: Arrays, workers: int, seed: int) -> None:
    truth, prediction = arrays
    merged = Reconstruction(*truth.shape[1:], DATA_RANGE)
    for part in np.array_split(np.random.default_rng(seed).permutation(len(truth)), workers):
        merged.merge(state_of(truth[part], prediction[part]))
    whole = state_of(truth, prediction)
    for name in ("total", "defined", "rings"):
        array = whole.arrays()[name]
        np.testing.assert_allclose(merged.arrays()[name], array, rtol=1e-12, atol=1e-12 * np.abs(array).max())
    for name, value in whole.result().items():
        assert merged.result()[name] == pytest.approx(value, rel=1e-12, abs=1e-12), name


def test_an_image_and_itself() -> None:
    truth = np.random.default_rng(0).normal(size=(2, 16, 16))
    state = state_of(truth, truth)
    result = state.result()
    assert result["psnr"] == np.inf
    assert result["ssim"] == result["pearson"] == result["pearson_pooled"] == pytest.approx(1)
    assert result["mse"] == result["mae"] == result["r1"] == result["relative_l2"] == 0
    np.testing.assert_allclose(state.frc(), 1, rtol=1e-12)
    assert result["frc_resolution"] == 0.5


def test_frequencies_that_a_filter_removes_are_not_resolved() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(4, 64, 64))
    radius = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64))
    prediction = np.fft.ifft2(np.fft.fft2(truth) * (radius < 0.25)).real
    prediction += np.fft.ifft2(np.fft.fft2(rng.normal(size=truth.shape)) * (radius >= 0.25)).real
    assert state_of(truth, prediction).result()["frc_resolution"] == pytest.approx(0.25, abs=1 / 64)


def test_resolution_lies_between_rings() -> None:
    f = np.array([0, 0.1, 0.2, 0.3])
    assert frc_resolution(f, np.array([0, 1, 0.75, 0.25])) == pytest.approx(0.25)
    assert frc_resolution(f, np.array([0, 1, 0.75, 0.6])) == 0.3  # never crosses
    assert frc_resolution(f, np.array([1, 0.4, 1, 1])) == 0
    assert frc_resolution(f, np.array([np.nan, 1, np.nan, 1])) == pytest.approx(0.15)


def test_undefined_scores_are_left_out_and_counted() -> None:
    rng = np.random.default_rng(0)
    truth = np.stack([np.zeros((16, 16)), np.ones((16, 16)), rng.normal(size=(16, 16))])
    result = state_of(truth, truth + 0.5).result()
    assert result["pearson_undefined"] == 2
    assert result["relative_undefined"] == 1
    assert result["pearson"] == pytest.approx(1)
    assert result["r1"] == pytest.approx((0.5 + 0.5 / np.abs(truth[2]).mean()) / 2)
    nothing = state_of(truth[:1], truth[:1]).result()
    assert np.isnan([nothing["pearson"], nothing["r1"], nothing["relative_l2"], nothing["pearson_pooled"]]).all()
    assert nothing["frc_resolution"] == 0


def test_the_mean_image() -> None:
    images = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    np.testing.assert_allclose(mean_image(iter(images)), images.mean(axis=0), rtol=1e-15)
    with pytest.raises(ValueError, match="no images"):
        mean_image([])


@pytest.mark.parametrize("shape", [(2, 16, 17), (16, 16), (0, 16)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Reconstruction(16, 16, 1).update(np.zeros(shape), np.zeros(shape))


@pytest.mark.parametrize(
    ("parameters", "message"), [((10, 16, 1.0), "height is 10: .* at least 11"), ((16, 16, 0.0), "data_range is 0.0")]
)
def test_unusable_parameters_are_refused(parameters: tuple[int, int, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Reconstruction(*parameters)


def test_no_samples_is_an_error_not_a_zero() -> None:
    with pytest.raises(ValueError, match="no samples"):
        Reconstruction(16, 16, 1).result()


@settings(max_examples=20)
@given(image_pairs(), st.sampled_from([300.0, 1e5, -1e7]), st.integers(1, 4))
def test_an_offset_costs_no_digits(arrays: Arrays, offset: float, workers: int) -> None:
    truth, prediction = (array + offset for array in arrays)
    merged = Reconstruction(*truth.shape[1:], DATA_RANGE)
    for part in np.array_split(np.arange(len(truth)), workers):
        merged.merge(state_of(truth[part], prediction[part]))
    result, whole = merged.result(), state_of(truth, prediction).result()
    assert result == pytest.approx(whole, abs=1e-12)
    # Of the same rounded values, moved back to zero without rounding.
    near = state_of(truth - offset, prediction - offset).result()
    for name in ("psnr", "pearson", "pearson_pooled", "mse", "mae"):
        assert result[name] == pytest.approx(near[name], rel=1e-12, abs=1e-12), name
    assert result["frc_resolution"] == pytest.approx(near["frc_resolution"], abs=1e-6)
