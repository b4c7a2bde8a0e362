"""The table of benchmarks: data sets, task, criteria and their targets, each value with its source.

A benchmark's name is the same in each room: ``sciml_datasets/<name>/`` holds its data, ``models/<name>.py`` its
reference model, and ``task`` says how ``metrics/`` scores it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from sciml_datasets.errors import InputError


@dataclass(frozen=True, slots=True)
class Value:
    """A published number and where it stands."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """One score of a benchmark.

    Attributes:
        name: key of the score in results.
        title: for tables.
        direction: whether a higher or a lower score is better.
        target: what a respondent should reach, where one is declared.
        reference: what the published reference implementation reached.
        best_known: the best published result.
    """

    name: str
    title: str
    direction: Literal["higher", "lower"]
    target: Value | None = None
    reference: Value | None = None
    best_known: Value | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be predicted.

    Attributes:
        kind: the class in ``metrics/scorings.py`` that scores it: how truth is read, which predictions are taken, which
            trivial baselines stand beside them.
        settings: what that class needs to know of this benchmark.
    """

    kind: Literal["classification", "segmentation", "reconstruction", "regression"]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DataSet:
    """One prepared form of a benchmark's data: the configuration ``sciml/<name>`` of the TFDS builder.

    Attributes:
        name: configuration name; raw files lie in the folder of this name below the raw folder.
        version: semantic version of the prepared records.
        title: one line.
        simulated_samples: for demo data, how many samples are simulated where no raw files are given; 0 for real data.
    """

    name: str
    version: str
    title: str
    simulated_samples: int = 0


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A data set in its forms, a task, and the criteria that results are held against.

    Attributes:
        name: of the folder with its data and of the module with its reference model.
        title: one line.
        task: what is to be predicted.
        datasets: the forms, the canonical one first.
        criteria: the scores, the primary one first.
        homepage, licence: of the original data.
        obtain: how to get the original raw files, in one sentence.
    """

    name: str
    title: str
    task: Task
    datasets: tuple[DataSet, ...]
    criteria: tuple[Criterion, ...]
    homepage: str
    licence: str
    obtain: str


_JIN_PAN = "Jin Pan, SMC Data Challenge 2020"
_ORNL = "ORNL reference, SMC Data Challenge 2020"

_STEMDL = Benchmark(
    name="stemdl",
    title="Crystal space group from convergent-beam electron diffraction",
    task=Task("classification", {"label": "space_group", "num_classes": 231}),
    datasets=(
        DataSet("stemdl", "1.0.0", "187,155 stacks of three 512 x 512 patterns, 230 space groups, 100 to 190 keV"),
        DataSet(
            "stemdl_demo",
            "1.0.0",
            "2,400 simulated stacks of three 128 x 128 patterns, 20 space groups, 100 to 190 keV",
            2400,
        ),
    ),
    criteria=(
        Criterion(
            "top1_accuracy",
            "top-1 accuracy",
            "higher",
            reference=Value(0.57, _ORNL),
            best_known=Value(0.6079, _JIN_PAN),
        ),
        Criterion(
            "macro_f1",
            "macro F1",
            "higher",
            target=Value(0.9, "MLCommons Science benchmarks, STEMDL"),
            reference=Value(0.43, _ORNL + "; mean over mini-batches"),
        ),
        Criterion("top5_accuracy", "top-5 accuracy", "higher", best_known=Value(0.7695, _JIN_PAN)),
    ),
    homepage="https://doi.org/10.13139/OLCF/1510313",
    licence="as given at the DOI of the data set",
    obtain="transfer the 548.7 GiB of DOI 10.13139/OLCF/1510313 with Globus",
)

_CLOUDMASK_PAPER = "arXiv 2401.08636, U-Net"

_CLOUDMASK = Benchmark(
    name="cloudmask",
    title="Cloud or clear for every pixel of Sentinel-3 SLSTR scenes",
    task=Task(
        "segmentation",
        {"mask": "cloud", "valid": "valid", "stratum": "day", "strata": ("night", "day")},
    ),
    datasets=(
        DataSet("cloudmask", "1.0.0", "1,070 scenes of 1200 x 1500 pixels, nine channels, by day and by night"),
        DataSet("cloudmask_demo", "1.0.0", "72 simulated scenes of 256 x 320 pixels, by day and by night", 72),
    ),
    criteria=(
        Criterion(
            "accuracy",
            "accuracy",
            "higher",
            target=Value(0.9, "MLCommons Science policy, convergence target"),
            reference=Value(0.889, _CLOUDMASK_PAPER + ", mean of 5 seeds"),
            best_known=Value(0.896, _CLOUDMASK_PAPER + ", best of 5 seeds"),
        ),
        Criterion("iou", "intersection over union", "higher"),
        Criterion("f1", "F1", "higher"),
        Criterion("miss_rate", "miss rate", "lower"),
        Criterion("false_alarm_rate", "false-alarm rate", "lower"),
        Criterion("kuiper_skill", "Kuiper skill", "higher"),
        Criterion("accuracy_scene_mean", "accuracy, mean of scenes", "higher"),
        Criterion("accuracy_scene_min", "accuracy, worst scene", "higher"),
        Criterion("accuracy_day", "accuracy by day", "higher"),
        Criterion("accuracy_night", "accuracy by night", "higher"),
        Criterion("roc_auc", "ROC-AUC", "higher"),
        Criterion("brier", "Brier score", "lower"),
        Criterion("ece", "calibration error", "lower"),
    ),
    homepage="https://github.com/mlcommons/science/tree/main/benchmarks/cloudmask",
    licence="legal notice on the use of Copernicus Sentinel data: free, full and open, with attribution",
    obtain="copy s3://sciml-datasets/es/cloud_slstr_ds1 (180 GB, endpoint https://s3.echo.stfc.ac.uk, anonymous)",
)

BENCHMARKS: Mapping[str, Benchmark] = MappingProxyType({row.name: row for row in (_STEMDL, _CLOUDMASK)})
"""Name to benchmark."""


def dataset_names() -> list[str]:
    """The names of all data sets, in the order of the table."""
    return [dataset.name for benchmark in BENCHMARKS.values() for dataset in benchmark.datasets]


def find(name: str) -> tuple[Benchmark, DataSet]:
    """The benchmark and the data set of a data set name such as ``stemdl_demo``.

    Raises:
        InputError: no data set has this name.
    """
    for benchmark in BENCHMARKS.values():
        for dataset in benchmark.datasets:
            if dataset.name == name:
                return benchmark, dataset
    raise InputError(f"there is no data set {name!r}: choose one of {', '.join(dataset_names())}")


def data_root(data_dir: str | Path | None = None) -> Path:
    """The folder of prepared data sets: ``data_dir``, else TFDS_DATA_DIR, else ~/tensorflow_datasets, as in TFDS."""
    return Path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()


def prepared_dir(name: str, data_dir: str | Path | None = None) -> Path:
    """Where the prepared files of a data set lie: ``<data_dir>/sciml/<name>/<version>``."""
    return data_root(data_dir) / "sciml" / name / find(name)[1].version


def raw_root(raw_dir: str | Path | None = None, data_dir: str | Path | None = None) -> Path:
    """The folder of raw files: ``raw_dir``, else SCIML_RAW_DIR, else TFDS's manual folder."""
    return Path(raw_dir or os.environ.get("SCIML_RAW_DIR") or data_root(data_dir) / "downloads" / "manual").expanduser()
