"""The table of benchmarks: data sets, task, criteria and their targets, each value with its source.

A benchmark's name is the same in each room: ``sciml_datasets/<name>/`` holds its data, ``models/<name>.py`` its
reference model, and ``task`` says how ``metrics/`` scores it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sciml_datasets.benchmark import (
    CORRELATION,
    ERROR,
    FIT,
    Benchmark,
    Choice,
    Criterion,
    DataSet,
    GlobusSource,
    NamedSplit,
    Source,
    Task,
    Value,
)
from sciml_datasets.errors import InputError
from sciml_datasets.paths import path_of

_ECHO = "https://s3.echo.stfc.ac.uk"
"""Endpoint of the public bucket of the MLCommons Science benchmarks."""

_JIN_PAN = "Jin Pan, SMC Data Challenge 2020"
_ORNL = "ORNL reference, SMC Data Challenge 2020"

_CRYSTAL_SYSTEMS = {
    "triclinic": 2,
    "monoclinic": 15,
    "orthorhombic": 74,
    "tetragonal": 142,
    "trigonal": 167,
    "hexagonal": 194,
    "cubic": 230,
}
_POINT_GROUPS = {
    **{"1": 1, "-1": 2, "2": 5, "m": 9, "2/m": 15, "222": 24, "mm2": 46, "mmm": 74},
    **{"4": 80, "-4": 82, "4/m": 88, "422": 98, "4mm": 110, "-42m": 122, "4/mmm": 142},
    **{"3": 146, "-3": 148, "32": 155, "3m": 161, "-3m": 167},
    **{"6": 173, "-6": 174, "6/m": 176, "622": 182, "6mm": 186, "-6m2": 190, "6/mmm": 194},
    **{"23": 199, "m-3": 206, "432": 214, "-43m": 220, "m-3m": 230},
}
"""Name to its last space group; the others follow the one before (International Tables for Crystallography A)."""
_ENANTIOMORPHS = {
    **{76: 78, 91: 95, 92: 96, 144: 145, 151: 153, 152: 154},
    **{169: 170, 171: 172, 178: 179, 180: 181, 212: 213},
}
"""The 11 pairs of space groups that are each other's mirror images (International Tables for Crystallography A)."""

_STEMDL = Benchmark(
    name="stemdl",
    title="Crystal space group from convergent-beam electron diffraction",
    version="mlcommons-stemdl-v1.0",
    rules_names=("stemdl", "stemdl_classification"),
    task=Task(
        "classification",
        {
            "label": "space_group",
            "num_classes": 231,
            "coarser": {"crystal_system": _CRYSTAL_SYSTEMS, "point_group": _POINT_GROUPS},
            "merged": {"enantiomorphs": _ENANTIOMORPHS},
        },
        alike=("material",),
    ),
    datasets=(
        DataSet("stemdl", "1.0.0", "187,155 stacks of three 512 x 512 patterns, 230 space groups, 100 to 190 keV"),
        DataSet(
            "stemdl_preprocessed",
            "1.0.0",
            "the same stacks as the reference trains on: logarithms of the intensity, 128 x 128",
            preprocessed_from="stemdl",
        ),
        DataSet(
            "stemdl_demo",
            "3.0.0",
            "2,400 simulated stacks of three 128 x 128 patterns, ten space groups, 100 to 190 keV",
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
            at_most="top5_accuracy",
        ),
        Criterion(
            "macro_f1",
            "macro F1",
            "higher",
            target=Value(0.9, "MLCommons Science benchmarks, STEMDL"),
            reference=Value(0.43, _ORNL + "; mean over mini-batches"),
        ),
        Criterion("top5_accuracy", "top-5 accuracy", "higher", best_known=Value(0.7695, _JIN_PAN)),
        Criterion("balanced_accuracy", "balanced accuracy", "higher"),
        Criterion("crystal_system_accuracy", "crystal-system accuracy", "higher"),
    ),
    homepage="https://doi.org/10.13139/OLCF/1510313",
    licence="as given at the DOI of the data set",
    obtain="`sciml fetch stemdl` tells how to transfer the 548.7 GiB of DOI 10.13139/OLCF/1510313 with Globus",
    groupings={"material": ("material",)},
    sources={
        "stemdl": (
            GlobusSource(
                "https://doi.org/10.13139/OLCF/1510313",
                "OLCF DOI-DOWNLOADS",
                "10.13139_OLCF_1510313",
                1138,
                589_162_138_829,
            ),
        ),
        "stemdl_preprocessed": (
            Source("s3://sciml-datasets/ms/stemdl_ds1a", 187_156, 35_000_000_000, ("*.npz",), _ECHO),
        ),
    },
    terms="The terms at https://doi.org/10.13139/OLCF/1510313 hold: read them there, and cite the data set.",
)

