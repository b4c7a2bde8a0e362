"""Scores of reconstructed images against true ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sciml_datasets.metrics.array_formats import check_number
from sciml_datasets.metrics.exact_sums import Floats
from sciml_datasets.metrics.moments import PairedMoments, paired, ratio
from sciml_datasets.metrics.state import Additive, counts, sums

PER_IMAGE = ("psnr", "ssim", "pearson", "relative_l2", "r1", "mae", "mse")
RESOLVED = 0.5
"""Least Fourier ring correlation at which a frequency counts as resolved."""
SIGMA = 1.5
RADIUS = 5
"""Radius in pixels of the structural similarity's Gaussian window: 11 x 11, as Wang et al. have it."""


@dataclass(eq=False)
class Reconstruction(Additive):
    """Sums over images and over rings of their Fourier transforms.

    Attributes:
        height: height of the images in pixels, at least 11.
        width: width of the images in pixels, at least 11.
        data_range: largest less smallest value that the truth can take, in its unit; for PSNR and SSIM.
        total: (len(PER_IMAGE),) float64 sums of the scores over the images for which they are defined.
        defined: (len(PER_IMAGE),) int64 numbers of these images.
        pooled: moments over all pixels of all images.
        rings: (3, R) float64 sums over the coefficients of each ring: of truth times the conjugate of the prediction
            (real part), of |truth|^2 and of |prediction|^2.

    Example:
        >>> import numpy as np
        >>> from sciml_datasets.metrics import Reconstruction
        >>> truth = np.random.default_rng(0).uniform(size=(2, 16, 16))  # two images of 16 x 16 pixels
        >>> state = Reconstruction(height=16, width=16, data_range=1.0)
        >>> psnr_of_each = state.update(truth, truth + 0.1)[:, 0]  # in dB
        >>> psnr_of_each.round(3).tolist()
        [20.0, 20.0]
        >>> scores = state.result()
        >>> round(scores["mae"], 3), round(scores["pearson"], 3)
        (0.1, 1.0)
    """

    height: int
    width: int
    data_range: float
    total: NDArray[np.float64] = field(init=False)
    defined: NDArray[np.int64] = field(init=False)
    pooled: PairedMoments = field(init=False, default_factory=PairedMoments)
    rings: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        for name in ("height", "width"):
            check_number(name, getattr(self, name), least=2 * RADIUS + 1)
        check_number("data_range", self.data_range, above=0)
        self.total, self.defined = sums(len(PER_IMAGE)), counts(len(PER_IMAGE))
        self.rings = sums(3, len(self.frequencies()))

    def frequencies(self) -> Floats:
        """(R,) frequency of each ring in cycles per pixel, from 0 to at most 0.5 in steps of 1 / the shorter side."""
        shorter = min(self.height, self.width)
        return np.arange(shorter // 2 + 1) / shorter

    def update(self, truth: ArrayLike, prediction: ArrayLike) -> Floats:
        """Add images.

        Args:
            truth: (N, height, width) float true images.
            prediction: (N, height, width) float predicted images, in the same unit.

        Returns:
            (N, len(PER_IMAGE)) scores of each image, NaN where undefined.

        Raises:
            ValueError: the shapes differ or are not those above, or a value is no number of the size of float32; no
                image is added.
        """
        images = paired(truth, prediction, (self.height, self.width))
        each = np.empty((len(images[0]), len(PER_IMAGE)))
        for i, (t, p) in enumerate(zip(*images, strict=True)):  # one image at a time fits the cache
            each[i] = self._add_scores(t, p)
            self._add_rings(t, p)
        return each

    def _add_scores(self, truth: Floats, prediction: Floats) -> Floats:
        pixels = PairedMoments()
        pixels.update(truth.ravel(), prediction.ravel())
        found = pixels.statistics()
        scores = {
            "psnr": float(psnr(found.mse, self.data_range)[0]),
            "ssim": structural_similarity(truth, prediction, self.data_range),
            "pearson": float(found.pearson[0]),
            "relative_l2": float(np.sqrt(ratio(found.mse * found.samples, found.truth_squares))[0]),
            "r1": float(ratio(found.mae * found.samples, np.abs(truth).sum())[0]),
            "mae": float(found.mae[0]),
            "mse": float(found.mse[0]),
        }
        values = np.array([scores[name] for name in PER_IMAGE])
        self.total += np.nan_to_num(values, posinf=np.inf)
        self.defined += ~np.isnan(values)
        self.pooled.merge(pixels)
        return values

    def _add_rings(self, truth: Floats, prediction: Floats) -> None:
        t, p = _transformed(truth), _transformed(prediction)
        shorter = min(self.height, self.width)
        y, x = (np.rint(np.fft.fftfreq(side, 1 / side)) * shorter / side for side in (self.height, self.width))
        ring = np.rint(np.hypot(y[:, None], x)).astype(np.int64).ravel()
        for i, product in enumerate(((t * p.conj()).real, np.abs(t) ** 2, np.abs(p) ** 2)):
            self.rings[i] += np.bincount(ring, product.ravel())[: self.rings.shape[1]]

    def frc(self) -> Floats:
        """(R,) Fourier ring correlation at `frequencies`, from -1 to 1, of the sums over all images.

        Re sum T P* / sqrt(sum |T|^2 sum |P|^2) over the coefficients nearest to each ring (Saxton & Baumeister 1982,
        doi:10.1111/j.1365-2818.1982.tb00405.x; van Heel 1987, Ultramicroscopy 21, 95). The corners beyond 0.5 cycles
        per pixel are left out, and no window is applied to the images. NaN, undefined, where truth or prediction has no
        power in the ring.
        """
        cross, truth, prediction = self.rings
        return ratio(cross, np.sqrt(truth) * np.sqrt(prediction))

    def result(self) -> dict[str, float]:
        """The scores, with truth t and prediction p; the first seven are means over images.

        - ``psnr`` and ``ssim``: see `psnr` and `structural_similarity`. One exact image makes ``psnr`` infinite.
        - ``pearson``: Pearson's r over the image's pixels; undefined where truth or prediction is constant.
        - ``relative_l2`` = |t - p| / |t| with Euclidean norms, ``r1`` = sum |t - p| / sum |t|; undefined where truth is
          0 throughout.
        - ``mse``: mean (t - p)^2 in the truth's unit squared, ``mae``: mean |t - p| in that unit.
        - ``pearson_undefined``, ``relative_undefined``: numbers of images that these means leave out, as the score is
          undefined; the mean is NaN where it is undefined for all images.
        - ``pearson_pooled``: Pearson's r over all pixels; NaN, undefined, where truth or prediction is constant.
        - ``frc_resolution``: see `frc_resolution`, in cycles per pixel.

        Raises:
            ValueError: no samples were added.
        """
        images = int(self.defined[PER_IMAGE.index("mse")])
        if not images:
            raise ValueError("no samples were added: call update first")
        scores = {
            name: float(total / defined) if defined else np.nan
            for name, total, defined in zip(PER_IMAGE, self.total, self.defined, strict=True)
        }
        return {
            **scores,
            "pearson_pooled": float(self.pooled.statistics().pearson[0]),
            "frc_resolution": frc_resolution(self.frequencies(), self.frc()),
            "pearson_undefined": images - int(self.defined[PER_IMAGE.index("pearson")]),
            "relative_undefined": images - int(self.defined[PER_IMAGE.index("r1")]),
        }


def _transformed(image: Floats) -> NDArray[np.complex128]:
    """The Fourier transform of an image, exact to rounding even where the mean is far larger than the variation."""
    coefficients: NDArray[np.complex128] = np.fft.fft2(image - image.mean())
    coefficients[0, 0] = image.sum()
    return coefficients


def psnr(mse: Floats, data_range: float) -> Floats:
    """The peak signal-to-noise ratio in dB, 10 log10(data_range^2 / mse), infinite where the error is 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(20 * np.log10(data_range) - 10 * np.log10(mse))


def structural_similarity(truth: Floats, prediction: Floats, data_range: float) -> float:
    """The mean structural similarity, at most 1, of (H, W) images (Wang et al. 2004, doi:10.1109/TIP.2003.819861).

    It has an 11 x 11 Gaussian window of sigma 1.5 pixels, population covariances, K1 = 0.01, K2 = 0.03, and is the mean
    over the places at which the window is within the image.
    """
    ut, up = _blurred(truth), _blurred(prediction)
    # Variances do not depend on the mean of the image, but their rounding does.
    dt, dp = truth - truth.mean(), prediction - prediction.mean()
    mt, mp = _blurred(dt), _blurred(dp)
    vt, vp = _blurred(dt * dt) - mt * mt, _blurred(dp * dp) - mp * mp
    covariance = _blurred(dt * dp) - mt * mp
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    similarity = (2 * ut * up + c1) * (2 * covariance + c2) / ((ut * ut + up * up + c1) * (vt + vp + c2))
    return float(similarity.mean())


def _blurred(image: Floats) -> Floats:
    """(H - 10, W - 10) Gaussian means of an (H, W) image, where the window is within it."""
    weights = np.exp(-0.5 * (np.arange(-RADIUS, RADIUS + 1) / SIGMA) ** 2)
    weights /= weights.sum()
    height, width = (side - 2 * RADIUS for side in image.shape)
    rows = sum(weight * image[i : i + height] for i, weight in enumerate(weights))
    return np.asarray(sum(weight * rows[:, i : i + width] for i, weight in enumerate(weights)))


def frc_resolution(frequencies: Floats, curve: Floats) -> float:
    """The first frequency, in the unit of ``frequencies``, at which the curve falls to RESOLVED; linear between rings.

    It is the last frequency (0.5 cycles per pixel, Nyquist's, for even sides) where the curve never falls to RESOLVED,
    and 0 where the first ring beyond the mean is below it already. Undefined rings count as not resolved, as nothing of
    the truth is seen in them; the ring of frequency 0, the mean, is left out.

    Args:
        frequencies: (R,) frequencies, ascending.
        curve: (R,) Fourier ring correlation, as of `Reconstruction.frc`.
    """
    f, c = frequencies[1:], np.nan_to_num(curve[1:])
    below = np.flatnonzero(c < RESOLVED)
    if not len(below):
        return float(f[-1])
    i = int(below[0])
    if i == 0:
        return 0.0
    return float(f[i - 1] + (f[i] - f[i - 1]) * (c[i - 1] - RESOLVED) / (c[i - 1] - c[i]))


def mean_image(images: Iterable[NDArray[np.floating]]) -> Floats:
    """(H, W) float64 mean of (H, W) images, for example of the training split: a baseline of reconstructions.

    Raises:
        ValueError: there are no images.
    """
    count, total = 0, np.zeros(())
    for image in images:
        count, total = count + 1, total + image
    if not count:
        raise ValueError("there are no images: give those of the training split")
    return np.asarray(total / count)
