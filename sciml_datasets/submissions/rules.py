"""Requirements on submissions: names, sizes and formats of files, and required entries. Data only.

Sources: the submission rules (mlcommons/science, submit.adoc) and the policy (policy.adoc) of the MLCommons Science
working group. Where they misspell a name, theirs and the right spelling are both accepted.
"""

from __future__ import annotations

import re
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
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,99}")
"""Name of any file or folder: portable, never hidden, no path."""

MAX_FILES = 200
MAX_DEPTH = 3
"""Number of nested folders below the submission."""
MAX_TOTAL = 4 * GIB
MAX_BYTES = MappingProxyType(
    {
        "config": 64 * KIB,
        "text": MIB,
        "json": 16 * MIB,
        "log": 4 * MIB,
        "other": 20 * MIB,
        "predictions": 2 * GIB,
    }
)
MAX_LINE = 64 * KIB
MAX_NESTING = 24
"""Depth of nested values in YAML and JSON."""
MAX_SAMPLES = 10_000_000
MAX_RAW_PREDICTIONS = 4 * GIB
"""Number of bytes of predictions once decompressed."""
MAX_CHUNK = 128 * MIB
"""Number of bytes of a chunk of predictions once decompressed: HDF5 holds a whole one in memory."""
MAX_RATIO = 1100
"""Largest ratio of compression: that of gzip (1,032 to 1), with room for what HDF5 never wrote."""
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
