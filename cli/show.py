"""``sciml show NAME --data-dir D --split S --out FILE.png``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sciml_datasets.cli.arguments import (
    FileArgument,
    PathArgument,
    add_data_dir,
    add_json,
    add_name,
    add_split,
    check_output,
    report,
)
from sciml_datasets.errors import InputError
from sciml_datasets.files import atomic

if TYPE_CHECKING:
    from sciml_datasets.prepared.prepared import Prepared

EXAMPLE = "sciml show stemdl_demo --data-dir data --split test --out stacks.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml show``."""
    add_name(parser)
    add_data_dir(parser, urls=True)
    add_split(parser)
    parser.add_argument("--out", action=FileArgument, metavar="FILE.png", required=True, help="picture to write")
    parser.add_argument("--count", metavar="N", type=int, help="samples (default: as many as fit a page)")
    parser.add_argument(
        "--predictions", action=PathArgument, metavar="P.h5", help="predictions file, to be drawn beside the truth"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Draw the first samples of a split."""
    from sciml_datasets.prepared.prepared import Prepared

    check_output(args.out)
    prepared = Prepared.open(args.name, args.data_dir).check()
    content = show(prepared, args.split, args.out, args.count, args.predictions)
    return report(args, content, f"{args.out}: {content['samples']} samples of {args.name}, {args.split} split")


def show(
    prepared: Prepared,
    split: str,
    picture: Path,
    count: int | None = None,
    predictions: str | Path | None = None,
) -> dict[str, Any]:
    """Draw samples, and predictions beside them, by the benchmark's own ``pictures`` module: FEATURES of COUNT samples
    by ``contact_sheet``, which gets the FACTS of the data. The split is a canonical one, or a part of another
    partition, as `Prepared.select` takes it."""
    benchmark = prepared.benchmark
    features, draw = (benchmark.attribute("pictures", name) for name in ("FEATURES", "contact_sheet"))
    count = benchmark.attribute("pictures", "COUNT") if count is None else count
    if count < 1:
        raise InputError(f"--count {count}: expected at least 1")
    if picture.suffix != ".png":
        raise InputError(f"{picture}: expected a file name that ends in .png")
    selection = prepared.select(split)
    source = prepared.builder.as_data_source(split=selection.records)
    # Where many samples are drawn, as points, not all their features fit into memory.
    samples = [
        {name: example[name] for name in ("id", *features) if name in example}
        for example in (source[int(position)] for position in selection.positions[:count])
    ]
    predicted = None
    if predictions is not None:
        from sciml_datasets.metrics import Evaluator
        from sciml_datasets.metrics.predictions import named_after, predictions_of

        ids = [sample["id"].decode("utf-8") for sample in samples]
        predicted = predictions_of(Path(predictions), ids)
        with named_after(Path(predictions)):
            Evaluator(prepared, split).update(ids, predicted)  # refuses what could not be scored
    picture.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {"preprocessed": True} if prepared.dataset.preprocessed_from else {}
    names = getattr(benchmark.module("pictures"), "FACTS", ())
    options |= {fact: prepared.facts[fact] for fact in names if fact in prepared.facts}
    with atomic.writing(picture) as temporary:
        with temporary.open("wb") as file, benchmark.asking("pictures", "contact_sheet"):
            draw(samples, file, predicted, **options)
        if not temporary.stat().st_size:
            name = benchmark.part_name("pictures")
            raise InputError(f"{benchmark.name}: {name}.contact_sheet writes nothing: save the picture to its file")
    return {"picture": str(picture), "samples": len(samples)}
