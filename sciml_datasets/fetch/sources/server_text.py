"""Text of servers: what of it is written into files, and how it is shown.

One rule holds for every text of a server that is written into a file, as a name or a tag in a list of checksums or a
journal: it has no control and no formatting character (tab, line break, change of direction), or it is refused.
"""

from __future__ import annotations

import re
import unicodedata

from sciml_datasets.printable import printable

UNWRITABLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of characters that are not written: controls, formatting, halves of a pair, separators."""
LONGEST_TAG = 1024
"""Number of characters of an ETag or another tag of a version; those of S3 have at most 40."""
LONGEST_SHOWN = 1000
"""Number of characters of a text of a server in a message."""
_USER = re.compile(r"(?<=://)(?:[^\s/?#:@]*:(?!\d+(?:[/?#\s]|$))\S*|[^\s/?#@]*)@")
"""User and password of a URL; of one that is none since its password holds a slash as well."""
_QUERY = re.compile(r"(?<=://)([^\s?]*)\?[^\s'\")]+")
"""A URL with its query, which may be a signature."""


def is_writable(text: str) -> bool:
    """Whether a text of a server may be written into a file, see the rule above."""
    return not any(unicodedata.category(character) in UNWRITABLE for character in text)


def shown(text: str) -> str:
    """A text of a server, or with such a text in it, as messages show it: no passwords, inert, not endless.

    What is not printable is escaped as in Python; users, passwords and queries of URLs are left out.
    """
    cut = text[: 4 * LONGEST_SHOWN]  # the patterns take quadratic time
    inert = printable(_QUERY.sub(r"\1?...", _USER.sub("", cut)))
    return inert if len(inert) <= LONGEST_SHOWN else f"{inert[:LONGEST_SHOWN]}..."
