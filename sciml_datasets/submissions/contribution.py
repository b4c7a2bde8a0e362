"""The written documents of a submission: README.md and the PDF, which is looked at but never rendered."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from sciml_datasets.submissions import rules
from sciml_datasets.submissions.findings import Finding

ACTIVE = re.compile(
    rb"/(JavaScript|Launch|EmbeddedFiles?|RichMedia|AcroForm|SubmitForm|ResetForm|ImportData|GoTo[RE]|Movie|Sound|Rendition|"
    rb"SetOCGState|Encrypt|FFilter|ObjStm|XRef(?:Stm)?|OpenAction(?!\s*\[)|AA(?=\s*(?:<<|\d{1,10}\s+\d{1,5}\s+R)))"
    rb"(?![A-Za-z0-9])"
)
"""Names of PDF (ISO 32000-1, 12.6 Actions, 7.11.4 Embedded file streams) without which a document does nothing; a place
to open it at is harmless. With them go streams of objects (7.5.7), in which names could hide behind any filter. All are
too long to turn up by chance in compressed data."""
END = re.compile(rb"startxref\s{1,4}(\d{1,10})\s{1,4}%%EOF\s{0,4}\Z")
PAGE = re.compile(rb"/Type\s{0,4}/Page(?![A-Za-z])")
MADE_OF = re.compile(rb"made of sha256:([0-9a-f]{64})")
"""Stands in the PDF's metadata, with the SHA-256 of its Markdown."""


def check_readme(text: str) -> Iterator[Finding]:
    """Whether README.md says how to run the submission."""
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    if not any(block.strip() for block in blocks):
        yield Finding(rules.README, "readme-instructions", "there is no code block with commands")
    yield from check_answers(rules.README, text)


def check_answers(name: str, text: str) -> Iterator[Finding]:
    """Is everything written that a template asks for?"""
    if count := text.count(rules.UNANSWERED):
        yield Finding(name, "unanswered", f"still to be written: {rules.UNANSWERED} ...), {count} times")
    if any(comment in text for comment in rules.INSTRUCTIONS):
        yield Finding(name, "untouched", "the comment of the template still stands where the author's text belongs")


def check_pdf(name: str, content: bytes, markdown: bytes | None) -> Iterator[Finding]:
    """Is it a whole PDF that does nothing, made of the Markdown beside it?"""
    plain = _plain_names(content)
    if (active := ACTIVE.search(plain)) is not None:
        yield Finding(name, "pdf-active", f"it has /{active[1].decode()}")
        return
    end = END.search(content[-100:])
    if not end or content[int(end[1]) :][:4] != b"xref":
        yield Finding(name, "pdf-format", "it does not end with the place of its table of objects and %%EOF")
    elif not PAGE.search(plain):
        yield Finding(name, "pdf-format", "it has no page")
    elif markdown is not None:
        made = MADE_OF.search(content)
        if not made or made[1].decode() != hashlib.sha256(markdown).hexdigest():
            yield Finding(name, "pdf-outdated", f"{rules.CONTRIBUTION_SOURCE} was changed since")


def _plain_names(part: bytes) -> bytes:
    """Names may be written with hexadecimal digits: /J#53 is /JS."""
    return re.sub(rb"#([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), part)
