"""Type of a file: by its ending, by its bytes, and as a whole, so that it cannot also be of another type."""

from __future__ import annotations

import io
import pickletools
import re
import struct
import zipfile
import zlib
from pathlib import Path

from sciml_datasets.submissions import rules
from sciml_datasets.submissions.findings import BrokenRuleError, shown
from sciml_datasets.submissions.folder import as_text, kind_of, read_file

ZIP_TAIL = 66_000
"""Bytes at the end of a file among which the end of a ZIP archive lies (APPNOTE.TXT, 4.3.16: 22 and 65,535)."""
MODULE = re.compile(r"[A-Za-z_][\w.]* [A-Za-z_][\w.]*")
"""Argument of a pickle's GLOBAL, as `pickletools` gives it."""
PNG_CHUNK = re.compile(rb"[A-Za-z]{4}")


def check_kind(root: Path, name: str, size: int) -> None:
    """May such a file be submitted, and is it what its ending says?

    Raises:
        BrokenRuleError: no.
    """
    suffix, kind = Path(name).suffix.lower(), kind_of(name)
    for rule, suffixes in rules.FORBIDDEN_SUFFIXES.items():
        if suffix in suffixes:
            raise BrokenRuleError(rule, f"it ends in {suffix}")
    if suffix not in rules.TEXT_SUFFIXES and suffix not in rules.MAGIC:
        raise BrokenRuleError("file-kind", f"it ends in {shown(suffix) or 'nothing'}")
    if size > rules.MAX_BYTES[kind]:
        raise BrokenRuleError("too-large", f"it has {size:,} bytes, at most {rules.MAX_BYTES[kind]:,}")
    if suffix == ".h5" and kind != "predictions":
        raise BrokenRuleError("model-file", "an HDF5 file that is not called predictions.h5 or predictions-<n>.h5")
    if kind == "predictions":
        return  # read in full later
    content = read_file(root / name, rules.MAX_BYTES[kind])
    for rule, pattern in rules.FORBIDDEN_MAGIC:
        if pattern.match(content):
            raise BrokenRuleError(rule, "it is one by its first bytes")
    if suffix in rules.TEXT_SUFFIXES:
        if is_text_pickle(as_text(content)):
            raise BrokenRuleError("pickle", "it is one of protocol 0")
        return
    if not content.startswith(rules.MAGIC[suffix]):
        rule = "pdf-format" if suffix == ".pdf" else "content-kind"
        raise BrokenRuleError(rule, f"it does not begin as {suffix} files do")
    refuse_zip(content[-ZIP_TAIL:])
    if suffix == ".png" and (what := broken_png(content)) is not None:
        raise BrokenRuleError("content-kind", what)


def refuse_zip(tail: bytes) -> None:
    """Make sure that a file, of which the last bytes are given, is not a ZIP archive as well.

    Raises:
        BrokenRuleError: it is one; programs find its directory from the end.
    """
    try:
        found = zipfile.is_zipfile(io.BytesIO(tail))
    except zipfile.BadZipFile:
        found = True  # one that Python does not read
    if found:
        raise BrokenRuleError("archive", "it ends as a ZIP archive")


def broken_png(content: bytes) -> str | None:
    """The defect of a PNG: its chunks (ISO/IEC 15948, 5.3) must be complete and end with the file."""
    at, first = len(rules.MAGIC[".png"]), True
    while at + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if not PNG_CHUNK.fullmatch(kind) or end > len(content) or (first and kind != b"IHDR"):
            return f"there is no chunk at byte {at:,}"
        if zlib.crc32(content[at + 4 : end - 4]) != int.from_bytes(content[end - 4 : end], "big"):
            return f"the chunk at byte {at:,} is damaged"
        if kind == b"IEND":
            return None if end == len(content) else f"{len(content) - end:,} bytes follow its end"
        at, first = end, False
    return "it has no end"


def is_text_pickle(text: str) -> bool:
    """Whether a text is a pickle of protocol 0 that names something and calls it. It is parsed, never loaded."""
    if text[:1] not in ("c", "(", "i"):  # a global, or a mark for what follows: nothing that calls begins otherwise
        return False
    names = calls = False
    try:
        for operation, argument, _ in pickletools.genops(text.encode()):
            if operation.name in ("GLOBAL", "INST"):
                if not MODULE.fullmatch(str(argument)):
                    return False
                names = True
            calls = calls or operation.name in ("REDUCE", "BUILD", "OBJ", "INST")
    except ValueError:  # as it raises of anything else
        return False
    return names and calls
