"""Messages of the functions: printed by the commands, and left to the program that calls the functions."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace

import pytest

from sciml_datasets import messages
from sciml_datasets.cli import list as command
from sciml_datasets.cli.main import main


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that says how it goes on, and warns."""

    def run(args: Namespace) -> int:
        messages.inform("epoch 1\x1b[2J")
        messages.warn("left out: a")
        return 0

    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr(command, "add_arguments", lambda parser: ArgumentParser)


@pytest.mark.usefixtures("told")
def test_a_command_prints_them_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert capsys.readouterr() == ("", "epoch 1\\x1b[2J\nleft out: a\n")


@pytest.mark.usefixtures("told")
def test_a_command_leaves_the_logger_as_it_was() -> None:
    before = messages.LOGGER.handlers, messages.LOGGER.level, messages.LOGGER.propagate
    main(["list"])
    assert (messages.LOGGER.handlers, messages.LOGGER.level, messages.LOGGER.propagate) == before


def test_a_program_gets_warnings_alone_unless_it_asks_for_more(caplog: pytest.LogCaptureFixture) -> None:
    for level in ("WARNING", "INFO"):
        caplog.set_level(level)
        assert messages.asked_for() == (level == "INFO")
        messages.inform("epoch 1")
        messages.warn("left out: a")
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.INFO, logging.WARNING]
    assert caplog.records[0].pathname == __file__
