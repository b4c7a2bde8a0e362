"""Search for defects that a parser of delimited text accepts silently: quotes that no other one closes, and
numbers that become 0.

A quote opens a field only at its start; within it, two are one. One that is left open takes the lines after it as part
of its field, in a column that may be read by nobody.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from sciml_datasets.errors import InputError, naming

BLOCK_BYTES = 1 << 20
LONGEST = 131_072
"""Bytes of a field in quotes that goes on over lines, at most: as many as Python's ``csv`` takes."""


def scan(path: Path, separator: str, encoding: str) -> bool:
    """Look through a table.

    Args:
        path: the file.
        separator: between fields.
        encoding: encoding of its text.

    Returns:
        Whether a number may be there that is not 0, but too close to it for float64.

    Raises:
        InputError: a quote opens a field that goes on over lines and does not end, or not where a field ends.
        OSError: the file cannot be read.
    """
    fields = _fields(separator.encode())
    rest, before, close_to_0 = b"\n", -1, False
    with naming(path):
        for block in chain(_blocks(path, encoding), (b"\n",)):
            close_to_0 = close_to_0 or _close_to_0(block)
            end, content = 0, rest + block
            if b'"' in content:
                found = fields.match(content, 1)
                end = found.end() if found else 1
                if len(content) - end > LONGEST or (end < len(content) and block == b"\n"):
                    raise _open_quote(path, encoding, before + end)
            end = end or len(content)
            rest, before = content[end - 1 :], before + end - 1
    return close_to_0


def _fields(separator: bytes) -> re.Pattern[bytes]:
    """Text up to a quote that opens a field over lines which does not end where one may."""
    ends = rb"[" + re.escape(separator) + rb"\r\n]"
    on_one_line = rb"(?<=" + ends + rb')"(?:[^"\r\n]++|"")*+"(?=[^"])'
    over_lines = rb"(?<=" + ends + rb')"(?:[^"]++|"")*+"(?=' + ends + rb")"
    return re.compile(rb'(?:[^"]++|(?<!' + ends + rb')"|' + on_one_line + rb"|" + over_lines + rb")*+")


def _blocks(path: Path, encoding: str) -> Iterator[bytes]:
    """The text as UTF-8, without its mark; who reads it reports what is in no encoding."""
    decoder = None if encoding.startswith("utf-8") else codecs.getincrementaldecoder(encoding)("replace")
    with path.open("rb") as file:
        if encoding == "utf-8-sig":
            file.seek(len(codecs.BOM_UTF8))
        while block := file.read(BLOCK_BYTES):
            yield decoder.decode(block).encode() if decoder else block


def _close_to_0(block: bytes) -> bool:
    """Whether a number has an exponent of -300 or less; others that vanish are written with 300 characters."""
    import numpy as np  # who reads lists alone, as `sciml fetch`, needs none

    text = np.frombuffer(block, np.uint8)
    exponents = ((text[1:-4] | 0x20) == ord("e")) & (text[2:-3] == ord("-")) & (text[3:-2] >= ord("3"))
    for place in np.flatnonzero(exponents).tolist() if exponents.any() else ():
        if re.match(rb"[0-9.][eE]-[3-9][0-9]{2}", block[place : place + 6]):
            return True
    return False


def _open_quote(path: Path, encoding: str, place: int) -> InputError:
    """The sentence about the quote at this place of the text."""
    text = b"".join(_blocks(path, encoding))[: max(place, 0)]
    line = text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n") + 1
    return InputError(
        f"{path}: line {line}: a quote opens a field that does not end: remove the quote, or close it on its line"
    )
