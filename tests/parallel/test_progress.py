"""Progress that is not shown on a terminal is printed in plain lines."""

from __future__ import annotations

import re

import pytest

from sciml_datasets.parallel import progress as module


def test_plain_lines_tell_amount_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "PLAIN_SECONDS", 0.0)
    with module.progress("Writing", 4_000_000, "B", scale=True) as advance:
        advance(1_000_000)
        advance(1_000_000)
    first, second = capsys.readouterr().err.splitlines()
    assert re.match(r"Writing: +25%.* 1\.00M/4\.00M \[.*<.*B/s\]", first)
    assert "50%" in second


def test_the_speed_in_bytes_stands_beside_the_count_of_samples(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "PLAIN_SECONDS", 0.0)
    with module.progress("Writing", 40, " samples", unit_bytes=3e6) as advance:
        advance(10)
    assert re.match(r"Writing: +25%.* 10/40 \[.*<.* samples/s, \d+ MB/s\]", capsys.readouterr().err)


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with module.progress("Indexing", 2, " files") as advance:
        advance(2)
    assert capsys.readouterr().err == ""
