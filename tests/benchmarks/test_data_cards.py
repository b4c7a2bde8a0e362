"""Data cards: each benchmark of this repository has one, and a card that is not whole is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sciml_datasets import BENCHMARKS, Benchmark, InputError
from sciml_datasets.benchmarks import OWN
from sciml_datasets.cli.main import main
from sciml_datasets.data_card import CATEGORIES, QUESTIONS, read_card

CATALOGUE = {
    *("date", "version", "last_updated", "expired", "valid", "valid_date", "name", "url", "doi", "domain", "focus"),
    *("keywords", "summary", "licensing", "task_types", "ai_capability_measured", "metrics", "models", "ml_motif"),
    *("type", "ml_task", "solutions", "notes", "contact", "cite", "datasets", "results", "fair", "ratings"),
}
"""Fields of an entry of the catalogue, none of which may be left out: mlcommons-science/benchmark, source/."""


def write_card(benchmark: Benchmark, content: object) -> None:
    (benchmark.folder / "card.yaml").write_text(yaml.safe_dump(content))


def whole() -> dict[str, Any]:
    return {
        **dict.fromkeys(QUESTIONS, "An answer."),
        **{name: ["one"] for name in ("creators", "domain", "keywords")},
        "published": 2026,
        "ratings": {name: {"rating": 2.5, "reason": "A reason."} for name in CATEGORIES},
    }


@pytest.mark.parametrize("name", OWN)
def test_a_benchmark_of_this_repository_answers_every_question_and_names_evidence(name: str) -> None:
    card = read_card(BENCHMARKS[name])
    assert all(len(getattr(card, question)) > 10 for question in QUESTIONS)
    assert all(0 < rating.rating <= 5 for rating in card.ratings.values())


def test_a_card_of_another_package_is_read(pebbles: Benchmark) -> None:
    write_card(pebbles, whole())
    card = read_card(pebbles)
    assert card.harm == "An answer."
    assert card.ratings["dataset"].rating == 2.5


def test_a_benchmark_without_a_card_is_told_to_write_one(pebbles: Benchmark) -> None:
    with pytest.raises(InputError, match=r"has no data card: write .*card\.yaml"):
        read_card(pebbles)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"harm": None}, "harm"),
        ({"harm": ""}, "harm is empty"),
        ({"creators": [1]}, "creators is empty, or holds what is no text"),
        ({"colour": "blue"}, "colour unknown"),
        ({"ratings": {"software": {"rating": 5, "reason": "x"}}}, "dataset, documentation, metrics"),
        ({"ratings": {**whole()["ratings"], "metrics": {"rating": 6, "reason": "x"}}}, "metrics needs a rating"),
        ({"ratings": {**whole()["ratings"], "metrics": {"rating": 5, "reason": ""}}}, "metrics needs a rating"),
        ({"ratings": {**whole()["ratings"], "taste": 5}}, "taste unknown"),
    ],
    ids=["null", "empty", "number", "unknown", "no ratings", "six", "no reason", "category"],
)
def test_a_card_that_is_not_whole_is_refused_by_name(pebbles: Benchmark, change: dict[str, Any], message: str) -> None:
    write_card(pebbles, whole() | change)
    with pytest.raises(InputError, match=message) as refused:
        read_card(pebbles)
    assert "card.yaml" in str(refused.value)


def test_the_command_prints_answers_and_ratings_and_writes_the_entry_of_the_catalogue(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "entry.yaml"
    assert main(["card", "cloudmask_demo", "--ontology", str(path)]) == 0
    said = capsys.readouterr().out
    assert "cloudmask_demo is simulated" in said
    assert "Who may be harmed?" in said
    assert "4 performance metrics: Every score has a formula" in said
    (entry,) = yaml.safe_load(path.read_text())
    assert entry.keys() == CATALOGUE
    assert None not in entry.values()
    assert entry["ratings"].keys() == CATEGORIES.keys()
    assert entry["cite"][0].startswith("@")
