"""Requirements on submissions: names, sizes and formats of files, and required entries. Data only.

Sources: the submission rules (mlcommons/science, submit.adoc) and the policy (policy.adoc) of the MLCommons Science
working group. Where they misspell a name, theirs and the right spelling are both accepted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

CONFIG, README, RESULT = "config.yaml", "README.md", "result.json"
CONTRIBUTION = ("scientific_contribution.pdf", "sientific_contribution.pdf")
"""The right spelling of a name, and the one of submit.adoc."""
CONTRIBUTION_SOURCE = "scientific_contribution.md"
LOG = re.compile(r"result-([1-9][0-9]{0,2})\.txt")
RUN_RESULT = re.compile(r"result-([1-9][0-9]{0,2})\.json")
PREDICTIONS = re.compile(r"predictions(?:-([1-9][0-9]{0,2}))?\.h5")
NAME = re.compile(
    r"(?!(?i:CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(?:\.|\Z))[A-Za-z0-9_](?:[A-Za-z0-9._+-]{0,98}[A-Za-z0-9_+-])?"
)
"""Name of any file or folder: portable, never hidden, no path. Windows reserves names of devices, with any ending, and
drops a dot at the end (Microsoft, Naming Files, Paths, and Namespaces)."""
LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:\[bot\])?")
"""Name of a user where pull requests are made, as GitHub allows it."""

MAX_FILES = 200
MAX_DEPTH = 3
"""Number of nested folders below the submission."""
MAX_TOTAL = 4 * GIB
MAX_BYTES = MappingProxyType(
    {
        "config": 64 * KIB,
        "readme": 256 * KIB,
        "text": MIB,
        "json": 16 * MIB,
        "log": 4 * MIB,
        "other": 20 * MIB,
        "predictions": 2 * GIB,
    }
)
MAX_RECORDED = 32 * MIB
"""Number of bytes of all results and logs together: each value in them is looked at."""
MAX_LINE = 64 * KIB
MAX_NESTING = 24
"""Depth of nested values in YAML and JSON."""
MAX_NUMBER = 1e30
"""Largest absolute value of any number: sums, squares and axes of charts stay finite."""
MAX_TEXT = 10_000
"""Number of characters of any text in config.yaml, a result or a log."""
MAX_LIST = 65_536
"""Number of entries of any list or mapping."""
MAX_CLASSES = 1000
"""Number of classes of a confusion matrix."""
MAX_SAMPLES = 10_000_000
MAX_RAW_PREDICTIONS = 4 * GIB
"""Number of bytes of predictions once decompressed."""
MAX_CHUNK = 128 * MIB
"""Number of bytes of a chunk of predictions once decompressed: HDF5 holds a whole one in memory."""
MAX_RATIO = 1100
"""Largest ratio of compression: that of gzip (1,032 to 1), with room for what HDF5 never wrote."""
Span = tuple[float, float]
RESULT_BOUNDS: Mapping[str, Span | int] = MappingProxyType(
    {
        "num_samples": (1, MAX_SAMPLES),
        "seed": (0, 2**63 - 1),
        "model.name": 200,
        "model.parameters": (0, 1e15),
        "hardware.processor": 200,
        "hardware.cores": (1, 1e7),
        "hardware.memory_bytes": (0, 1e18),
        "hardware.accelerators.*": 200,
        "hardware.processes": (1, 1e7),
        "software": 1000,
        "software.*": 1000,
        "durations": 100,
        "durations.*": (0, 1e9),
        "energy.joules": (0, 1e15),
        "input_wait": (0, 1),
        "gpus.count": (1, 1e7),
        "gpus.utilisation": (0, 1),
        "gpus.joules": (0, 1e15),
        "gpus.peak_memory_bytes": (0, 1e18),
        "convergence.reached.seconds": (0, 1e9),
        "convergence.reached.epochs": (0, 1e6),
        "criteria": 200,
        "criteria.*.baselines": 50,
        "criteria.*.unit": 200,
        "scores": 1000,
        "response.*": 1000,
        "details.confusion.classes": MAX_CLASSES,
        "details.confusion.classes.*": 100,
        "details.confusion.counts.*.*": (0, 1e15),
    }
)
"""Entry of a result to its bounds: of a number the least and the greatest value, of a text its characters, of a list or
mapping its entries; ``*`` stands for any one. Durations of 1e9 s are 32 years, memory of 1e18 bytes is that of the
largest machines many times."""
CONFIG_BOUNDS: Mapping[str, Span | int] = MappingProxyType(
    {
        "submission.*": 200,
        "github.*": 500,
        "model": 200,
        "parameters": (0, 1e15),
        "hyperparameters": 1000,
        "data": 100,
        "data.*": 1000,
        "maintainers": 50,
        "runs": 200,
        "runs.*.seed": (0, 2**63 - 1),
    }
)
LOG_BOUNDS: Mapping[str, Span | int] = MappingProxyType({"key": 200, "metadata.epoch_num": (0, 1e6)})
"""The same of an event of a log."""

MAX_CURVE = 500
"""Number of points of a curve that are drawn; of a longer one as many, evenly spread."""
MAX_CELLS = 4096
"""Number of cells of a confusion matrix that are drawn, those with the largest shares of their rows."""
MAX_SHOWN = 200
"""Number of characters of a text in a table of the leaderboard."""
MAX_REVIEWED = 10
"""Number of points that a person has to review which the leaderboard shows."""
DRAWN_BYTES, DRAWN_SECONDS, DRAWN_MEMORY = 4 * MIB, 60.0, GIB
"""Bytes, seconds and memory that the pages of one submission may take."""

NEAR_COPY = 0.999
"""Likeness of errors from which on a person looks at two submissions, see `prediction_errors.likeness`."""
FEWEST_RUNS = MappingProxyType({"cloudmask": 10, "stemdl": 5, "candle_uno": 5})
"""Benchmark to the least number of runs of a submission that has a rank (policy.adoc)."""
FEWEST_RUNS_OTHERWISE = 5
"""The same of benchmarks that the policy does not name."""
FEWEST_RUNS_SIMULATED = 2
"""The same of simulated data, of which the policy does not speak: there is an interval from two runs on."""
HOSTED_BYTES = 95 * MIB
"""Number of bytes of one file in a git repository: hosts refuse more than 100 MB."""

TEXT_SUFFIXES = frozenset(
    [
        ".md",
        ".txt",
        ".py",
        ".sh",
        ".slurm",
        ".sbatch",
        ".pbs",
        ".ipynb",
        ".yaml",
        ".yml",
        ".toml",
        ".cfg",
        ".json",
        ".csv",
        ".tsv",
        ".log",
    ]
)
MAGIC = MappingProxyType({".pdf": b"%PDF-", ".png": b"\x89PNG\r\n\x1a\n", ".h5": b"\x89HDF\r\n\x1a\n"})
"""Allowed files that are not text, with their first bytes."""
FORBIDDEN_SUFFIXES = MappingProxyType(
    {
        "pickle": frozenset([".pkl", ".pickle", ".joblib", ".pt", ".pth", ".npy", ".npz", ".dill"]),
        "model-file": frozenset(
            [".keras", ".hdf5", ".pb", ".onnx", ".tflite", ".ckpt", ".safetensors", ".weights", ".bin"]
        ),
        "archive": frozenset(
            [".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".whl", ".jar", ".egg"]
        ),
        "executable": frozenset(
            [".so", ".exe", ".dll", ".dylib", ".pyc", ".pyd", ".o", ".a", ".class", ".wasm", ".com", ".bat", ".msi"]
        ),
    }
)
FORBIDDEN_MAGIC = (
    ("pickle", re.compile(rb"\x80[\x02-\x05].*\.\s*\Z|\x93NUMPY", re.DOTALL)),
    ("model-file", re.compile(rb"\x89HDF\r\n")),
    ("archive", re.compile(rb"PK\x03\x04|PK\x05\x06|\x1f\x8b|BZh[1-9]|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!")),
    ("executable", re.compile(rb"\x7fELF|MZ[\x00-\xff]{58}|\xca\xfe\xba\xbe|\xcf\xfa\xed\xfe|\x00asm")),
)
"""Kind of a file by its first bytes, whatever its name is."""

DIVISIONS = ("open", "closed")
STATUSES = ("cloud", "onprem", "preview", "research", "submission")
"""Statuses of MLPerf, and the one in the policy's example."""
LOG_KEYS = (
    ("submission_benchmark",),
    ("submission_org",),
    ("submission_division",),
    ("submission_version", "submissiom_version"),
    ("submission_github_commit_version",),
    ("submission_status",),
    ("submission_platform",),
    ("cache_clear",),
    ("init_start",),
    ("train_samples",),
    ("eval_samples",),
    ("init_stop",),
    ("result",),
    ("run_start",),
    ("run_stop",),
)
"""Each once in every log; where there are two spellings one suffices. Those of submit.adoc, and those that the common
rules of mlperf-logging's compliance checker ask for (hpc_3.0.0/common.yaml), since policy.adoc refers to the rules of
MLPerf for all that it does not say itself."""
LOG_ORDER = ("cache_clear", "init_start", "init_stop", "run_start")
"""Order of MLPerf's rules: nothing of the run lies in memory, and the clock starts on what is initialized."""
LOG_WITHIN = {"train_samples": "init", "eval_samples": "init", "result": "run"}
"""Key to the interval that it is logged in: the data are known when the clock starts, the result when it stops."""
COMMIT = re.compile(r"(?!0{40})[0-9a-f]{40}")
REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+@#-]{0,199}")
"""A branch or a tag, which is no option to git and no command to a shell."""
VERSION = re.compile(r"v?[0-9]+(\.[0-9]+){0,3}([.+-]?[A-Za-z0-9]+)*")
SHA256 = re.compile(r"[0-9a-f]{64}")
URL = re.compile(r"(?:https|s3|gs|ftp|globus|doi)://[!#-&(-;=?-\[\]-_a-~]{3,500}|doi:10\.[!#-&(-;=?-\[\]-_a-~]{3,200}")
"""Printable ASCII, as letters of other scripts may look the same; no quotes, angle brackets, backslash, backtick."""
REPOSITORY = re.compile(r"https://[!#-&(-;=?A-\[\]-_a-~]{3,500}")
"""Also without @, before which a password could stand."""
UNANSWERED = "(replace this"
"""Beginning of what a template leaves for the submitter to write."""
INSTRUCTIONS = ("<!-- Add what your run needs", "<!-- Tell what is new")
"""Beginnings of the comments in which the templates say what to write in their place."""


