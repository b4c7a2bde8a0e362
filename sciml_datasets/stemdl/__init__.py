"""STEMDL: the space group of a crystal from convergent-beam electron diffraction."""

from __future__ import annotations

from sciml_datasets.benchmark import Benchmark, Choice, Classification, Criterion, DataSet, GlobusSource, Source, Value

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
"""Last space group of each crystal system, by its name; the groups of a system follow those of the one before
(International Tables for Crystallography A)."""
_ENANTIOMORPHS = {
    **{76: 78, 91: 95, 92: 96, 144: 145, 151: 153, 152: 154},
    **{169: 170, 171: 172, 178: 179, 180: 181, 212: 213},
}
"""The 11 pairs of space groups that are each other's mirror images (International Tables for Crystallography A)."""

BENCHMARK = Benchmark(
    name="stemdl",
    title="Crystal space group from convergent-beam electron diffraction",
    version="mlcommons-stemdl-v1.0",
    rules_names=("stemdl", "stemdl_classification"),
    task=Classification(
        label="space_group",
        num_classes=231,
        coarser={"crystal_system": _CRYSTAL_SYSTEMS, "point_group": _POINT_GROUPS},
        merged={"enantiomorphs": _ENANTIOMORPHS},
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
            licence="Apache-2.0",
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
    obtain="`sciml fetch stemdl` lists the steps to transfer the 548.7 GiB of DOI 10.13139/OLCF/1510313 with Globus",
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
    modules={"model": "sciml_datasets.models.stemdl"},
    simulator=(
        Choice("pixels", "integer", None, "width of a pattern (default: 512; stemdl_demo: 128)"),
        Choice(
            "engine",
            ("zolz", "box", "kinematic"),
            "zolz",
            "multislice in the zero-order Laue zone, multislice in the original's box (slow: 44 s of a core for a "
            "stack of 512 x 512), or kinematic theory (default: zolz)",
        ),
        Choice(
            "space_groups",
            "integers",
            None,
            "numbers that take turns (default: all 230, some of them frequent; of the demo ten)",
        ),
        Choice("structures", "path", None, "your crystals, a CIF or POSCAR file or a folder of them"),
    ),
)
