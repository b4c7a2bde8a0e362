"""Plots of a run: what is on them, read from SVG, in which each text stands as a comment."""

from __future__ import annotations

from pathlib import Path

import pytest

from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.models.plots import plot_confusion, plot_history

TITLE = "candle_uno_demo, small, seed 3"


def drawn_history(folder: Path, same: str = "") -> str:
    (folder / "history.csv").write_text("epoch,loss,validation_mse\n1,0.4,0.5\n2,0.2,0.3\n")
    criterion = BENCHMARKS["candle_uno"].criteria[0]
    plot_history(folder / "history.csv", criterion, folder / "history.svg", TITLE, same=same)
    return (folder / "history.svg").read_text()


def test_the_history_names_data_set_model_seed_and_splits(tmp_path: Path) -> None:
    drawn = drawn_history(tmp_path)
    for text in (TITLE, "training split", "validation split", "target", "epoch"):
        assert f"<!-- {text} -->" in drawn


@pytest.mark.parametrize(("same", "lines"), [("", 1), ("mse", 2), ("mae", 1)])
def test_a_loss_that_is_a_criterion_is_drawn_on_both_splits(same: str, lines: int, tmp_path: Path) -> None:
    drawn = drawn_history(tmp_path, same).partition('id="axes_2"')[0]
    assert drawn.count("stroke: #0072b2") + drawn.count("stroke: #d55e00") >= lines
    assert ("#d55e00" in drawn) == (lines == 2)


@pytest.mark.parametrize(
    ("classes", "texts", "absent"),
    [(2, ("3", "75.0 %", "1", "25.0 %"), ()), (10, ("3", "1"), ("75.0 %",)), (13, (), ("3", "75.0 %"))],
)
def test_a_confusion_matrix_of_few_classes_has_its_numbers(
    classes: int, texts: tuple[str, ...], absent: tuple[str, ...], tmp_path: Path
) -> None:
    names = [f"class {number}" for number in range(classes)]
    counts = [[3 if i == j else (j == (i + 1) % classes) for j in range(classes)] for i in range(classes)]
    confusion = {"classes": names, "counts": counts}
    result = {"dataset": "cloudmask_demo", "split": "test", "details": {"confusion": confusion}}
    plot_confusion(result, tmp_path / "confusion.svg")
    drawn = (tmp_path / "confusion.svg").read_text()
    assert all(f"<!-- {text} -->" in drawn for text in texts)
    assert not any(f"<!-- {text} -->" in drawn for text in absent)
