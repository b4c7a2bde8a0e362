r"""Text from outside as it is shown: nothing in it acts on a terminal or a page, and all of it can be seen.

Names of files and data sets, ids, titles and messages of others may hold control characters, which a terminal obeys,
characters that turn the direction of writing, and characters without width. Wherever text leaves the program they are
escaped as Python writes them, ``\x1b``; letters, digits, accents and signs of all scripts stay as they are.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
"""Characters that are printable for Python and yet show nothing: those with Default_Ignorable_Code_Point in
DerivedCoreProperties.txt of the Unicode Character Database, and the empty pattern of Braille."""


def printable(text: str) -> str:
    r"""A text in which every character that is not printable, see `str.isprintable`, or is UNSEEN is escaped.

    Ends of lines are escaped too, so that a name cannot begin a line of its own.

    Example:
        >>> from sciml_datasets.printable import printable
        >>> printable("Å, µm, 雲, \x1b[31m, \u202e")
        'Å, µm, 雲, \\x1b[31m, \\u202e'
    """
    if text.isprintable() and not UNSEEN.search(text):
        return text
    return "".join(
        one if one.isprintable() and not UNSEEN.match(one) else one.encode("unicode_escape").decode() for one in text
    )


def printable_json(content: Any) -> str:
    """A value as JSON text in ASCII, in which all else is escaped, as JSON has it."""
    return json.dumps(content, indent=1).replace("\x7f", "\\u007f")


def notice(*lines: str) -> None:
    """Print lines to standard error, where there is one; each of them stays one line, whatever is in it."""
    if sys.stderr is not None:
        print(*map(printable, lines), sep="\n", file=sys.stderr, flush=True)
