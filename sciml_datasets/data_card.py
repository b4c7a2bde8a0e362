"""Data cards: what a person should know of the data of a benchmark before using them, with the evidence.

A card is the file ``card.yaml`` in the package of a benchmark. Its ratings are in the six categories of the MLCommons
science benchmark ontology (arXiv 2511.05614), by the makers of the benchmark themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from sciml_datasets.benchmark import Benchmark
from sciml_datasets.errors import InputError
from sciml_datasets.files.documents import read_yaml

NAME = "card.yaml"
REMEDY = "correct the card"
QUESTIONS: Mapping[str, str] = {
    "origin": "Where do the data come from?",
    "collection": "How were they collected?",
    "preprocessing": "What was done with them?",
    "splits": "How are they split, and what shows that no answer leaks?",
    "labels": "Where do the labels come from?",
    "limitations": "What are their known weaknesses?",
    "harm": "Who may be harmed?",
    "people": "What do they hold on persons?",
    "uses": "What are they for, and what not?",
    "maintenance": "Who maintains them?",
}
"""Field of a card that answers in words, to its question."""
CATEGORIES: Mapping[str, str] = {
    "software": "software environment",
    "specification": "problem specification and constraints",
    "dataset": "data set",
    "metrics": "performance metrics",
    "reference_solution": "reference solution",
    "documentation": "documentation",
}
"""Category of the rubric to its title."""
BEST = 5


@dataclass(frozen=True, slots=True)
class Rating:
    """A rating from 0 to BEST, and the reason for it."""

    rating: float
    reason: str


@dataclass(frozen=True, slots=True)
class DataCard:
    """The card of a benchmark.

    Attributes:
        published: year in which the data were published.
        creators: names of the persons or organizations that made them.
        domain: scientific fields, as the ontology names them.
        keywords: terms by which the data are found.
        origin, collection, preprocessing, splits, labels, limitations, harm, people, uses, maintenance: answers to
            QUESTIONS.
        ratings: rating by category, see CATEGORIES.

    Example:
        >>> from sciml_datasets.benchmarks import BENCHMARKS
        >>> from sciml_datasets.data_card import read_card
        >>> card = read_card(BENCHMARKS["stemdl"])
        >>> card.published, card.creators[0]
        (2019, 'Nouamane Laanait')
        >>> sorted(card.ratings) == ["dataset", "documentation", "metrics", "reference_solution", "software",
        ...                          "specification"]
        True
    """

    published: int
    creators: tuple[str, ...]
    domain: tuple[str, ...]
    keywords: tuple[str, ...]
    origin: str
    collection: str
    preprocessing: str
    splits: str
    labels: str
    limitations: str
    harm: str
    people: str
    uses: str
    maintenance: str
    ratings: Mapping[str, Rating]


def read_card(benchmark: Benchmark) -> DataCard:
    """The card of a benchmark.

    Raises:
        InputError: its package has no card, or one in which something is missing, unknown or empty.
    """
    path = benchmark.folder / NAME
    if not path.is_file():
        raise InputError(f"{benchmark.name} has no data card: write {path}, see docs/adding_a_benchmark.md")
    kinds: dict[str, type | tuple[type, ...]] = {
        "published": int,
        "ratings": dict,
        **dict.fromkeys(("creators", "domain", "keywords"), list),
        **dict.fromkeys(QUESTIONS, str),
    }
    content = read_yaml(path, "a data card", REMEDY, kinds)
    _check(str(path), content.keys(), {field.name for field in fields(DataCard)})
    for name, value in content.items():
        if not value or (isinstance(value, list) and not all(isinstance(one, str) and one for one in value)):
            raise InputError(f"{path}: {name} is empty, or holds what is no text: {REMEDY}")
    ratings = _ratings(str(path), content.pop("ratings"))
    lists = {name: tuple(content[name]) for name in ("creators", "domain", "keywords")}
    whole: dict[str, Any] = {**content, **lists, "ratings": ratings}
    return DataCard(**whole)


def _ratings(path: str, given: dict[str, Any]) -> dict[str, Rating]:
    _check(f"{path}: ratings", given.keys(), CATEGORIES.keys())
    found = {}
    for name in CATEGORIES:
        match given[name]:
            case {"rating": int() | float() as rating, "reason": str() as reason} if 0 <= rating <= BEST and reason:
                found[name] = Rating(float(rating), reason)
            case _:
                raise InputError(f"{path}: {name} needs a rating from 0 to {BEST} and a reason: {REMEDY}")
    return found


def _check(where: str, given: Any, expected: Any) -> None:
    """Raise InputError where names are missing or unknown."""
    if missing := sorted(set(expected) - set(given)):
        raise InputError(f"{where}: {', '.join(missing)} missing: {REMEDY}")
    if unknown := sorted(map(str, set(given) - set(expected))):
        raise InputError(f"{where}: {', '.join(unknown)} unknown: {REMEDY}")
