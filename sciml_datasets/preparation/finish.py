"""The end of a preparation: what lies beside the shards, the manifest, and the name of the folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sciml_datasets.preparation.destination import Work
from sciml_datasets.preparation.planning import Planned
from sciml_datasets.preparation.tasks import shard_name
from sciml_datasets.preparation.tolerated import Notes
from sciml_datasets.prepared import manifest
from sciml_datasets.prepared.manifest import Written
from sciml_datasets.prepared.members import write_members
from sciml_datasets.prepared.overlaps import write_overlaps
from sciml_datasets.raw_format import SPLITS, Beside, Sample


def finish(builder: Any, made: Planned, done: list[Written], work: Work) -> None:
    """Check that every shard is there, write everything else, the manifest last, and make the data set visible."""
    import tensorflow_datasets as tfds

    plan, raw_format = made.plan, made.raw_format
    by_name = {written.name: written for written in done}
    written = [(shard, by_name[shard_name(builder, shard)]) for shard in plan.shards]
    notes = Notes(raw_format.tolerated, sum(result.records for _, result in written))
    notes.add_all((result.notes for _, result in written), made.raw)
    notes.report()
    builder.info.set_splits(
        tfds.core.SplitDict(
            [
                tfds.core.SplitInfo(
                    name=split,
                    shard_lengths=[result.records for shard, result in written if shard.split == split],
                    num_bytes=sum(result.example_bytes for shard, result in written if shard.split == split),
                    filename_template=builder._get_filename_template(split),
                )
                for split in SPLITS
                if any(shard.split == split for shard in plan.shards)  # raw files may have no such split
            ]
        )
    )

    def samples_of(*splits: str) -> Iterator[Sample]:
        return (sample for shard in plan.shards if shard.split in splits for sample in shard.samples)

    with work.finishing([result for _, result in written]) as folder:
        with made.raw.named():
            _lay_beside(builder, folder, raw_format.beside(made.raw.folder, samples_of(*SPLITS)))
        builder.info.write_to_directory(folder)
        columns = (*raw_format.facts, raw_format.group_kind)
        for split in SPLITS:
            write_members(folder, split, samples_of(split), columns)
        write_overlaps(folder, builder.benchmark)
        manifest.write_manifest(
            folder,
            identity={
                key: value for key, value in made.identity.items() if key != "features"
            },  # features.json has them
            digest=plan.digest,
            shards=[result for _, result in written],
            raw=made.raw_files,
            checksums=made.checksums,
        )


def _lay_beside(builder: Any, folder: Path, beside: Beside) -> None:
    """Give TFDS the tables, layouts and facts, which it writes with the features, and write the other documents."""
    for name, table in beside.tables.items():
        builder.info.features[name].table = table
    for name, missing in beside.missing.items():
        builder.info.features[name].missing = missing
    for name, layout in beside.layouts.items():
        if name in builder.info.features:
            builder.info.features[name].layout = layout
    builder.info.metadata.update(beside.metadata)
    for name, text in beside.documents.items():
        (folder / name).write_text(text, encoding="utf-8")
