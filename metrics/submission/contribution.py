"""The written documents of a submission: README.md and the PDF, which is looked at but never rendered."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator

from sciml_datasets.metrics.submission import rules
from sciml_datasets.metrics.submission.findings import BrokenRuleError, Finding

ACTIVE = re.compile(
    rb"/(JavaScript|JS|Launch|EmbeddedFiles?|OpenAction(?!\s*\[)|AA|RichMedia|XFA|SubmitForm|ImportData|GoToE|Movie|Sound|"
    rb"Rendition|3D|Encrypt)(?![A-Za-z0-9])"
)
"""Names of PDF (ISO 32000-1, 12.6 Actions, 7.11.4 Embedded file streams) that make a document do something; a place to
open it at is harmless."""
CHANCE = 5
"""Letters of a name that does not turn up by chance in compressed data."""
MADE_OF = re.compile(rb"made of sha256:([0-9a-f]{64})")
"""Stands in the PDF's metadata, with the SHA-256 of its Markdown."""
MAX_UNPACKED = 64 * rules.MIB


def check_readme(text: str) -> Iterator[Finding]:
    """Does it tell how to run?"""
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    if not any(block.strip() for block in blocks):
        yield Finding(rules.README, "readme-instructions", "there is no code block with commands")
    yield from check_answers(rules.README, text)


def check_answers(name: str, text: str) -> Iterator[Finding]:
    """Is everything written that a template asks for?"""
    if count := text.count(rules.UNANSWERED):
        yield Finding(name, "unanswered", f"{count} places still say {rules.UNANSWERED} ...)")


def check_pdf(name: str, content: bytes, markdown: bytes | None) -> Iterator[Finding]:
    """Is it a whole PDF that does nothing, made of the Markdown beside it?"""
    if not content.startswith(b"%PDF-") or b"%%EOF" not in content[-1024:]:
        yield Finding(name, "pdf-format", "it does not begin with %PDF- and end with %%EOF")
        return
    for part, least in _parts(content):
        found = next((f for f in ACTIVE.finditer(_plain_names(part)) if len(f[1]) >= least), None)
        if found:
            yield Finding(name, "pdf-active", f"it has /{found[1].decode()}")
            break
    made = MADE_OF.search(content)
    if made and markdown is not None and made[1].decode() != hashlib.sha256(markdown).hexdigest():
        yield Finding(name, "pdf-outdated", f"{rules.CONTRIBUTION_SOURCE} was changed since")


def _plain_names(part: bytes) -> bytes:
    """Names may be written with hexadecimal digits: /J#53 is /JS."""
    return re.sub(rb"#([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), part)


def _parts(content: bytes) -> Iterator[tuple[bytes, int]]:
    """Where names may stand, and how long they must be not to be chance: all bytes, those outside of streams, and the
    object streams, in which objects lie compressed."""
    yield content, CHANCE
    yield re.sub(rb"\bstream\r?\n.*?endstream", b"", content, flags=re.DOTALL), 0
    left, view = MAX_UNPACKED, memoryview(content)
    for match in re.finditer(rb"/ObjStm.{0,400}?\bstream\r?\n", content, re.DOTALL):
        try:
            part = zlib.decompressobj().decompress(view[match.end() :], left)
        except zlib.error:
            continue  # not deflated: searched as it is
        left -= len(part)
        if left <= 0:
            raise BrokenRuleError("pdf-active", "its compressed objects are too large to look into")
        yield part, 0