@dataclass(frozen=True, slots=True)
class ConfigEntry:
    """A required entry of config.yaml.

    Attributes:
        paths: its place, as keys with dots between; either spelling.
        kind: kind of the value.
        values: allowed values, where only some are allowed.
    """

    paths: tuple[str, ...]
    kind: Literal["text", "list", "mapping"] = "text"
    values: tuple[str, ...] = ()


ENTRIES = (
    ConfigEntry(("submission.name",)),
    ConfigEntry(("submission.organisation", "submission.organization")),
    ConfigEntry(("submission.division",), values=DIVISIONS),
    ConfigEntry(("submission.status",), values=STATUSES),
    ConfigEntry(("submission.platform",)),
    ConfigEntry(("github.description", "github.discription")),
    ConfigEntry(("github.repo",)),
    ConfigEntry(("github.branch",)),
    ConfigEntry(("github.version",)),
    ConfigEntry(("github.tag",)),
    ConfigEntry(("github.commit",)),
    ConfigEntry(("data",), "list"),
    ConfigEntry(("benchmark",)),
    ConfigEntry(("dataset",)),
    ConfigEntry(("dataset_version",)),
    ConfigEntry(("plan_digest",)),
    ConfigEntry(("model",)),
    ConfigEntry(("hyperparameters",), "mapping"),
    ConfigEntry(("runs",), "list"),
)
"""policy.adoc, Identifying Information; submit.adoc, config.yaml; and what ties the result to its data."""
