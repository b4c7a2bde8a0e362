"""Conversion of a Sentinel-3 SLSTR product to a scene of CloudMask."""

from __future__ import annotations

from pathlib import Path

from sciml_datasets.cloudmask import slstr
from sciml_datasets.conversion import Converted


def convert(name: str, source: Path, out: Path) -> Converted:
    """The scene of a product; see `sciml_datasets.cloudmask.slstr.convert`."""
    written = slstr.convert(source, out)
    size = written.stat().st_size
    return Converted({"file": str(written), "bytes": size}, f"{written}: {size / 1e6:.1f} MB")
