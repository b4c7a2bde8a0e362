"""The options of a preparation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sciml_datasets.parallel.job_array import Share


@dataclass(frozen=True, slots=True)
class PrepareOptions:
    """The options of a preparation.

    Attributes:
        raw_dir: the folder that holds one folder of raw files per data set.
        file_format: file format that the prepared data must have; None for any.
        num_shards: number of shards per split; None for TFDS's rule.
        restart: remove what interrupted preparations have left.
        verify_raw: hash every raw file and compare, or record, its checksum.
        choices: values of `Benchmark.choices` by name.
        raw_name: name of the data set whose raw files are read, where it is preprocessed from them; None for its own.
        share: the share of the shards that is written here; None for all.
    """

    raw_dir: str | Path | None = None
    file_format: str | None = None
    num_shards: int | None = None
    restart: bool = False
    verify_raw: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)
    raw_name: str | None = None
    share: Share | None = None
