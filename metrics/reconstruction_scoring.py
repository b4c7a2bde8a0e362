"""Scoring of a reconstruction: an image for each sample."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.metrics.array_formats import Format
from sciml_datasets.metrics.atom_columns import AtomColumns
from sciml_datasets.metrics.exact_sums import LARGEST
from sciml_datasets.metrics.integrated_centre_of_mass import best_factor, integrated_centre_of_mass
from sciml_datasets.metrics.reconstruction import PER_IMAGE, Reconstruction, mean_image
from sciml_datasets.metrics.state import Additive, counts, sums
from sciml_datasets.metrics.truth import Truth


@dataclass(eq=False)
class Images(Additive):
    """Scores of the images of a split and, where the task has them, of their atom columns.

    Attributes:
        each: (num_samples, len(PER_IMAGE)) float64 scores of each image, 0 where undefined or not given.
        defined: (num_samples, len(PER_IMAGE)) int64, 1 where they are defined.
    """

    num_samples: int
    height: int
    width: int
    data_range: float
    columns: Mapping[str, Any]
    pixels: Reconstruction = field(init=False)
    atoms: tuple[AtomColumns, ...] = field(init=False)
    each: NDArray[np.float64] = field(init=False)
    defined: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        shape = self.num_samples, len(PER_IMAGE)
        self.each, self.defined = sums(*shape), counts(*shape)
        self.pixels = Reconstruction(self.height, self.width, self.data_range)
        self.atoms = (AtomColumns(**self.columns),) if self.columns else ()

    def update(
        self, positions: NDArray[np.int64], truth: NDArray[np.floating], prediction: NDArray[np.floating]
    ) -> None:
        """Add images (N, H, W) at some positions of the split."""
        found = self.pixels.update(truth, prediction)
        self.each[positions], self.defined[positions] = np.nan_to_num(found, posinf=np.inf), ~np.isnan(found)
        for atoms in self.atoms:
            atoms.update(truth, prediction)

    def result(self) -> dict[str, float]:
        """See `Reconstruction.result` and `AtomColumns.result`."""
        scores = self.pixels.result()
        for atoms in self.atoms:
            scores |= atoms.result()
        return scores


class ReconstructionScoring:
    """The scoring of an image for each sample.

    Args:
        truth: truth of the split.
        image: feature of the records with the true image.
        data_range: largest less smallest value that the image can take.
        atom_columns: parameters by which its atom columns are found, as `AtomColumns` takes them; empty where it has
            none.
        scan: feature with the diffraction patterns (positions, H, W) from which the image is reconstructed, if any.
    """

    def __init__(
        self,
        truth: Truth,
        *,
        image: str,
        data_range: float,
        atom_columns: Mapping[str, Any] | None = None,
        scan: str = "",
    ) -> None:
        self._truth, self._image, self._scan = truth, image, scan
        height, width = truth.shape(image)[:2]
        self._none = partial(Images, len(truth), height, width, data_range, atom_columns or {})
        self.state = self._none()
        self.formats: tuple[Format, ...] = (Format(f"images of {image}", truth.shape(image), "f", -LARGEST, LARGEST),)

    def update(self, positions: NDArray[np.int64], predictions: NDArray[Any]) -> None:
        """See `Scoring.update`; the truth is read one sample at a time."""
        for i, position in enumerate(positions):
            (image,) = self._truth.features(np.array([position]), (self._image,))
            self.state.update(positions[i : i + 1], image, predictions[i : i + 1])

    def result(self) -> dict[str, float]:
        """See `Images.result`."""
        return self.state.result()

    def resampled(self, weights: NDArray[np.int64]) -> dict[str, float]:
        """The means over images; see `Scoring.resampled`."""
        defined = weights @ self.state.defined
        return {
            name: float(total / number)
            for name, total, number in zip(PER_IMAGE, weights @ self.state.each, defined, strict=True)
            if number
        }

    def baselines(self) -> dict[str, dict[str, float]]:
        """The scores of the mean image of the training split and, for a square scan, of the integrated centre of mass.

        Factor and constant of the latter are fitted to the training split.
        """
        mean = mean_image(image for image, *_ in self._samples(self._truth.training, ()))
        always, state = self._none(), self._none()
        for i, (image,) in enumerate(self._samples(self._truth, ())):
            always.update(np.array([i]), image[None], mean[None])
        found = {"mean image of the training split": always.result()}
        if self._scan and math.isqrt(positions := self._truth.shape(self._scan)[0]) ** 2 == positions:
            factor, constant = best_factor(self._centred(self._truth.training))
            for i, (centred, image) in enumerate(self._centred(self._truth)):
                state.update(np.array([i]), image[None], (factor * centred + constant)[None])
            found["integrated centre of mass"] = state.result()
        return found

    def _centred(self, truth: Truth) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Yield the integrated centre of mass and the true image of each sample."""
        for image, scan in self._samples(truth, (self._scan,)):
            yield integrated_centre_of_mass(scan, image.shape), image

    def _samples(self, truth: Truth, more: tuple[str, ...]) -> Iterator[list[NDArray[Any]]]:
        """Yield the image and further features of each sample, one sample at a time."""
        for position in range(len(truth)):
            yield [values[0] for values in truth.features(np.array([position]), (self._image, *more))]

    def scored(self, positions: NDArray[np.int64]) -> bool:
        """All elements are scored."""
        return True

    def details(self) -> dict[str, Any]:
        """The Fourier ring correlation over frequency, in cycles per pixel."""
        pixels = self.state.pixels
        curve = [None if np.isnan(value) else float(value) for value in pixels.frc()]
        return {"fourier_ring_correlation": {"frequency": pixels.frequencies().tolist(), "correlation": curve}}
