"""The known name that is nearest to a misspelt one."""

from __future__ import annotations

from collections.abc import Collection, Iterable

LONGEST = 80
"""Largest number of characters of a text that is compared: the time of a comparison grows with their square."""
LEAST_RATIO = 0.6
"""Least ratio of `difflib.SequenceMatcher`, from 0 to 1, of two spellings that are near."""
SHORTEST = 3
"""Least number of characters of a text that may stand for a longer name which holds it."""


def nearest(given: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant; None where no name is near.

    Capitals do not count, nor does ``-`` in place of ``_``. Where no name is similar, the first name that holds the
    given text is taken: ``val`` stands for ``validation``.

    Args:
        given: text that the user has given.
        known: names; of those that are equally near the first is taken.

    Example:
        >>> from sciml_datasets.nearest import nearest
        >>> nearest("Cloud-Mask", ["stemdl", "cloudmask"]), nearest("val", ["train", "validation"])
        ('cloudmask', 'validation')
        >>> nearest("mnist", ["stemdl", "cloudmask"])
    """
    from difflib import SequenceMatcher

    by_spelling: dict[str, str] = {}
    for name in known:
        by_spelling.setdefault(_spelling(name), name)
    text = _spelling(given)
    if len(text) > LONGEST:
        return None
    ratios = {spelling: SequenceMatcher(None, spelling, text).ratio() for spelling in by_spelling}
    found = max(ratios, key=ratios.__getitem__, default="")
    if ratios.get(found, 0.0) < LEAST_RATIO:
        found = next((spelling for spelling in by_spelling if text in spelling and len(text) >= SHORTEST), "")
    return by_spelling.get(found)


def meant(given: str, known: Iterable[str]) -> str:
    """A clause for the end of a message; empty where no known name is near.

    Args:
        given, known: as for `nearest`.
    """
    found = nearest(given, known)
    return f" (did you mean {found}?)" if found is not None else ""


def one_of(given: str, known: Collection[str]) -> str:
    """The end of a message on a name that is not known: the names that are, and the nearest.

    Args:
        given, known: as for `nearest`.

    Example:
        >>> from sciml_datasets.nearest import one_of
        >>> one_of("stemdl_dmo", ["stemdl", "stemdl_demo"])
        'choose one of stemdl, stemdl_demo (did you mean stemdl_demo?)'
    """
    return f"choose one of {', '.join(known) or 'none'}{meant(given, known)}"


def _spelling(name: str) -> str:
    return name.casefold().replace("-", "_")
