"""Latent structure of simulated drug response: cell lines, compounds, and dose-response curves between them.

A cell line is a point in a latent space that decides its gene expression and how much it depends on each of a few
pathways; a compound is a point that decides its descriptors, its potency, and which pathways it hits. A pair's EC50
follows from both, the area from the Hill curve. Nothing is linear in what a model sees: a mean per drug is a start,
trees are better and a network is best. Part of a compound's potency is in no descriptor, as in reality.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LATENT, PATHWAYS = 6, 6
"""Dimensions of both latent spaces, and of what joins them."""
DOSES = (-9.0, -4.0)
"""Range over which the area is taken, log10 of mol/l, as in CTRP and GDSC."""
EXPRESSION_NOISE, DESCRIPTOR_NOISE = 0.5, 0.4
"""Standard deviations, of 1 of the signal."""
HIDDEN_POTENCY = 0.45
"""Standard deviation of the potency that is in no descriptor, log10 of mol/l."""
POTENCY, RESILIENCE, DEPENDENCE = 1.2, 0.35, 2.6
"""Spread of the EC50 by compound, by cell line and by both together, log10 of mol/l."""
REPLICATE_NOISE = 0.055
"""Standard deviation of an area between repeated measurements."""


@dataclass(frozen=True)
class Loadings:
    """The maps from latent points to observed values, the same for all cell lines and compounds of a simulation."""

    genes: Floats
    descriptors: Floats
    pathways_of_cells: Floats
    pathways_of_drugs: Floats
    potency: Floats
    resilience: Floats

    @classmethod
    def draw(cls, rng: np.random.Generator, genes: int, descriptors: int) -> Loadings:
        """Random loadings for so many genes and descriptors."""

        def matrix(columns: int) -> Floats:
            return np.asarray(rng.normal(size=(LATENT, columns)) / np.sqrt(LATENT))

        return cls(matrix(genes), matrix(descriptors), matrix(PATHWAYS), matrix(PATHWAYS), matrix(2), matrix(1))


def expression(rng: np.random.Generator, loadings: Loadings, cells: Floats) -> Floats:
    """(cells, genes) log expression of latent points (cells, LATENT)."""
    signal = cells @ loadings.genes
    return np.asarray(signal + EXPRESSION_NOISE * rng.normal(size=signal.shape))


def descriptors(rng: np.random.Generator, loadings: Loadings, drugs: Floats) -> Floats:
    """(drugs, descriptors) of latent points (drugs, LATENT): bounded, skewed and plain ones in turn."""
    signal = drugs @ loadings.descriptors
    signal = signal + DESCRIPTOR_NOISE * rng.normal(size=signal.shape)
    signal[:, 1::3] = np.tanh(signal[:, 1::3])
    signal[:, 2::3] = np.exp(signal[:, 2::3])
    return np.asarray(signal)


def areas(
    loadings: Loadings, cells: Floats, drugs: Floats, hidden: Floats, pairs: NDArray[np.integer[Any]]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Dose-response of pairs (N, 2) of a cell line and a compound.

    Args:
        loadings: loadings of the simulation.
        cells: (cells, LATENT).
        drugs: (drugs, LATENT).
        hidden: (drugs,) potency that is in no descriptor, log10 of mol/l.
        pairs: rows of cells and of drugs.

    Returns:
        (N,) log10 of the EC50 in mol/l, largest effect, slope, and the area: the mean viability over DOSES.
    """
    one, other = (drugs @ loadings.potency).T
    potency = POTENCY * (np.tanh(1.5 * one) + 0.5 * np.sin(2 * other)) + hidden
    hits = np.exp(2 * drugs @ loadings.pathways_of_drugs)
    hits /= hits.sum(axis=1, keepdims=True)
    needs = np.tanh(1.5 * cells @ loadings.pathways_of_cells)
    resilience = RESILIENCE * (cells @ loadings.resilience)[:, 0]
    cell, drug = pairs.T
    dependence = DEPENDENCE * (hits[drug] * needs[cell]).sum(axis=1)
    ec50 = -5.6 + potency[drug] + resilience[cell] - dependence
    floor = 0.5 / (1 + np.exp(2 * drugs[:, 0]))
    slope = 0.8 + 0.6 / (1 + np.exp(-drugs[:, 1]))
    # Integral of 1 / (1 + 10^(h (x - e))) over x, divided by the range.
    low, high = (np.logaddexp(0, np.log(10) * slope[drug] * (bound - ec50)) for bound in DOSES)
    unaffected = 1 - (high - low) / (np.log(10) * slope[drug] * (DOSES[1] - DOSES[0]))
    return ec50, floor[drug], slope[drug], floor[drug] + (1 - floor[drug]) * unaffected


def viabilities(ec50: Floats, floor: Floats, slope: Floats, doses: Floats) -> Floats:
    """The share of living cells at doses, log10 of mol/l, on the curves whose parameters `areas` returns."""
    return np.asarray(floor + (1 - floor) / (1 + 10 ** (slope * (doses - ec50))))
