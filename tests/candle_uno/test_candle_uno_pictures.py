"""Pictures of CANDLE-UNO's responses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sciml_datasets.candle_uno.measures import Measure
from sciml_datasets.candle_uno.pictures import contact_sheet, heat_map


def responses(count: int) -> list[dict[str, Any]]:
    random = np.random.default_rng(0)
    return [
        {
            "id": f"S.{number}".encode(),
            "source": b"CCLE" if number % 3 else b"GDSC",
            "cell": f"cell {number % 7}".encode(),
            "drug": f"drug {number % 5}".encode(),
            "response": np.float32(random.random()),
        }
        for number in range(count)
    ]


@pytest.mark.parametrize("predicted", [False, True])
@pytest.mark.parametrize("count", [1, 70])
def test_a_picture_is_drawn_of_few_and_of_many(tmp_path: Path, count: int, predicted: bool) -> None:
    predictions = [np.array(0.5)] * count if predicted else None
    contact_sheet(responses(count), tmp_path / "responses.png", predictions)
    assert (tmp_path / "responses.png").read_bytes().startswith(b"\x89PNG")


def test_cell_lines_and_drugs_are_named(tmp_path: Path) -> None:
    samples = responses(70)
    samples[0]["drug"] = b"a compound of many syllables"
    contact_sheet(samples, tmp_path / "responses.svg")  # in which each text stands as a comment
    drawn = (tmp_path / "responses.svg").read_text()
    for name in ("cell 0", "cell 6", "drug 4", "a compound of many sy..."):
        assert f"<!-- {name} -->" in drawn


@pytest.mark.parametrize("hostile", ["$x_{$", "$", r"\$a_{$", "$$"])
def test_names_and_units_are_drawn_as_they_are(tmp_path: Path, hostile: str) -> None:
    samples = [
        sample | {name: hostile.encode() for name in ("source", "cell", "drug") if number % 2}
        for number, sample in enumerate(responses(20))
    ]
    facts = Measure(hostile, f"of {hostile}", hostile).facts()
    contact_sheet(samples, tmp_path / "responses.svg", [np.array(0.5)] * 20, facts)
    drawn = (tmp_path / "responses.svg").read_text()
    for text in (hostile, f"{hostile} (10)", f"of {hostile}, {hostile}", f"observed of {hostile}, {hostile}"):
        assert f"<!-- {text} -->" in drawn


def test_the_heat_map_holds_means_and_leaves_blank_what_was_not_measured() -> None:
    auc = np.array([0.2, 0.4, 0.9])
    table, rows, columns = heat_map(auc, np.array(["a", "a", "b"]), np.array(["x", "x", "y"]))
    assert (rows, columns) == (["a", "b"], ["x", "y"])
    np.testing.assert_allclose(table, [[0.3, np.nan], [np.nan, 0.9]])
