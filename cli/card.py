"""``sciml card NAME``."""

from __future__ import annotations

import argparse
import textwrap
from dataclasses import asdict

from sciml_datasets.cli.arguments import FileArgument, add_json, add_name, check_output, report

EXAMPLE = "sciml card cloudmask"
WIDTH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml card``."""
    add_name(parser)
    parser.add_argument(
        "--ontology",
        action=FileArgument,
        metavar="FILE.yaml",
        help="also write the entry of the MLCommons science benchmark ontology",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the answers of a data card, and the ratings of the six categories with their reasons."""
    from sciml_datasets.benchmarks import find
    from sciml_datasets.data_card import BEST, CATEGORIES, QUESTIONS, read_card

    benchmark, dataset = find(args.name)
    card = read_card(benchmark)
    content = asdict(card)
    lines = [benchmark.title, ""]
    if dataset.simulated_samples:
        lines += [f"{args.name} is simulated: the card is that of the data that it imitates.", ""]
    for name, question in QUESTIONS.items():
        lines += [question, *textwrap.wrap(content[name], WIDTH, initial_indent="  ", subsequent_indent="  ")]
    lines += ["", f"Ratings by the makers, 0 to {BEST}"]
    for name, rating in card.ratings.items():
        lines += textwrap.wrap(f"{rating.rating:g} {CATEGORIES[name]}: {rating.reason}", WIDTH, subsequent_indent="  ")
    if args.ontology:
        check_output(args.ontology)
        lines += ["", _write_entry(args)]
    return report(args, {"benchmark": benchmark.name, **content}, *lines)


def _write_entry(args: argparse.Namespace) -> str:
    """Write the entry of the ontology, and say so."""
    import yaml
    from etils import epath
    from tensorflow_datasets.core import dataset_metadata

    from sciml_datasets.benchmarks import find
    from sciml_datasets.data_card import read_card
    from sciml_datasets.files import atomic
    from sciml_datasets.ontology import ontology_entry

    benchmark, _ = find(args.name)
    citation = dataset_metadata.load(epath.Path(benchmark.folder)).citation
    entry = ontology_entry(benchmark, read_card(benchmark), citation)
    atomic.write_text(args.ontology, yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, width=WIDTH))
    return f"{args.ontology}: the entry of the ontology"
