"""A declaration with a mistake is refused when it is registered, in a sentence with the benchmark, part and remedy."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from sciml_datasets import BENCHMARKS, Benchmark, InputError
from sciml_datasets.benchmark import (
    CORRELATION,
    Choice,
    Classification,
    Conversion,
    Criterion,
    DataSet,
    NamedSplit,
    Reconstruction,
    Regression,
    Segmentation,
    Task,
    Value,
)
from sciml_datasets.benchmarks import register
from sciml_datasets.declaration import mistakes

ACCURACY = Criterion("top1_accuracy", "accuracy", "higher")
LISTED = Choice("form", ("round", "flat"), "oval", "what it looks like")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"name": "stemdl"},
            "stemdl: the name is taken by the benchmark of sciml_datasets: choose another",
        ),
        ({"name": "Big Stones"}, "the benchmark 'Big Stones' has no usable name"),
        ({"datasets": ()}, "it has no data set: give at least one DataSet"),
        (
            {"datasets": (DataSet("cloudmask", "1.0.0", "x"),)},
            "data set cloudmask is taken by cloudmask: choose",
        ),
        (
            {"datasets": (DataSet("pebble_sizes", "1", "x"),)},
            "pebble_sizes has the version '1': expected three",
        ),
        (
            {"datasets": (DataSet("pebble_sizes", "1.0.0", "x", preprocessed_from="rocks"),)},
            "pebble_sizes is preprocessed from 'rocks': choose its own",
        ),
        (
            {"datasets": (DataSet("pebble_sizes", "1.0.0", "x", variant={"colour": 1}),)},
            "pebble_sizes varies 'colour', which no benchmark has",
        ),
        ({"criteria": ()}, "it has no criterion"),
        ({"criteria": (ACCURACY, ACCURACY)}, "the criterion top1_accuracy is declared twice: remove one"),
        (
            {"criteria": (Criterion("accuracy", "accuracy", "higher"),)},
            "its task Classification gives no score 'accuracy': choose criteria among top1_accuracy, ",
        ),
        ({"criteria": (replace(ACCURACY, direction="up"),)}, "has the direction 'up': choose higher or lower"),
        ({"criteria": (replace(ACCURACY, at_most="top5"),)}, "is at most 'top5', which is no criterion"),
        ({"task": Classification(label="kind")}, "its task Classification has num_classes 0, expected the number of"),
        ({"task": Classification(num_classes=3)}, "its task Classification needs label, the column"),
        ({"task": Regression(groups=("beach",))}, "its task Regression needs target, the column"),
        ({"task": Task()}, "its task Task has no scoring"),
        ({"task": "classification"}, "its task is 'classification': expected a task such as"),
        ({"sources": {"rocks": ()}}, "sources names 'rocks', which is none of its data sets"),
        ({"leave_out": "shore"}, "leave_out is 'shore': expected a grouping of one column, among beach"),
        ({"each": ("shore",)}, "each names 'shore', which is no grouping: choose among beach"),
        (
            {"splits": (NamedSplit("shore_blind", ("shore",)),)},
            "the split shore_blind names 'shore', which",
        ),
        ({"choices": (LISTED,)}, "the choice form has the default 'oval': choose one of its values"),
        (
            {"choices": (replace(LISTED, name="raw_dir", default=None),)},
            "the name of the choice raw_dir is taken by `sciml prepare`: choose another name",
        ),
        (
            {"choices": (Choice("form", "integer", None, "x"),)},
            "has other values than that of candle_uno: choose",
        ),
        ({"simulator": (Choice("depth", "metres", None, "x"),)}, "the choice depth has the values 'metres'"),
        ({"simulator": (replace(LISTED, name="seed", default=None),)}, "seed is taken by `sciml simulate`"),
        ({"conversions": BENCHMARKS["cloudmask"].conversions}, "its conversion slstr is taken by cloudmask"),
        ({"title": "Kind of\na pebble"}, "it has a title of several lines: give one line"),
        ({"package": "my pebbles"}, "its package is 'my pebbles': expected the name of a package"),
        (
            {"datasets": (DataSet("pebble_sizes", "01.00.0", "x"),)},
            "has the version '01.00.0': expected three numbers",
        ),
        (
            {"datasets": (DataSet("pebble_sizes", "1.0.0", "x", -3),)},
            "has -3 simulated samples: give 0 for real data",
        ),
        (
            {"datasets": (DataSet("pebble_sizes", "1.0.0", "x", preprocessed_from="pebble_sizes"),)},
            "pebble_sizes is preprocessed from itself: name another one",
        ),
        (
            {"datasets": (DataSet("pebble_sizes", "1.0.0", "x", variant={"dataset": "rocks"}),)},
            "varies 'dataset', which is the same for all of them: leave it out",
        ),
        (
            {"datasets": (DataSet("pebble_sizes", "1.0.0", "x", variant={"choices": (LISTED,)}),)},
            "the choice form has the default 'oval'",
        ),
        ({"task": Classification(label="kind", num_classes=0)}, "at least 2: add num_classes="),
        ({"task": Classification(label="kind", num_classes=1)}, "at least 2: correct num_classes="),
        ({"task": Classification(label="kind", num_classes=3, alike=())}, "has no alike: name a grouping or a column"),
        (
            {"task": Classification(label="kind", num_classes=3, coarser={"size": {"small": 1, "large": 77}})},
            "has coarser labels size that do not suit 3 classes: give each group its last class",
        ),
        (
            {"task": Classification(label="kind", num_classes=3, merged={"round": {9: 1}})},
            "has the class 9 in merged round: choose classes from 0 to 2",
        ),
        (
            {
                "task": Reconstruction("image", 1.0, atom_columns={"distance": 3}),
                "criteria": (Criterion("ssim", "SSIM", "higher", span=CORRELATION),),
            },
            "has the atom_columns distance, expected min_distance, threshold, max_distance: give these three",
        ),
        ({"criteria": (replace(ACCURACY, span=(1.0, 0.0)),)}, "has the span (1.0, 0.0): give the lowest and"),
        (
            {"criteria": (replace(ACCURACY, span=(0.5, 1.0)),)},
            "has the span (0.5, 1.0), its scores are from 0 to 1: give span=(0.0, 1.0)",
        ),
        (
            {"criteria": (replace(ACCURACY, target=Value(math.nan, "ours")),)},
            "the target of the criterion top1_accuracy is nan: give a finite number",
        ),
        ({"groupings": {"beach": ()}}, "the grouping beach has no columns: name the columns"),
        ({"groupings": {"row": ("beach",)}}, "the grouping 'row' has no usable name: expected"),
        ({"groupings": {"the beach": ("beach",)}}, "the grouping 'the beach' has no usable name: expected"),
        ({"splits": (NamedSplit("official", ("beach",)),)}, "the split 'official' has no usable name: expected"),
        ({"splits": (NamedSplit("beach:test", ("beach",)),)}, "the split 'beach:test' has no usable name: expected"),
        ({"splits": (NamedSplit("fold 1/5 by row", ("beach",)),)}, "'fold 1/5 by row' has no usable name: expected"),
        ({"splits": (NamedSplit("beach_blind", ()),)}, "the split beach_blind has no blind: name the groupings"),
        (
            {"splits": (NamedSplit("beach_blind", ("beach",), (0.8, 0.9)),)},
            "the split beach_blind has the shares (0.8, 0.9): expected those of train and validation",
        ),
        ({"leave_out": "beach"}, "leave_out needs splits: give a NamedSplit"),
        ({"choices": (replace(LISTED, values=()),)}, "the choice form has the values (): list at least one"),
        (
            {"simulator": (Choice("depth", "integer", "deep", "x"),)},
            "the choice depth has the default 'deep': expected the kind integer",
        ),
        ({"choices": (replace(LISTED, name="dataset", default=None),)}, "choice dataset is taken by `sciml prepare`"),
        ({"choices": (replace(LISTED, name="lambda", default=None),)}, "the choice 'lambda' has no usable name"),
        (
            {"conversions": (Conversion("csv_of_sizes", "m", "s", choices=(Choice("file", "text", None, "x"),)),)},
            "the name of the choice file is taken by `sciml convert`: choose another name",
        ),
        ({"conversions": (Conversion("CSV tables", "m", "s"),)}, "the conversion 'CSV tables' has no usable name"),
        ({"conversions": (Conversion("sizes", "m", "s"),) * 2}, "the conversion sizes is declared twice: remove one"),
    ],
)
def test_a_mistake_is_one_sentence(pebbles: Benchmark, changed: dict[str, Any], message: str) -> None:
    before = list(BENCHMARKS)
    with pytest.raises(InputError) as refused:
        register(replace(pebbles, **changed))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert list(BENCHMARKS) == before


@pytest.mark.parametrize(
    ("task", "score", "known", "span"),
    [
        (Regression("size"), "mse", "from 0 without bound", "ERROR"),
        (Regression("size"), "r2", "to 1 without bound", "FIT"),
        (Regression("size", ("beach",)), "median_pearson_beach", "from -1 to 1", "CORRELATION"),
        (Segmentation("pebble"), "kuiper_skill", "from -1 to 1", "CORRELATION"),
        (Reconstruction("image", 1.0), "psnr", "without bound", "(None, None)"),
        (Reconstruction("image", 1.0), "r1", "from 0 without bound", "ERROR"),
    ],
)
def test_a_span_that_excludes_possible_scores_is_refused(
    pebbles: Benchmark, task: Task, score: str, known: str, span: str
) -> None:
    (found,) = mistakes(replace(pebbles, task=task, criteria=(Criterion(score, "title", "higher"),)), ())
    name = f"{pebbles.name}: the criterion {score}"
    assert found == f"{name} has the span (0.0, 1.0), its scores are {known}: give span={span}"


def test_a_span_may_be_wider_than_the_possible_scores(pebbles: Benchmark) -> None:
    resolution = Criterion("frc_resolution", "resolution", "higher")
    assert list(mistakes(replace(pebbles, task=Reconstruction("image", 1.0), criteria=(resolution,)), ())) == []


def test_every_mistake_is_listed(pebbles: Benchmark) -> None:
    wrong = replace(pebbles, criteria=(replace(ACCURACY, direction="up"),), leave_out="shore")
    found = list(mistakes(wrong, BENCHMARKS.values()))
    assert len(found) == 2
    assert all(mistake.startswith(f"{pebbles.name}: ") for mistake in found)


def test_what_is_no_benchmark_is_refused() -> None:
    with pytest.raises(InputError, match="'pebbles' is no benchmark: expected an instance of sciml"):
        register("pebbles")  # what a notebook may hand over


def test_choices_of_one_name_with_listed_values_are_one_flag(pebbles: Benchmark) -> None:
    listed = Choice("form", ("round", "flat"), None, "what it looks like")
    assert list(mistakes(replace(pebbles, choices=(listed,)), BENCHMARKS.values())) == []


@pytest.mark.parametrize("benchmark", BENCHMARKS.values(), ids=BENCHMARKS)
def test_the_benchmarks_of_this_package_have_no_mistake(benchmark: Benchmark) -> None:
    others = [other for other in BENCHMARKS.values() if other is not benchmark]
    assert list(mistakes(benchmark, others)) == []
