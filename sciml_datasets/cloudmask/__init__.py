"""CloudMask: cloud or clear for every pixel of Sentinel-3 SLSTR scenes."""

from __future__ import annotations

from sciml_datasets.benchmark import (
    CORRELATION,
    Benchmark,
    Choice,
    Conversion,
    Criterion,
    DataSet,
    Segmentation,
    Source,
    Value,
)

_ECHO = "https://s3.echo.stfc.ac.uk"
"""Endpoint of the public bucket of the MLCommons Science benchmarks."""

_CLOUDMASK_PAPER = "arXiv 2401.08636, U-Net"

BENCHMARK = Benchmark(
    name="cloudmask",
    title="Cloud or clear for every pixel of Sentinel-3 SLSTR scenes",
    version="mlcommons-cloudmask-v1.1",
    rules_names=("cloudmask",),
    task=Segmentation(mask="cloud", valid="valid", stratum="day", strata=("night", "day"), alike=("pass",)),
    datasets=(
        DataSet(
            "cloudmask",
            "1.0.0",
            "1,070 scenes of 1200 x 1500 pixels, nine channels, by day and by night",
            variant={"choices": ()},
        ),
        DataSet(
            "cloudmask_preprocessed",
            "1.0.0",
            "the same scenes as the reference network reads them: nine channels joined and normalised",
            preprocessed_from="cloudmask",
        ),
        DataSet(
            "cloudmask_demo",
            "1.0.0",
            "72 simulated scenes of 256 x 320 pixels, by day and by night",
            72,
            variant={"choices": ()},
            licence="Apache-2.0",
        ),
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
    modules={"model": "sciml_datasets.models.cloudmask"},
    choices=(
        Choice(
            "dtype",
            ("float32", "bfloat16", "float16"),
            "float32",
            "type in which --preprocess stores the channels (default: float32)",
        ),
    ),
    simulator=(
        Choice("rows", "integer", None, "rows of a scene (default: 1200; cloudmask_demo: 256)"),
        Choice("columns", "integer", None, "columns of a scene (default: 1500; cloudmask_demo: 320)"),
    ),
    conversions=(
        Conversion(
            "slstr",
            "a Sentinel-3 SLSTR Level 1B product to a scene of CloudMask",
            "the product's .SEN3 folder, or a folder that holds it alone",
            file=True,
        ),
    ),
)
