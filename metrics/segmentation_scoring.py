"""Scoring of a segmentation: a mask for each sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.metrics.array_formats import Format
from sciml_datasets.metrics.segmentation import Segmentation, mask_formats
from sciml_datasets.metrics.truth import Truth


class SegmentationScoring:
    """The scoring of a mask for each sample.

    Args:
        truth: truth of the split.
        mask: feature of the records with the true mask.
        valid: feature that says which pixels count; empty where all do.
        stratum: feature with an index into ``strata``; empty where there are none.
        strata: names of the groups of samples that are also scored separately.
    """

    def __init__(self, truth: Truth, *, mask: str, valid: str, stratum: str, strata: tuple[str, ...]) -> None:
        self._truth, self._name, self._valid, self._stratum = truth, mask, valid, stratum
        self.state = Segmentation(len(truth), strata)
        self.formats: tuple[Format, ...] = mask_formats(mask, truth.shape(mask))

    def update(self, positions: NDArray[np.int64], predictions: NDArray[Any]) -> None:
        """See `Scoring.update`; the truth is read one sample at a time."""
        for i, position in enumerate(positions):
            one = slice(i, i + 1)
            names = tuple(filter(None, (self._name, self._valid, self._stratum)))
            read = dict(zip(names, self._truth.features(positions[one], names), strict=True))
            mask = read[self._name]
            valid = read.get(self._valid, np.ones_like(mask, bool))
            self.state.update([position], mask, predictions[one], valid, read.get(self._stratum))

    def result(self) -> dict[str, float]:
        """See `Segmentation.result`."""
        return self.state.result()

    def resampled(self, weights: NDArray[np.int64]) -> dict[str, float]:
        """See `Segmentation.resampled`."""
        return self.state.resampled(weights)

    def baselines(self) -> dict[str, dict[str, float]]:
        """The scores of the probability 0, and of 1, at all pixels of the samples that were given."""
        return {f"{name} {self._name}": self.state.constant(i).result() for i, name in enumerate(("no", "all"))}

    def scored(self, positions: NDArray[np.int64]) -> NDArray[np.bool_] | bool:
        """The valid pixels."""
        return not self._valid or np.asarray(self._truth.features(positions, (self._valid,))[0] != 0)

    def details(self) -> dict[str, Any]:
        """The pooled confusion matrix, and the reliability table where probabilities were given."""
        confusion = {"classes": [f"no {self._name}", self._name], "counts": self.state.scenes.sum(axis=0).tolist()}
        if not self.state.with_probability:
            return {"confusion": confusion}
        table = self.state.calibration.reliability()
        return {"confusion": confusion, "reliability": table[table[:, 2] > 0].tolist()}
