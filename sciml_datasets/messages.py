"""Messages of the functions of this package: records of the logger ``sciml_datasets``, of the standard library.

A Python program gets what it asks for: as long as it sets no level, warnings alone are shown, and no progress::

    logging.basicConfig(level="INFO")

The commands print all of them to standard error.
"""

from __future__ import annotations

import logging

from sciml_datasets.printable import printable

LOGGER = logging.getLogger("sciml_datasets")


def inform(text: str) -> None:
    """Log how work goes on, in one printable line."""
    LOGGER.info("%s", printable(text), stacklevel=2)


def warn(text: str) -> None:
    """Log trouble that ends nothing, and what to do about it, in one printable line."""
    LOGGER.warning("%s", printable(text), stacklevel=2)


def asked_for() -> bool:
    """Whether the program wants to know how work goes on."""
    return LOGGER.isEnabledFor(logging.INFO)
