"""Pages that HTTP servers make of their folders: the files and folders that they link to."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import unquote, urljoin

_TAG = re.compile(rb"<a\s([^<>]{1,4096})>", re.IGNORECASE)
_TARGET = re.compile(rb"""(?:^|\s)href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))""", re.IGNORECASE)
_PLAIN = re.compile(rb"https?://[-a-zA-Z0-9@:%_+.~#?&/=]{1,4096}")
"""Tags of links, their target, and addresses in plain text. Each takes time in proportion to the page."""


def linked(page: bytes, folder: str, root: str) -> Iterator[str]:
    """The names, relative to ``root`` and unquoted, of what a page links to below its folder, in the page's order.

    Links to other places, and those with a query or a fragment, as to sort the page, are left out.

    Args:
        page: the page.
        folder: URL of the folder that the page shows, with a slash at its end.
        root: URL of the source's folder, with a slash at its end.
    """
    here, start = _unquoted(folder), _unquoted(root)
    for target in _targets(page):
        try:
            url = urljoin(folder, target)
        except ValueError:  # a host that is none
            continue
        if not {"?", "#"} & {*url} and (there := _unquoted(url)).startswith(here) and there != here:
            yield there.removeprefix(start)


def _unquoted(url: str) -> str:
    return unquote(url, errors="surrogateescape")


def _targets(page: bytes) -> Iterator[str]:
    for tag in _TAG.finditer(page):
        if found := _TARGET.search(tag[1]):
            text = b"".join(part for part in found.groups() if part).decode("utf-8", "surrogateescape")
            yield html.unescape(text).strip()
    for address in _PLAIN.finditer(page):
        yield address[0].decode("ascii")
