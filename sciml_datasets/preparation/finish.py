"""The end of a preparation: what lies beside the shards, the manifest, and the name of the folder."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sciml_datasets.files.atomic_folders import publish
from sciml_datasets.preparation.plan import ShardPlan
from sciml_datasets.preparation.tasks import shard_name
from sciml_datasets.preparation.tolerated import Notes
from sciml_datasets.preparation.work_folder import remove_interrupted
from sciml_datasets.prepared import manifest
from sciml_datasets.prepared.manifest import Written
from sciml_datasets.prepared.members import write_members
from sciml_datasets.prepared.overlaps import write_overlaps
from sciml_datasets.raw_format import (
    SPLITS,
    Beside,
    RawFile,
    RawFormat,
    Sample,
)


def finish(
    builder: Any,
    raw_format: RawFormat,
    raw_folder: Path,
    plan: ShardPlan,
    done: list[Written],
    raw_files: list[RawFile],
    checksums: dict[str, str],
    identity: dict[str, Any],
    work: Path,
    final: Path,
) -> None:
    """Check that every shard is there, write everything else, the manifest last, and publish the folder."""
    import tensorflow_datasets as tfds

    folder = work / "folder"
    by_name = {written.name: written for written in done}
    written = [(shard, by_name[shard_name(builder, shard)]) for shard in plan.shards]
    notes = Notes(raw_format.tolerated, sum(result.records for _, result in written))
    notes.add_all((result.notes for _, result in written), raw_folder)
    notes.report()
    for _, result in written:
        for name, size, _ in result.files():
            if (folder / name).stat().st_size != size:
                raise OSError(errno.EIO, f"not the {size} bytes that were written", str(folder / name))
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

    _lay_beside(builder, folder, raw_format.beside(raw_folder, samples_of(*SPLITS)))
    builder.info.write_to_directory(folder)
    columns = (*raw_format.facts, raw_format.group_kind)
    for split in SPLITS:
        write_members(folder, split, samples_of(split), columns)
    write_overlaps(folder, builder.benchmark)
    manifest.write_manifest(
        folder,
        identity={key: value for key, value in identity.items() if key != "features"},  # features.json has them
        digest=plan.digest,
        shards=[result for _, result in written],
        raw=raw_files,
        checksums=checksums,
    )
    publish(folder, final)
    remove_interrupted(final)


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
