"""The exceptions that a user can cause and mend."""

from __future__ import annotations


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one sentence that names the file or value, says what was expected and what to do. The command line
    prints it alone and exits with code 2.
    """
