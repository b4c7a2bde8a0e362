"""Croissant: the description of a prepared data set by which search engines and other tools find and check it.

The document is JSON-LD of version 1.1 of the format (https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html),
with the fields of its vocabulary for responsible AI out of the data card. Member lists are record sets that load; the
records themselves are in a format that the format's own library does not read, and are described by type and shape.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sciml_datasets.data_card import DataCard, read_card
from sciml_datasets.errors import InputError
from sciml_datasets.prepared.prepared import Prepared

VERSION = "http://mlcommons.org/croissant/1.1"
SHARDS, EXAMPLES = "shards", "examples"
FORMATS: Mapping[str, str] = {".json": "application/json", ".tsv": "text/tab-separated-values", ".md": "text/markdown"}
"""End of a name to the media type of the file."""
BYTES = "application/octet-stream"
SIMULATED = "These are simulated demo data of the same form: scores on them say nothing about the original. "


def croissant(prepared: Prepared, start: Path) -> dict[str, Any]:
    """The Croissant document of a prepared data set.

    Args:
        prepared: the data set.
        start: folder that the document will lie in; addresses of files are relative to it.

    Returns:
        JSON-LD: files with size and SHA-256, splits, a record set with the member list of each split, and one with the
        features of an example.

    Raises:
        InputError: the library mlcroissant is not installed, the data set is damaged, or its benchmark has no card.

    Example:
        >>> from pathlib import Path
        >>> import sciml_datasets
        >>> from sciml_datasets.croissant import croissant
        >>> prepared = sciml_datasets.Prepared.open("candle_uno_demo", data_dir="data")
        >>> document = croissant(prepared, Path("data"))
        >>> document["name"], [one["name"] for one in document["recordSet"]][:2]
        ('candle_uno_demo', ['splits', 'members_train'])
    """
    mc = _library()
    import tensorflow_datasets as tfds

    card = read_card(prepared.benchmark)
    info = tfds.builder(f"sciml/{prepared.name}", data_dir=prepared.data_dir).info
    context = mc.Context(conforms_to=VERSION)
    splits = [name for name, split in info.splits.items() if split.num_examples]
    files = _files(mc, context, prepared, start)
    sets = [_splits(mc, context, splits)]
    sets += [_members(mc, context, name, prepared) for name in splits]
    sets.append(_examples(mc, context, info.features))
    metadata = mc.Metadata(
        ctx=context,
        name=prepared.name,
        description=info.description,
        version=prepared.dataset.version,
        url=prepared.benchmark.homepage,
        license=[info.redistribution_info.license],
        cite_as=info.citation,
        creators=[mc.Organization(ctx=context, name=name) for name in card.creators],
        date_published=datetime(card.published, 1, 1),  # it is known to the year
        keywords=list(card.keywords),
        distribution=files,
        record_sets=sets,
        **_responsible(card, simulated=bool(prepared.dataset.simulated_samples)),
    )
    document: dict[str, Any] = metadata.to_json()
    return document


def _library() -> Any:
    try:
        import mlcroissant
    except ImportError as error:
        raise InputError("the library mlcroissant is needed: pip install 'mlcroissant>=1.1'") from error
    return mlcroissant


def _files(mc: Any, context: Any, prepared: Prepared, start: Path) -> list[Any]:
    """Every file of the folder, and the set of all shards."""
    place = Path(os.path.relpath(prepared.folder, start))
    listed = sorted(prepared.manifest["shards"] + prepared.manifest["files"], key=lambda file: str(file["name"]))
    shards = {shard["name"] for shard in prepared.manifest["shards"]}
    files = [
        mc.FileObject(
            ctx=context,
            id=file["name"],
            name=file["name"],
            content_url=(place / file["name"]).as_posix(),
            content_size=f"{file['bytes']} B",
            sha256=file["sha256"],
            encoding_formats=[BYTES if file["name"] in shards else FORMATS.get(Path(file["name"]).suffix, BYTES)],
        )
        for file in listed
    ]
    every = mc.FileSet(
        ctx=context,
        id=SHARDS,
        name=SHARDS,
        description=f"Records of all splits, {prepared.manifest['file_format']}.",
        contained_in=sorted(shards),
        includes=[f"*.{prepared.manifest['file_format']}-*"],
        encoding_formats=[BYTES],
    )
    return [*files, every]


def _splits(mc: Any, context: Any, names: Sequence[str]) -> Any:
    field = mc.Field(ctx=context, id="splits/name", name="name", data_types=[mc.DataType.TEXT])
    return mc.RecordSet(
        ctx=context,
        id="splits",
        name="splits",
        key=["splits/name"],
        data_types=[mc.DataType.SPLIT],
        fields=[field],
        data=[{"splits/name": name} for name in names],
    )


def _members(mc: Any, context: Any, split: str, prepared: Prepared) -> Any:
    """The member list of a split: ids and labels in the order of the records."""
    name = f"members_{split}"
    fields = [
        mc.Field(
            ctx=context,
            id=f"{name}/{column}",
            name=column,
            data_types=[getattr(mc.DataType, _kind(values))],
            source=mc.Source(
                ctx=context, file_object=f"members-{split}.tsv", extract=mc.Extract(ctx=context, column=column)
            ),
        )
        for column, values in prepared.select(split).columns.items()
    ]
    return mc.RecordSet(
        ctx=context,
        id=name,
        name=name,
        description=f"Samples of the split {split}, in the order of their records.",
        key=[f"{name}/id"],
        fields=fields,
    )


def _kind(values: Iterable[str]) -> str:
    """The type of a column: the name of one in `mlcroissant.DataType`."""
    found = "INTEGER"
    for value in values:
        try:
            found = found if value.isascii() and value.removeprefix("-").isdigit() else "FLOAT"
            float(value)
        except ValueError:
            return "TEXT"
    return found


def _examples(mc: Any, context: Any, features: Any) -> Any:
    """The features of an example, each with type and shape."""
    fields = [
        mc.Field(
            ctx=context,
            id=f"{EXAMPLES}/{name}",
            name=name,
            data_types=[getattr(mc.DataType, _type_name(dtype))],
            **({"is_array": True, "array_shape": ",".join(str(n or -1) for n in shape)} if shape else {}),
            source=mc.Source(ctx=context, file_set=SHARDS, extract=mc.Extract(ctx=context, file_property="content")),
        )
        for name, dtype, shape in _leaves(features.np_dtype, features.shape)
    ]
    reading = "Read them by tfds.builder_from_directory, or by tfds.load after `import sciml_datasets`."
    return mc.RecordSet(ctx=context, id=EXAMPLES, name=EXAMPLES, description=reading, fields=fields)


def _leaves(dtype: Any, shape: Any, above: str = "") -> Iterator[tuple[str, Any, tuple[int | None, ...]]]:
    """Name, type and shape of each feature, or of each part of one with parts."""
    for name, kind in dtype.items():
        if isinstance(kind, Mapping):
            yield from _leaves(kind, shape[name], f"{above}{name}.")
        else:
            yield above + name, kind, shape[name]


def _type_name(dtype: Any) -> str:
    import numpy as np

    kind = np.dtype(dtype)
    return {"O": "TEXT", "b": "BOOL"}.get(kind.kind, str(kind.name).upper())


def _responsible(card: DataCard, *, simulated: bool) -> dict[str, Any]:
    """The fields of the vocabulary for responsible AI (http://mlcommons.org/croissant/RAI/1.0)."""
    return {
        "data_collection": f"{card.origin} {card.collection}",
        "data_preprocessing_protocol": [card.preprocessing],
        "data_manipulation_protocol": card.splits,
        "data_annotation_protocol": [card.labels],
        "data_limitations": [(SIMULATED if simulated else "") + card.limitations],
        "data_social_impact": card.harm,
        "personal_sensitive_information": [card.people],
        "data_use_cases": [card.uses],
        "data_release_maintenance_plan": card.maintenance,
    }