_STEMDL_RECONSTRUCTION = Benchmark(
    name="stemdl_reconstruction",
    title="Projected potential of a crystal from a scan of diffraction patterns",
    task=Task(
        "reconstruction",
        {
            "image": "projected_potential",
            "data_range": 6.0,
            "scan": "cbed",
            "columns": {"min_distance": 3, "threshold": 1.0, "max_distance": 3.0},
        },
    ),
    datasets=(
        DataSet("stemdl_reconstruction", "1.0.0", "scans of 64 or 1,024 patterns, half precision, and the potential"),
        DataSet(
            "stemdl_reconstruction_demo",
            "2.0.0",
            "480 simulated scans of 8 x 8 patterns of 48 x 48 pixels, the potential and the electron density",
            480,
        ),
    ),
    criteria=(
        Criterion("pearson", "Pearson's r, mean of images", "higher", span=CORRELATION),
        Criterion("r1", "R1", "lower", span=ERROR),
        Criterion("mae", "mean absolute error", "lower", span=ERROR),
        Criterion("psnr", "PSNR, dB on a range of 6", "higher", span=(None, None)),
        Criterion("ssim", "SSIM on a range of 6", "higher", span=CORRELATION),
        Criterion("frc_resolution", "Fourier ring correlation at 0.5", "higher", span=(0.0, 0.5)),
        Criterion("column_position_error", "atom columns, error in pixels", "lower", span=ERROR),
        Criterion("column_recall", "atom columns found", "higher"),
        Criterion("column_precision", "atom columns that are true", "higher"),
    ),
    homepage="https://doi.org/10.13139/OLCF/1510313",
    licence="as given at the DOI of the data set",
    obtain="ask its makers for the LMDB files of arXiv 1909.11150, which are not public",
)

_CLOUDMASK_PAPER = "arXiv 2401.08636, U-Net"

_CLOUDMASK = Benchmark(
    name="cloudmask",
    title="Cloud or clear for every pixel of Sentinel-3 SLSTR scenes",
    version="mlcommons-cloudmask-v1.1",
    rules_names=("cloudmask",),
    task=Task(
        "segmentation",
        {"mask": "cloud", "valid": "valid", "stratum": "day", "strata": ("night", "day")},
        alike=("pass",),
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
        Criterion("kuiper_skill", "Kuiper skill", "higher", span=CORRELATION),
        Criterion("accuracy_scene_mean", "accuracy, mean of scenes", "higher"),
        Criterion("accuracy_scene_min", "accuracy, worst scene", "higher", at_most="accuracy_scene_mean"),
        Criterion("accuracy_day", "accuracy by day", "higher"),
        Criterion("accuracy_night", "accuracy by night", "higher"),
        Criterion("roc_auc", "ROC-AUC", "higher"),
        Criterion("brier", "Brier score", "lower"),
        Criterion("ece", "calibration error", "lower"),
    ),
    homepage="https://github.com/mlcommons/science/tree/main/benchmarks/cloudmask",
    licence="legal notice on the use of Copernicus Sentinel data: free, full and open, with attribution",
    obtain="`sciml fetch cloudmask` gets 180 GB from s3://sciml-datasets/es/cloud_slstr_ds1",
    groupings={"pass": ("pass",)},
    sources={
        "cloudmask": (Source("s3://sciml-datasets/es/cloud_slstr_ds1", 1070, 180_000_000_000, ("*.hdf",), _ECHO),)
    },
    terms="The scenes contain Copernicus Sentinel data. Their use is free, full and open under the legal notice on the "
    "use of Copernicus Sentinel Data and Service Information, which asks to name the source wherever they, or what "
    "comes of them, are passed on: 'Contains modified Copernicus Sentinel data' and the year. No warranty is given.",
)

