"""Pictures of drug response."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.candle_uno.measures import AUC, FACT, GROWTH
from sciml_datasets.mathtext import literal

COUNT = 20000
"""Samples that are drawn unless another number is asked for."""
FEATURES = ("id", "source", "cell", "drug", "drug_1", "drug_2", "response", "growth")
"""Features that are read, where a data set has them."""
FACTS = (FACT,)
"""Facts of prepared data that `contact_sheet` takes."""
KILLED_TO_UNTOUCHED = (-1.0, 1.0)
"""Range of most values of growth, drawn in colours that divide at 0, where cells neither grow nor die."""
MOST = (1, 99)
"""Percentiles between which the values of a measure without two bounds are distinguished by colour."""
NOT_MEASURED = "0.92"
"""Light gray, which is none of them."""
LONGEST_NAME = 24
CELLS, DRUGS = 60, 40
"""Rows and columns of the heat map: those with the most responses."""
LINES: tuple[Mapping[str, Any], ...] = (
    {"color": "#000000", "linestyle": "-"},
    {"color": "#0072b2", "linestyle": "--"},
    {"color": "#e69f00", "linestyle": "-."},
    {"color": "#56b4e9", "linestyle": "-"},
    {"color": "#cc79a7", "linestyle": ":"},
)
"""Lines of the sources: colours that the colour-blind distinguish too (Okabe and Ito 2008), and their dashes."""
PANELS = 8
"""Drugs of which predictions are drawn."""
MIN_RESPONSES = 3


def contact_sheet(
    samples: Sequence[dict[str, Any]],
    picture: Path | IO[bytes],
    predictions: Sequence[NDArray[Any]] | None = None,
    response: Mapping[str, Any] | None = None,
) -> None:
    """Draw responses: a heat map over cell lines and drugs, distributions by source, and predictions of single drugs.

    Args:
        samples: examples of a CANDLE-UNO data set as NumPy values; FEATURES are drawn.
        picture: PNG file to write, or a file that is open for it.
        predictions: the predicted response of each sample; adds predicted against observed of the most frequent drugs.
        response: the measure, as `measures.Measure.facts` returns it; default AUC, or growth.
    """
    from matplotlib.figure import Figure

    growth = "growth" in samples[0]
    measure = response or (GROWTH if growth else AUC).facts()
    what = literal(measure["title"] + (f", {measure['unit']}" if measure["unit"] else ""))
    values = np.array([float(sample["growth" if growth else "response"]) for sample in samples])
    low, high = KILLED_TO_UNTOUCHED if growth else _range(measure, values)
    cells, sources = (np.array([_text(sample[name]) for sample in samples]) for name in ("cell", "source"))
    drugs = np.array([_drugs(sample) for sample in samples])
    figure = Figure(figsize=(15, 8.5 if predictions is None else 13.5), layout="constrained")
    upper: Any = figure
    lower: Any = None
    if predictions is not None:
        panels: Any = figure.subfigures(2, 1, height_ratios=(8.5, 5))
        upper, lower = panels
    left, right = upper.subplots(1, 2, width_ratios=(2, 1))
    table, rows, columns = heat_map(values, cells, drugs)
    noun = "drugs" if "drug" in samples[0] else "pairs of drugs"
    left.set_facecolor(NOT_MEASURED)
    image = left.imshow(
        table, cmap="RdBu" if growth else "viridis", vmin=low, vmax=high, aspect="auto", interpolation="nearest"
    )
    left.set_xticks(range(len(columns)), [_short(name) for name in columns], rotation=90, fontsize=7)
    left.set_yticks(range(len(rows)), [_short(name) for name in rows], fontsize=6)
    title = f"mean {what} of the {len(rows)} cell lines and {len(columns)} {noun} with the most responses"
    left.set(xlabel=noun, ylabel="cell lines", title=title)
    kills = f"{measure['kills']}: the drug kills; " if measure["kills"] else ""
    upper.colorbar(image, ax=left, label=f"mean {what} ({kills}gray: not measured)")
    names = [name for name, _ in Counter(sources.tolist()).most_common()]
    for name, style in zip(names, cycle(LINES), strict=False):
        some = values[sources == name]
        right.ecdf(some, label=f"{literal(name)} ({len(some):,})", linewidth=1.6, **style)
    right.set(xlabel=what, ylabel="share of the responses that are not greater", title=f"{what} by source")
    right.grid(color="0.9")
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.1), "ncols": 2, "frameon": False}
    right.legend(fontsize=8, title="source (responses)", title_fontsize=8, **place)
    if predictions is not None:
        predicted = np.array([float(np.ravel(value)[0]) for value in predictions])
        _draw_drugs(lower, values, predicted, drugs, what, (low, high), noun)
    figure.savefig(picture, dpi=110)


def _range(measure: Mapping[str, Any], values: NDArray[np.float64]) -> tuple[float, float]:
    """That of the measure where it has two bounds, else where most values are; never empty."""
    low, high = (
        float(np.percentile(values, most)) if None in (measure["low"], measure["high"]) else float(bound)
        for bound, most in zip((measure["low"], measure["high"]), MOST, strict=True)
    )
    return (low, high) if low < high else (low - 0.5, low + 0.5)


def _drugs(sample: dict[str, Any]) -> str:
    """The drug, or both, whatever their order."""
    return " + ".join(sorted(_text(sample[name]) for name in ("drug", "drug_1", "drug_2") if name in sample))


def heat_map(
    response: NDArray[np.float64], cells: NDArray[np.str_], drugs: NDArray[np.str_]
) -> tuple[NDArray[np.float64], list[str], list[str]]:
    """Mean response of cell lines and drugs with the most responses, each sorted by its own mean.

    Args:
        response, cells, drugs: (N,) of each response.

    Returns:
        (cells, drugs) float64, NaN where nothing was measured; the names of the rows; the names of the columns.
    """
    rows = _by_mean(response, cells, CELLS)
    columns = _by_mean(response, drugs, DRUGS)
    row, column = ({name: number for number, name in enumerate(names)} for names in (rows, columns))
    total, count = np.zeros((2, len(rows), len(columns)))
    for value, cell, drug in zip(response, cells.tolist(), drugs.tolist(), strict=True):
        if cell in row and drug in column:
            total[row[cell], column[drug]] += value
            count[row[cell], column[drug]] += 1
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0), rows, columns


def _by_mean(response: NDArray[np.float64], names: NDArray[np.str_], most: int) -> list[str]:
    kept = [name for name, _ in sorted(Counter(names.tolist()).items(), key=lambda item: (-item[1], item[0]))[:most]]
    return sorted(kept, key=lambda name: float(response[names == name].mean()))


def _draw_drugs(
    panel: Any,
    values: NDArray[np.float64],
    predicted: NDArray[np.float64],
    drugs: NDArray[np.str_],
    what: str,
    limits: tuple[float, float],
    noun: str,
) -> None:
    """Predicted against observed responses, one panel for each of the most frequent drugs."""
    frequent = [name for name, count in Counter(drugs.tolist()).most_common(PANELS) if count >= MIN_RESPONSES]
    panel.suptitle(f"predicted against observed {what}, the {len(frequent)} {noun} with the most responses")
    if not frequent:
        return
    panel.supxlabel(f"observed {what}", fontsize=9)
    panel.supylabel(f"predicted {what}", fontsize=9)
    for axes, drug in zip(panel.subplots(2, -(-len(frequent) // 2), squeeze=False).flat, frequent, strict=False):
        observed, guess = values[drugs == drug], predicted[drugs == drug]
        varied = observed.std() > 0 and guess.std() > 0
        r = f"r {np.corrcoef(observed, guess)[0, 1]:.2f}" if varied else "constant"
        axes.plot(limits, limits, color="gray", linewidth=0.6)
        axes.scatter(observed, guess, s=6, color="tab:blue")
        axes.set_title(f"{_short(drug)}, n {len(observed)}, {r}", fontsize=8)
        axes.tick_params(labelsize=7)


def _short(name: str) -> str:
    return literal(name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 3] + "...")


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
