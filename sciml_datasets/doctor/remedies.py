"""Commands that mend something, as a shell takes them."""

from __future__ import annotations

import shlex
import sys


def command(*words: object) -> str:
    """A command with its words quoted where a shell needs that.

    Example:
        >>> from sciml_datasets.doctor.remedies import command
        >>> command("rm", "-r", "my data")
        "rm -r 'my data'"
    """
    return shlex.join(map(str, words))


def pip_install(*requirements: str) -> str:
    """The command that installs packages for the Python that runs."""
    return command(sys.executable, "-m", "pip", "install", *requirements)
