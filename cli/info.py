"""``sciml info NAME``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sciml_datasets.benchmark import Criterion
from sciml_datasets.cli.arguments import add_data_dir, add_json, add_name, reason_text, report
from sciml_datasets.cli.declared import declared, declared_lines
from sciml_datasets.files.documents import is_sha256
from sciml_datasets.scaling import FITTED_ANEW

EXAMPLE = "sciml info stemdl_demo"
PUBLISHED = ("target", "reference", "best_known")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``sciml info``."""
    add_name(parser)
    add_data_dir(parser, urls=True)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the description of a data set, its content, and the criteria and published values of results."""
    import tensorflow_datasets as tfds

    from sciml_datasets.benchmarks import data_root, find
    from sciml_datasets.prepared.integrity import check_described
    from sciml_datasets.prepared.prepared import Prepared
    from sciml_datasets.prepared.remote import place_of

    benchmark, dataset = find(args.name)
    prepared = Prepared.found(args.name, args.data_dir)
    if prepared is not None:
        check_described(prepared.folder)
    facts = prepared.facts if prepared is not None else {}
    original = benchmark.is_original(facts)
    benchmark = benchmark.for_data(facts) if facts else benchmark
    root = data_root(args.data_dir) if prepared is None else prepared.data_dir
    builder = tfds.builder(f"sciml/{args.name}", data_dir=root)
    features = _feature(builder.info.features.np_dtype, builder.info.features.shape)["features"]
    content: dict[str, Any] = {
        "name": dataset.name,
        "version": dataset.version,
        "benchmark": benchmark.name,
        "title": benchmark.title,
        "data": _held(builder.info, facts) if facts and not original else dataset.title,
        "homepage": benchmark.homepage,
        "licence": str(builder.info.redistribution_info.license),
        "sources": []
        if dataset.simulated_samples
        else [asdict(source) for source in benchmark.sources.get(args.name, ())],
        "terms": "" if dataset.simulated_samples else benchmark.terms,
        "obtain": "simulated where no raw files are given" if dataset.simulated_samples else benchmark.obtain,
        "citation": builder.info.citation,
        "features": features,
        "supervised_keys": builder.info.supervised_keys,
        "prepared": place_of(prepared.folder) if prepared is not None else None,
        "facts": {key: value for key, value in (builder.info.metadata or {}).items() if not _is_long(value)},
        "splits": {name: split.num_examples for name, split in builder.info.splits.items()},
        "declared": declared(benchmark, dataset, features),
        "criteria": [asdict(criterion) for criterion in benchmark.criteria],
    }
    return report(args, content, *_lines(content, benchmark.criteria))


def _feature(dtype: Any, shape: Any) -> dict[str, Any]:
    """Type and shape of a feature; of one with parts, those of its parts."""
    import numpy as np

    if isinstance(dtype, dict):
        return {"features": {name: _feature(part, shape[name]) for name, part in dtype.items()}}
    dtype = np.dtype(dtype)
    return {"shape": list(shape), "dtype": "string" if dtype.kind == "O" else dtype.name}


def _held(info: Any, facts: dict[str, Any]) -> str:
    """The content of prepared data that are not the original's: number of samples, and the measure."""
    count = sum(split.num_examples for split in info.splits.values())
    response = facts.get("response")
    measure = f" of {response['title']}, {response['unit'] or 'a pure number'}" if response else ""
    return f"{count:,} samples{measure}, of other data than the benchmark's own"


def _is_long(value: Any) -> bool:
    """Whether a fact is a list, such as the names of all genes, which is left to `builder.info.metadata`."""
    return any(isinstance(part, list) for part in (value.values() if isinstance(value, dict) else [value]))


def _fact_lines(facts: dict[str, Any]) -> Iterator[str]:
    """A line for each fact of the prepared data, for each part of facts that have parts, and for each rule."""
    for key, value in facts.items():
        if key == "left_out":
            yield from (f"  {count:,} raw samples {reason_text(reason)}" for reason, count in value.items())
        elif key == "response":
            yield f"  response: {value['name']}, {value['unit'] or 'a pure number'}, {value['range']}"
        elif isinstance(value, dict) and value and all(map(is_sha256, value.values())):
            yield f"  {key.replace('_', ' ')}: those of {', '.join(value)} (--json has their SHA-256)"
        elif key == FITTED_ANEW:
            yield from (f"  scaling of {part}, fitted again: {what}" for part, what in value.items())
        elif isinstance(value, dict):
            yield from (f"  {key.replace('_', ' ')} of {part}: {what}" for part, what in value.items())
        else:
            yield f"  {key.replace('_', ' ')}: {value}"


def _feature_lines(features: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Name, and type and shape, of each feature, or of each part of one with parts: ``box/width``."""
    for name, feature in features.items():
        if "features" in feature:
            yield from _feature_lines(feature["features"], f"{above}{name}/")
        else:
            yield above + name, f"{feature['dtype']} {tuple(feature['shape'])}"


def _lines(content: dict[str, Any], criteria: tuple[Criterion, ...]) -> list[str]:
    lines = [f"{content['name']} {content['version']}: {content['title']}", content["data"], ""]
    lines += [f"{key:<10}{content[key]}" for key in ("homepage", "licence", "obtain")]
    for source in content["sources"]:
        place = source.get("url") or f"Globus collection {source['collection']}, {source['page']}"
        size = f", {source['num_bytes'] / 1e9:,.0f} GB" if source["num_bytes"] else ""
        lines.append(f"{'source':<10}{place}: {source['num_files']:,} files{size}")
    lines += [f"{'terms':<10}{content['terms']}"] * bool(content["terms"])
    lines += [f"{'prepared':<10}{content['prepared'] or 'no: `sciml prepare ' + content['name'] + '`'}"]
    if content["splits"]:
        lines += [f"{'splits':<10}{', '.join(f'{name} {count:,}' for name, count in content['splits'].items())}"]
    else:
        lines += declared_lines(content["declared"])
    lines += ["", "features"]
    features = dict(_feature_lines(content["features"]))
    width = max(map(len, features)) + 2
    lines += [f"  {name:<{width}}{what}" for name, what in features.items()]
    lines += ["", "as prepared", *_fact_lines(content["facts"])] if content["facts"] else []
    published = any(getattr(criterion, kind) for criterion in criteria for kind in PUBLISHED)
    lines += ["", "criteria" + " (published values are those of the real data)" * published]
    for criterion in criteria:
        lines.append(f"  {criterion.title}, {criterion.direction} is better")
        for kind in PUBLISHED:
            value = getattr(criterion, kind)
            if value is not None:
                lines.append(f"    {kind.replace('_', ' '):<12}{value.value:<8}{value.source}")
    return [*lines, "", *content["citation"].split("\n")]
