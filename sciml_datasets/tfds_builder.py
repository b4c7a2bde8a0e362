"""The only TFDS builder, ``sciml``: its configurations are the data sets of all benchmarks.

What differs between benchmarks is declared in the module ``data`` of each: features, supervised keys, raw format.
Preparation goes through `sciml_datasets.preparation`, never through TFDS's writer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from reprlib import Repr
from typing import Any

import tensorflow_datasets as tfds
from etils import epath
from tensorflow_datasets.core import dataset_metadata
from tensorflow_datasets.core.dataset_builder import FileReaderBuilder

from sciml_datasets import data_part
from sciml_datasets.benchmarks import BENCHMARKS, OWN, find, register_received
from sciml_datasets.errors import InputError, naming
from sciml_datasets.object_stores.urls import is_url
from sciml_datasets.prepared.description import check_description
from sciml_datasets.prepared.integrity import check_described, choices_of
from sciml_datasets.prepared.metadata import NAME, facts_of
from sciml_datasets.prepared.remote import local_root


def _configs() -> list[tfds.core.BuilderConfig]:
    return [
        tfds.core.BuilderConfig(name=dataset.name, version=dataset.version, description=dataset.title)
        for benchmark in BENCHMARKS.values()
        for dataset in benchmark.datasets
    ]


class Facts(tfds.core.Metadata):
    """``builder.info.metadata``. Long lists, as of all genes, are cut when they are printed, not in the dictionary."""

    def __repr__(self) -> str:
        short = Repr()
        short.maxdict, short.maxlist, short.maxstring = 100, 3, 300
        return short.repr(dict(self))

    def save_metadata(self, data_dir: Any) -> None:
        """See `tfds.core.Metadata.save_metadata`."""
        if self:
            (Path(data_dir) / NAME).write_text(json.dumps(self), encoding="utf-8")

    def load_metadata(self, data_dir: Any) -> None:
        """See `tfds.core.Metadata.load_metadata`."""
        self.clear()
        self.update(facts_of(Path(data_dir)))


class Info(tfds.core.DatasetInfo):
    """``builder.info``, which is read from prepared data only."""

    def initialize_from_bucket(self) -> None:
        """Does nothing: TFDS would make an empty temporary folder, and search its own bucket for the data set."""

    def read_from_directory(self, dataset_info_dir: Any) -> None:
        """See `tfds.core.DatasetInfo.read_from_directory`; an error of the disk names the folder at least."""
        with naming(Path(dataset_info_dir)):
            super().read_from_directory(dataset_info_dir)


class Sciml(FileReaderBuilder):
    """Builder of every data set of every benchmark; see the module's docstring.

    Attributes:
        benchmark: the benchmark that the data set belongs to, as it is for this data set.
        dataset: the declaration of the data set.
        choices: values of the benchmark's choices by name, which it prepares with.
    """

    name = "sciml"
    DEFAULT_BUILDER_CONFIG_NAME = OWN[0]
    # Benchmarks may be registered at any time, and TFDS would keep the list of its first request.
    BUILDER_CONFIGS = tfds.core.utils.classproperty(_configs)
    builder_configs = tfds.core.utils.classproperty(lambda: {config.name: config for config in _configs()})

    def __init__(
        self, *, file_format: Any = None, config: Any = None, choices: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:
        """See TFDS; ``file_format`` and ``choices`` have no effect on data that are prepared already.

        ``choices`` has values of `Benchmark.choices` by name, to prepare with. ``tfds.data_source`` requests
        ArrayRecord unless another format is given; TFRecord shards serve it as well.
        """
        name = getattr(config, "name", config) or self.DEFAULT_BUILDER_CONFIG_NAME
        self.benchmark, self.dataset = find(str(name).partition(":")[0])
        self.choices = dict(choices or {})
        if kwargs.get("data_dir") is not None or is_url(os.environ.get("TFDS_DATA_DIR", "")):
            kwargs["data_dir"] = str(local_root(self.dataset.name, self.dataset.version, kwargs.get("data_dir")))
        # TFDS writes the name of the builder's module into dataset_info.json: part of the prepared bytes since the time
        # when each benchmark had a module of this name.
        self.__module__ = f"{self.benchmark.part_name(self.benchmark.name)}_dataset_builder"
        super().__init__(config=config, **kwargs)
        # What TFDS passes to __init__ when it unpickles.
        self._original_state |= {"file_format": file_format, "choices": self.choices}
        if file_format is not None and not (self.data_path / "dataset_info.json").exists():
            self.info.set_file_format(file_format, override=True)

    def __getstate__(self) -> dict[str, Any]:
        return {"arguments": super().__getstate__(), "declared": BENCHMARKS[self.benchmark.name]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        register_received(state["declared"])
        super().__setstate__(state["arguments"])

    @cached_property
    def info(self) -> tfds.core.DatasetInfo:
        """See `tfds.core.DatasetBuilder.info`; there, all builders that ever were are kept with theirs, for good."""
        return self._info()

    def _info(self) -> tfds.core.DatasetInfo:
        check_described(Path(self.data_path))  # TFDS reads the description next, where it exists
        check_description(Path(self.data_path), self.dataset.version)
        documents = dataset_metadata.load(epath.Path(self.benchmark.folder))
        kept = choices_of(Path(self.data_path))
        declared = data_part.features(self.benchmark, self.dataset, self.choices if kept is None else kept)
        return Info(
            builder=self,
            description=documents.description or self.benchmark.title,
            citation=documents.citation,
            features=tfds.features.FeaturesDict(declared),
            supervised_keys=data_part.supervised_keys(self.benchmark, self.dataset, declared),
            metadata=Facts(),
            homepage=self.benchmark.homepage,
            license=self.dataset.licence or self.benchmark.licence,
        )

    def is_prepared(self) -> bool:
        """See TFDS, which would log a warning for data that are still to be prepared."""
        return (self.data_path / "dataset_info.json").exists() and bool(super().is_prepared())

    def download_and_prepare(
        self,
        *,
        download_dir: Any = None,
        download_config: Any = None,
        file_format: Any = None,
        **_: Any,
    ) -> None:
        """Prepare the data set if it is not prepared yet, exactly as ``sciml prepare`` does: in this process, or on
        Apache Beam where ``download_config.beam_options`` are given.

        Raw files are taken from ``download_config.manual_dir``, else from SCIML_RAW_DIR, else from
        ``<download_dir>/manual``.

        Raises:
            InputError: raw files are missing or unusable, or an option is asked for that would make another data set.
        """
        from sciml_datasets.parallel.beam import Beam, FolderResults
        from sciml_datasets.parallel.executors import Serial
        from sciml_datasets.preparation.options import PrepareOptions
        from sciml_datasets.preparation.run import prepare_builder

        config = download_config or tfds.download.DownloadConfig()
        if config.max_examples_per_split is not None:
            raise InputError(f"sciml/{self.dataset.name} is prepared whole: leave max_examples_per_split out")
        if config.download_mode.overwrite_dataset and self.data_path.exists():
            raise InputError(f"{self.data_dir} holds prepared data: remove the folder yourself to prepare it again")
        if file_format is not None:
            self.info.set_file_format(file_format, override=True)
        manual_dir = config.manual_dir or (f"{download_dir}/manual" if download_dir else None)
        shared = partial(FolderResults, self.data_path.parent.parent)
        executor = Beam(config.beam_options, shared) if config.beam_options else Serial()
        options = PrepareOptions(raw_dir=manual_dir, num_shards=config.num_shards, choices=self.choices)
        prepare_builder(self, options, executor)

    def as_dataset(self, split: Any = None, *, as_supervised: bool = False, **options: Any) -> Any:
        """See TFDS; supervised pairs are those of the benchmark's ``data.pair``, where it has this function."""
        found = super().as_dataset(split, as_supervised=as_supervised, **options)
        pair = getattr(self.benchmark.module("data"), "pair", None)
        if not as_supervised or pair is None:
            return found
        import tensorflow as tf
        import tree

        with self.benchmark.asking("data", "pair"):
            return tree.map_structure(lambda dataset: dataset.map(pair, num_parallel_calls=tf.data.AUTOTUNE), found)

    def as_data_source(
        self,
        split: Any = None,
        *,
        decoders: Any = None,
        deserialize_method: Any = tfds.decode.DeserializeMethod.DESERIALIZE_AND_DECODE,
        file_format: Any = None,
    ) -> Any:
        """Random access to the examples of a split, of parts of splits, or of all splits; see `tfds.data_source`.

        Args:
            split: as in TFDS; None for a dictionary of all splits.
            decoders: as in TFDS.
            deserialize_method: as in TFDS.
            file_format: accepted for the sake of TFDS; the format of the prepared data decides.
        """
        import tree

        from sciml_datasets.prepared.data_source import DataSource

        def source(part: str) -> DataSource:
            return DataSource(self.info, split=part, decoders=decoders, deserialize_method=deserialize_method)

        return tree.map_structure(source, {name: name for name in self.info.splits} if split is None else split)

    def _as_dataset(self, split: Any, *args: Any, **kwargs: Any) -> Any:
        """See `FileReaderBuilder`; shards are compared with the manifest before.

        TensorFlow reads the records alone. A function of Python among its operations would read large tensors with
        fewer copies, but an iterator that is dropped while it runs would wait for it, and it for Python's lock.
        """
        from sciml_datasets.prepared.shard_checks import check_shards

        check_shards(self.info, split)
        for feature in (*self.info.features.values(), *self.info.features.flat_features):
            # TFDS 4.9 asks for this attribute, which it has deprecated, and would log a warning for each tensor.
            feature.dtype = feature.tf_dtype
        return super()._as_dataset(split, *args, **kwargs)

    def _should_cache_ds(self, split: Any, shuffle_files: bool, read_config: Any) -> bool:
        """Whether TFDS keeps examples in memory, as it does for small data sets: with a lookup they are many times as
        large as on disk."""
        from sciml_datasets.lookup import Lookup

        if any(isinstance(feature, Lookup) for feature in self.info.features.values()):
            return False
        return bool(super()._should_cache_ds(split, shuffle_files, read_config))

    def _download_and_prepare(self, dl_manager: Any, download_config: Any = None) -> None:
        """Required by TFDS's abstract class; `download_and_prepare` above replaces its only caller."""
        raise TypeError("use download_and_prepare")
