"""A PDF from Markdown, without LaTeX: markdown-it-py reads it, fpdf2 sets it, with the DejaVu fonts of matplotlib."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from sciml_datasets.errors import InputError

if TYPE_CHECKING:
    from fpdf import FPDF

FAMILY = "DejaVu"
FACES = {
    ("", FAMILY): "DejaVuSans.ttf",
    ("B", FAMILY): "DejaVuSans-Bold.ttf",
    ("I", FAMILY): "DejaVuSans-Oblique.ttf",
    ("BI", FAMILY): "DejaVuSans-BoldOblique.ttf",
    ("", "Mono"): "DejaVuSansMono.ttf",
    ("B", "Mono"): "DejaVuSansMono-Bold.ttf",
}
MARGIN_MM = 22
CELL = re.compile(r'<(t[dh])(?: style="text-align:(\w+)")?>')
"""Cell of a table, with its alignment where the Markdown states one."""
PICTURE = re.compile(r'<p>(<img [^>]*alt="([^"]*)"[^>]*>)</p>')
"""Picture in a paragraph of its own, with its text."""


def markdown_to_pdf(markdown: bytes, folder: Path, date: datetime, second: Path | None = None) -> bytes:
    """A4 pages of a Markdown text: headings, lists, tables, code, links and pictures.

    The same text gives the same bytes. The metadata hold the SHA-256 of the Markdown.

    Args:
        markdown: the text in UTF-8.
        folder: folder in which pictures are searched; no others are read.
        date: date of the document, with a time zone.
        second: folder in which pictures are searched that are not in the first one.

    Raises:
        InputError: a picture is not in the folder, the Markdown is not UTF-8 or cannot be set, or the fonts lack a
            character of it.
    """
    from fpdf import FPDF
    from fpdf.errors import FPDFException
    from fpdf.fonts import FontFace, TextStyle, TTFFont
    from markdown_it import MarkdownIt
    from matplotlib import get_data_path

    try:
        text = markdown.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = f"byte {error.start}"
        raise InputError(f"the Markdown of the contribution is not UTF-8 (at {place}): save it as UTF-8") from error
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(_without_comments(text))
    pdf = FPDF()
    for source in re.findall(r'<img src="([^"]*)"', html):
        places = [place for place in (folder, second) if place and _holds(place, source)]
        if not places:
            where = second or folder
            raise InputError(f"{source}: no such picture in {where}: put it there, or take it out of the Markdown")
        picture = os.path.realpath(places[0] / source)
        _load_picture(pdf, picture, source)
        html = html.replace(f'<img src="{source}"', f'<img width="430" src="{picture}"')
    html = _with_captions(html).replace("<table>", '<table border="1" cellpadding="3">')
    # fpdf2 takes the attribute alone, and justifies the words of other cells.
    html = CELL.sub(lambda found: f'<{found[1]} align="{found[2] or "left"}">', html)
    pdf.set_margin(MARGIN_MM)
    pdf.set_auto_page_break(True, MARGIN_MM)
    for (style, family), file in FACES.items():
        pdf.add_font(family, style, str(Path(get_data_path()) / "fonts" / "ttf" / file))
    title = re.search(r"^#\s+(.+)$", text, re.MULTILINE)
    pdf.set_title(title[1] if title else "Scientific contribution")
    pdf.set_keywords(f"made of sha256:{hashlib.sha256(markdown).hexdigest()}")
    pdf.set_creation_date(date)
    pdf.set_lang("en")
    pdf.add_page()
    pdf.set_font(FAMILY, size=10)
    mono = FontFace(family="Mono", size_pt=9)
    headings = {
        f"h{level}": TextStyle(FAMILY, "B", size, color="#17324d", t_margin=above, b_margin=2)
        for level, size, above in ((1, 17, 0), (2, 13, 5), (3, 11, 4), (4, 10, 3))
    }
    styles = {"code": mono, "pre": TextStyle("Mono", "", 8.5, t_margin=2, b_margin=2), "a": FontFace(color="#0b5cad")}
    try:
        pdf.write_html(html, font_family=FAMILY, tag_styles=headings | styles)
    except (FPDFException, ValueError, NotImplementedError) as error:  # the last is fpdf2's for what it cannot nest
        raise InputError(f"the Markdown of the contribution cannot be set as PDF ({error}): simplify it") from error
    content = bytes(pdf.output())
    lacking = {code for font in pdf.fonts.values() if isinstance(font, TTFFont) for code in font.missing_glyphs}
    if lacking:
        shown = ", ".join(f"U+{code:04X} {unicodedata.name(chr(code), '')}".strip() for code in sorted(lacking)[:5])
        raise InputError(f"the Markdown of the contribution has characters that the fonts lack ({shown}): replace them")
    return content


def _with_captions(html: str) -> str:
    """The pictures in paragraphs of their own, each with its number and its text in a line below it."""
    number = count(1)
    return PICTURE.sub(lambda found: f"<p>{found[1]}</p><p><i>Figure {next(number)}. {found[2]}</i></p>", html)


def _holds(folder: Path, name: str) -> bool:
    """Whether a name is that of a file in a folder, and no link leads out of it."""
    path = Path(os.path.realpath(folder / name))
    return path.is_file() and path.is_relative_to(os.path.realpath(folder))


def _load_picture(pdf: FPDF, picture: str, name: str) -> None:
    """Read a picture into the PDF, which keeps it for later use.

    Args:
        pdf: PDF that will show it.
        picture: real path of the picture.
        name: name of the picture in the Markdown.

    Raises:
        InputError: it is none that can be read.
        OSError: the disk fails.
    """
    from fpdf.errors import FPDFException
    from fpdf.image_parsing import preload_image
    from PIL.Image import DecompressionBombError

    try:
        preload_image(pdf.image_cache, picture)
    except (OSError, ValueError, FPDFException, DecompressionBombError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InputError(
            f"{name} cannot be read as a picture, expected a whole PNG, JPEG or SVG: replace it, or take it out of the "
            "Markdown"
        ) from error


def _without_comments(text: str) -> str:
    """HTML comments are notes to the submitter."""
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