_WITHIN = {"drug": "a drug", "drugs": "a pair of drugs", "cell": "a cell line"}


def _within(*groups: str) -> tuple[Criterion, ...]:
    """Scores of a regression within the groups of each grouping."""
    return tuple(
        Criterion(f"median_{score}_{group}", f"{symbol} within {_WITHIN[group]}, median", "higher", span=span)
        for group in groups
        for score, symbol, span in (("pearson", "r", CORRELATION), ("r2", "R2", FIT))
    )


def _growth(**variant: Any) -> Mapping[str, Any]:
    """What is another for responses to single doses, of which nobody has published scores.

    Args:
        variant: what else, and ``groups``, which scores are broken down by.
    """
    groups = variant.pop("groups")
    scores = {"mse": "mean squared error", "mae": "mean absolute error"}
    fits = {"r2": ("R2", FIT), "pearson": ("Pearson's r", CORRELATION), "spearman": ("Spearman's rho", CORRELATION)}
    return {
        "task": Task("regression", {"target": "growth", "groups": groups}, alike=("drug", "cell")),
        "criteria": (
            *(Criterion(name, title, "lower", span=ERROR) for name, title in scores.items()),
            *(Criterion(name, title, "higher", span=span) for name, (title, span) in fits.items()),
            *_within(*groups),
        ),
        **variant,
    }


_UNO_AUC = "ECP-CANDLE/Benchmarks, Pilot1/Uno/README.AUC.md, official validation split"

_UNO_TABLES = "http://ftp.mcs.anl.gov/pub/candle/public/benchmarks/Pilot1/combo"
_UNO_FEATURES = (
    "combined_rnaseq_data_lincs1000_source_scale",
    "drug_info",
    "Combined_PubChem_dragon7_descriptors.tsv",
    "NCI60_dragon7_descriptors.tsv",
)
_UNO_ALIASES = ("cl_mapping", "NCI60_CELLNAME_to_Combo.txt")


def _uno_tables(*names: str) -> tuple[Source]:
    """Tables of responses with those of the features and of aliases; their server tells the sizes."""
    files = (*names, *_UNO_FEATURES, *_UNO_ALIASES)
    return (Source(_UNO_TABLES, len(files), files=files),)


_CANDLE_UNO = Benchmark(
    name="candle_uno",
    title="Response of tumour cell lines to drugs",
    version="mlcommons-uno-v1.0",
    rules_names=("uno",),
    task=Task("regression", {"target": "response", "groups": ("drug", "cell")}, alike=("drug", "cell")),
    datasets=(
        DataSet("candle_uno", "2.0.0", "about 530,000 areas under dose-response curves, 942 genes, 5,270 descriptors"),
        DataSet("candle_uno_demo", "2.0.0", "12,000 simulated areas under dose-response curves", 12000),
        DataSet(
            "candle_uno_growth",
            "1.0.0",
            "27,769,716 measurements of growth under one dose of a drug",
            variant=_growth(
                groups=("drug", "cell"),
                obtain=f"`sciml fetch candle_uno_growth` gets its seven tables from {_UNO_TABLES}",
            ),
        ),
        DataSet(
            "candle_uno_pairs",
            "1.0.0",
            "3,686,475 measurements of growth under two drugs at a time",
            variant=_growth(
                groups=("drugs", "cell"),
                obtain=f"`sciml fetch candle_uno_pairs` gets its seven tables from {_UNO_TABLES}",
                groupings={
                    "cell": ("cell",),
                    "pair": ("drugs",),
                    "combination": ("cell", "drugs"),
                    "drug": ("drug_1", "drug_2"),
                    "study": ("source",),
                },
                each=("drug",),
                splits=(
                    NamedSplit("mixed", ("combination",)),
                    NamedSplit("cell_blind", ("cell",)),
                    NamedSplit("pair_blind", ("pair",)),
                    NamedSplit("drug_blind", ("drug",), (0.7, 0.15)),
                ),
            ),
        ),
    ),
    criteria=(
        Criterion(
            "mse",
            "mean squared error",
            "lower",
            target=Value(0.0054, "MLCommons Science benchmarks, CANDLE-UNO; read as the mse of the validation split"),
            reference=Value(0.0053, _UNO_AUC),
            span=ERROR,
            power=2,
        ),
        Criterion("mae", "mean absolute error", "lower", reference=Value(0.0490, _UNO_AUC), span=ERROR, power=1),
        Criterion("r2", "R2", "higher", reference=Value(0.7742, _UNO_AUC), span=FIT),
        Criterion("pearson", "Pearson's r", "higher", reference=Value(0.8800, _UNO_AUC), span=CORRELATION),
        Criterion("spearman", "Spearman's rho", "higher", span=CORRELATION),
        *_within("drug", "cell"),
    ),
    homepage="https://github.com/ECP-CANDLE/Benchmarks/tree/master/Pilot1/Uno",
    licence="as given by the studies that it combines: CCLE, CTRP, gCSI, GDSC and NCI60",
    obtain=f"`sciml fetch candle_uno` gets the seven tables from {_UNO_TABLES}",
    choices=(
        Choice("form", ("A", "B", "C"), None, "raw form: A tables, B prebuilt file, C IMPROVE folder"),
        Choice("scaling", ("training", "all"), "training", "entities that imputation and scaling are fitted on"),
    ),
    groupings={"cell": ("cell",), "drug": ("drug",), "pair": ("cell", "drug"), "study": ("source",)},
    splits=(
        NamedSplit("mixed", ("pair",)),
        NamedSplit("cell_blind", ("cell",)),
        NamedSplit("drug_blind", ("drug",)),
        NamedSplit("disjoint", ("cell", "drug"), (0.7, 0.15)),
    ),
    leave_out="study",
    sources={
        "candle_uno": _uno_tables("combined_single_response_agg"),
        "candle_uno_growth": _uno_tables("rescaled_combined_single_drug_growth"),
        "candle_uno_pairs": _uno_tables("ComboDrugGrowth_Nov2017.csv"),
    },
    terms="The tables combine the studies CCLE, CTRP, gCSI, GDSC and NCI60. Each has its own terms, and they hold for "
    "what comes from it: read them at the studies, and cite those that you use.",
    original={"form": ("A", "B")},  # which hold no other measure than AUC
)

