"""Progress that is not shown on a terminal is logged in plain lines, where it is asked for."""

from __future__ import annotations

import io
import re

import pytest

from sciml_datasets.parallel import progress as module


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _asked_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


def test_plain_lines_tell_amount_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PLAIN_SECONDS", 0.0)
    with module.progress("Writing", 4_000_000, "B", scale=True) as advance:
        advance(1_000_000)
        advance(1_000_000)
    first, second = caplog.messages
    assert re.match(r"Writing: +25%.* 1\.00M/4\.00M \[.*<.*B/s\]", first)
    assert "50%" in second


def test_the_speed_in_bytes_stands_beside_the_count_of_samples(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PLAIN_SECONDS", 0.0)
    with module.progress("Writing", 40, " samples", unit_bytes=3e6) as advance:
        advance(10)
    assert re.match(r"Writing: +25%.* 10/40 \[.*<.* samples/s, \d+ MB/s\]", caplog.messages[0])


def test_short_work_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with module.progress("Indexing", 2, " files") as advance:
        advance(2)
    assert not caplog.messages


def test_a_terminal_has_a_bar_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for level, shown in (("WARNING", False), ("INFO", True)):
        terminal = Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        caplog.set_level(level)
        with module.progress("Writing", 2, " files") as advance:
            advance(1)
        assert ("Writing" in terminal.getvalue()) == shown
