"""Entries of the MLCommons science benchmark ontology (arXiv 2511.05614), a catalogue with ratings in six categories.

The form is that of the files ``source/benchmark-*.yaml`` at https://github.com/mlcommons-science/benchmark.
"""

from __future__ import annotations

from typing import Any

from sciml_datasets.benchmark import Benchmark
from sciml_datasets.criterion import Criterion
from sciml_datasets.data_card import DataCard

TASKS = {
    "Classification": "Classification",
    "Segmentation": "Image segmentation",
    "Regression": "Regression",
    "Reconstruction": "Image reconstruction",
}
"""Class of a task to its type in the catalogue."""
UNKNOWN = "unknown"
"""What the catalogue has in the place of what nobody knows; no field may be left out."""


def ontology_entry(benchmark: Benchmark, card: DataCard, citation: str) -> dict[str, Any]:
    """The entry of a benchmark.

    Args:
        benchmark: the benchmark.
        card: its data card; the ratings are those of its makers.
        citation: BibTeX entries.

    Example:
        >>> from sciml_datasets.benchmarks import BENCHMARKS
        >>> from sciml_datasets.data_card import read_card
        >>> from sciml_datasets.ontology import ontology_entry
        >>> entry = ontology_entry(BENCHMARKS["cloudmask"], read_card(BENCHMARKS["cloudmask"]), "@misc{...}")
        >>> entry["task_types"], entry["metrics"][:2]
        (['Image segmentation'], ['accuracy', 'intersection over union'])
    """
    kind = next((name for one in type(benchmark.task).__mro__ if (name := TASKS.get(one.__name__))), UNKNOWN)
    published = f"{card.published}-01-01"
    return {
        "date": published,
        "version": benchmark.version or benchmark.datasets[0].version,
        "last_updated": published,
        "expired": "no",
        "valid": "yes",
        "valid_date": published,
        "name": benchmark.title,
        "url": benchmark.homepage,
        "doi": UNKNOWN,
        "domain": list(card.domain),
        "focus": benchmark.title,
        "keywords": list(card.keywords),
        "summary": f"{card.origin} {card.uses}",
        "licensing": benchmark.licence,
        "task_types": [kind],
        "ai_capability_measured": [f"{kind.lower()} of scientific data"],
        "metrics": [criterion.title for criterion in benchmark.criteria],
        "models": [f"reference: {value}" for value in _references(benchmark.criteria)] or [UNKNOWN],
        "ml_motif": [kind],
        "type": "Benchmark",
        "ml_task": ["Supervised Learning"],
        "solutions": str(len(_references(benchmark.criteria))),
        "notes": card.limitations,
        "contact": {"name": card.creators[0], "email": UNKNOWN},
        "cite": [citation],
        "datasets": {"links": [{"name": one.title, "url": benchmark.homepage} for one in benchmark.datasets]},
        "results": {
            "links": [{"name": source, "url": benchmark.homepage} for source in _references(benchmark.criteria)]
        },
        "fair": {"reproducible": "Yes", "benchmark_ready": "Yes"},
        "ratings": {name: {"rating": one.rating, "reason": one.reason} for name, one in card.ratings.items()},
    }


def _references(criteria: tuple[Criterion, ...]) -> list[str]:
    """Sources of published scores of reference models, each once."""
    values = [value for one in criteria for value in (one.reference, one.best_known) if value]
    return list(dict.fromkeys(value.source for value in values))