BENCHMARKS: Mapping[str, Benchmark] = MappingProxyType(
    {row.name: row for row in (_STEMDL, _STEMDL_RECONSTRUCTION, _CLOUDMASK, _CANDLE_UNO)}
)
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
                return benchmark.of(dataset), dataset
    raise InputError(f"there is no data set {name!r}: choose one of {', '.join(dataset_names())}")


def preprocessed(name: str) -> str:
    """The name of the data set that is another one, preprocessed.

    Raises:
        InputError: there is none.
    """
    for dataset in find(name)[0].datasets:
        if dataset.preprocessed_from == name:
            return dataset.name
    known = (dataset.preprocessed_from for row in BENCHMARKS.values() for dataset in row.datasets)
    raise InputError(f"{name} has no preprocessed form: there is one of {', '.join(filter(None, known))}")


def data_root(data_dir: str | Path | None = None) -> Path:
    """The folder of prepared data sets: ``data_dir``, else TFDS_DATA_DIR, else ~/tensorflow_datasets, as in TFDS.

    Raises:
        InputError: it can be no path on this machine; see `sciml_datasets.paths.path_of`.
    """
    if data_dir is not None:
        return path_of(data_dir, "data_dir")
    if os.environ.get("TFDS_DATA_DIR"):
        return path_of(os.environ["TFDS_DATA_DIR"], "TFDS_DATA_DIR")
    return path_of("~/tensorflow_datasets", "no data_dir is given, and of its default")


def prepared_dir(name: str, data_dir: str | Path | None = None) -> Path:
    """Where the prepared files of a data set lie: ``<data_dir>/sciml/<name>/<version>``."""
    return data_root(data_dir) / "sciml" / name / find(name)[1].version


def raw_root(raw_dir: str | Path | None = None, data_dir: str | Path | None = None) -> Path:
    """The folder of raw files: ``raw_dir``, else SCIML_RAW_DIR, else TFDS's manual folder.

    Raises:
        InputError: as `data_root`.
    """
    if raw_dir is not None:
        return path_of(raw_dir, "raw_dir")
    if os.environ.get("SCIML_RAW_DIR"):
        return path_of(os.environ["SCIML_RAW_DIR"], "SCIML_RAW_DIR")
    return data_root(data_dir) / "downloads" / "manual"
