"""From raw files to a prepared folder: index, plan, write, finish."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sciml_datasets.benchmarks import raw_root
from sciml_datasets.errors import InputError
from sciml_datasets.preparation import manifest
from sciml_datasets.preparation.plan import Plan, Shard, make_plan
from sciml_datasets.preparation.shards import Written, serializer, write_shard
from sciml_datasets.progress import progress
from sciml_datasets.samples import SPLITS, Example, RawFile, Sample
from sciml_datasets.splits import check_disjoint, write_members

if TYPE_CHECKING:
    from sciml_datasets.sciml_dataset_builder import Sciml


def prepare(
    name: str,
    raw_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
    *,
    num_shards: int | None = None,
) -> Path:
    """Prepare a data set for ``tfds.load``; do nothing where it is prepared already.

    Args:
        name: of the data set, for example ``stemdl``.
        raw_dir: the folder that holds one folder of raw files per data set; default SCIML_RAW_DIR, else
            ``<data_dir>/downloads/manual``.
        data_dir: where prepared data sets lie; default TFDS_DATA_DIR, else ~/tensorflow_datasets.
        num_shards: shards per split; default TFDS's rule.

    Returns:
        The prepared folder.

    Raises:
        InputError: no such data set, or raw files are missing or unusable; nothing is left that looks prepared.
        OSError: a folder cannot be read or written.
    """
    import tensorflow_datasets as tfds

    from sciml_datasets.benchmarks import data_root, find

    find(name)
    builder = tfds.builder(f"sciml/{name}", data_dir=data_root(data_dir))
    prepare_builder(builder, raw_dir=raw_dir, num_shards=num_shards)
    return Path(builder.data_dir)


def prepare_builder(builder: Sciml, *, raw_dir: str | Path | None, num_shards: int | None) -> None:
    """Prepare the data set of a builder; afterwards the builder can read it. See `prepare`."""
    final = Path(builder.data_dir)
    if final.exists():
        manifest.read_manifest(final)
        return
    file_format = builder.info.file_format.value
    if file_format != "tfrecord":
        raise InputError(f"the file format {file_format} is not supported for writing: choose tfrecord")
    folder = _raw_folder(builder, raw_dir)
    raw_format = builder.raw_format()
    raw_files = raw_format.files(folder)
    samples = _index(builder, folder, raw_files)
    identity = {
        "dataset": f"sciml/{builder.dataset.name}",
        "version": builder.dataset.version,
        "file_format": "tfrecord",
        "features": builder.info.features.to_json(),
    }
    plan = make_plan(samples, identity, num_shards)
    final.parent.mkdir(parents=True, exist_ok=True)
    _check_space(final.parent, plan)
    work = Path(tempfile.mkdtemp(prefix=f"{final.name}.incomplete-", dir=final.parent))
    try:
        written = _write(builder, plan, folder, work)
        _finish(builder, plan, written, raw_files, identity, work)
        work.chmod(0o755)
        _publish(work, final)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    builder.info.read_from_directory(final)


def _raw_folder(builder: Sciml, raw_dir: str | Path | None) -> Path:
    name = builder.dataset.name
    root = raw_root(raw_dir, builder._data_dir_root)
    folder = root / name
    if folder.is_dir():
        return folder
    if builder.dataset.simulated_samples:
        from sciml_datasets.simulation import simulate

        return simulate(name, root)
    demo = next((dataset.name for dataset in builder.benchmark.datasets if dataset.simulated_samples), None)
    hint = f"; sciml/{demo} needs no raw files" if demo else ""
    raise InputError(
        f"no raw files of {name}: looked in {folder} (--raw-dir, SCIML_RAW_DIR and TFDS's manual folder decide); "
        f"{builder.benchmark.obtain}, or simulate some with `sciml simulate {name} --out {root}`{hint}"
    )


def _index(builder: Sciml, folder: Path, files: list[RawFile]) -> list[Sample]:
    raw_format = builder.raw_format()
    samples: list[Sample] = []
    with progress("Indexing", len(files), " files") as advance:
        for file in files:
            samples += raw_format.index(folder, file)
            advance(1)
    check_disjoint(samples, raw_format.group_kind)
    return samples


def _check_space(folder: Path, plan: Plan) -> None:
    free = shutil.disk_usage(folder).free
    if free < plan.payload_bytes:
        raise InputError(
            f"{folder}: the prepared data need {plan.payload_bytes / 1e9:.3f} GB and {free / 1e9:.3f} GB are free: "
            "make room or choose another --data-dir"
        )


def _write(builder: Sciml, plan: Plan, folder: Path, work: Path) -> list[tuple[Shard, Written]]:
    serialize = serializer(builder.info.features)

    def examples(shard: Shard, read: Callable[[Sample], Example]) -> Iterator[bytes]:
        for sample in shard.samples:
            yield serialize(read(sample))
            advance(sample.size)

    with (
        progress("Writing", plan.payload_bytes, "B", scale=True) as advance,
        builder.raw_format().reader(folder) as read,
    ):
        return [(shard, write_shard(work / shard_name(builder, shard), examples(shard, read))) for shard in plan.shards]


def shard_name(builder: Sciml, shard: Shard) -> str:
    """TFDS's file name of a shard: ``sciml-train.tfrecord-00000-of-00004``."""
    template = builder._get_filename_template(shard.split)
    return Path(template.sharded_filepath(shard_index=shard.index, num_shards=shard.count)).name


def _finish(
    builder: Sciml,
    plan: Plan,
    written: list[tuple[Shard, Written]],
    raw_files: list[RawFile],
    identity: dict[str, Any],
    work: Path,
) -> None:
    """Write everything but the shards, the manifest last."""
    import tensorflow_datasets as tfds

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
            ]
        )
    )
    builder.info.write_to_directory(work)
    columns = (builder.benchmark.label, builder.raw_format().group_kind)
    for split in SPLITS:
        members = [sample for shard in plan.shards if shard.split == split for sample in shard.samples]
        write_members(work, split, members, columns)
    shard_names = {result.name for _, result in written}
    manifest.write_manifest(
        work,
        identity={key: value for key, value in identity.items() if key != "features"},  # they stand in features.json
        digest=plan.digest,
        shards=[result for _, result in written],
        files=sorted(path for path in work.iterdir() if path.name not in shard_names),
        raw=raw_files,
    )


def _publish(work: Path, final: Path) -> None:
    """Give the finished folder its name; where another run was first, its equal result stands."""
    descriptor = os.open(work, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        work.rename(final)
    except OSError:
        if not (final / manifest.NAME).exists():
            raise
