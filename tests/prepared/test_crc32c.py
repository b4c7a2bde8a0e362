"""Checksums without Python's lock are those of google_crc32c."""

from __future__ import annotations

import google_crc32c
import numpy as np
import pytest

from sciml_datasets.prepared import crc32c as module
from sciml_datasets.prepared.crc32c import crc32c


@pytest.mark.parametrize("size", [0, 1, 7, 4096, 100_003])
def test_the_checksum_is_that_of_the_library(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(size).integers(0, 256, size + 1, np.uint8)[1:]  # not aligned
    expected = google_crc32c.value(values.tobytes())
    assert crc32c(values) == crc32c(values[3:], crc32c(values[:3])) == expected
    monkeypatch.setattr(module, "_native", lambda: None)
    assert crc32c(values) == crc32c(values[3:], crc32c(values[:3])) == expected
