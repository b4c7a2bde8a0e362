"""Ways to read the rows of CANDLE-UNO, which join two tables, for training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from read_records import Ways


def joined(folder: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """The training samples of CANDLE-UNO: features of each row of both tables, and the responses, joined in memory."""
    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.candle_uno import RECIPES
    from sciml_datasets.prepared.prepared import Prepared

    batches = Batches(Prepared.open("candle_uno", folder / "data"), RECIPES["candle_uno"], seed=0)
    rows = batches.selection("train").columns
    inputs = [np.concatenate(parts) for parts in zip(*(x for _, x in batches.evaluation("train")), strict=True)]
    return inputs, np.array(rows["response"], np.float32)


def write_copies(folder: Path) -> None:
    """Write the joined rows in other formats: TFRecords, Parquet, and the reference's HDFStore."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    import tensorflow as tf

    (cells, drugs), auc = joined(folder)
    with tf.io.TFRecordWriter(str(folder / "joined.tfrecord")) as writer:
        for x, y, z in zip(cells, drugs, auc, strict=True):
            values = {"x": x.tobytes(), "y": y.tobytes(), "z": z.tobytes()}
            features = {k: tf.train.Feature(bytes_list=tf.train.BytesList(value=[v])) for k, v in values.items()}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    columns = [pa.FixedSizeListArray.from_arrays(part.ravel(), part.shape[1]) for part in (cells, drugs)]
    table = pa.table([*columns, pa.array(auc)], ["x", "y", "z"])
    pq.write_table(table, folder / "joined.parquet", row_group_size=1024, compression="none", use_dictionary=False)
    with pd.HDFStore(folder / "joined.h5", mode="w", complib="blosc:lz4", complevel=9) as store:
        for number, part in enumerate((cells, drugs)):
            for start in range(0, len(part), 4096):  # as the reference appends batches
                store.append(f"x_train_{number}", pd.DataFrame(part[start : start + 4096]), format="table", index=False)
        store.append("y_train", pd.DataFrame({"AUC": auc}), format="table", index=False)


def hdfstore_feeder(folder: Path, size: int) -> Callable[[], Iterator[Any]]:
    """The way of Pilot1/Uno/uno_data.py's DataFeeder: consecutive rows of the store, the batches in random order."""
    import pandas as pd

    store = pd.HDFStore(folder / "joined.h5", mode="r")
    count = store.get_storer("y_train").nrows

    def batches() -> Iterator[Any]:
        for start in np.random.default_rng(0).permutation(count // size) * size:
            inputs = tuple(store.select(f"x_train_{i}", start=start, stop=start + size).to_numpy() for i in (0, 1))
            yield inputs, store.select("y_train", start=start, stop=start + size)["AUC"].to_numpy()

    return batches


def joined_tfrecord(folder: Path, size: int) -> Callable[[], Iterator[Any]]:
    """A tf.data pipeline over joined rows, shuffled in a buffer, decoded batch by batch."""
    import tensorflow as tf

    spec = {name: tf.io.FixedLenFeature((), tf.string) for name in "xyz"}

    def decoded(records: Any) -> Any:
        parsed = tf.io.parse_example(records, spec)
        x, y, z = (tf.io.decode_raw(parsed[name], tf.float32) for name in "xyz")
        return (x, y), z

    records = tf.data.TFRecordDataset(str(folder / "joined.tfrecord"), buffer_size=8 << 20)
    rows = records.shuffle(2048).batch(size, drop_remainder=True).map(decoded, num_parallel_calls=tf.data.AUTOTUNE)
    return rows.prefetch(tf.data.AUTOTUNE).as_numpy_iterator


def joined_parquet(folder: Path, size: int) -> Callable[[], Iterator[Any]]:
    """A reader of row groups of joined rows in random order, the rows of a group in their order."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(folder / "joined.parquet")

    def batches() -> Iterator[Any]:
        order = np.random.default_rng(0).permutation(file.num_row_groups)
        for batch in file.iter_batches(size, row_groups=order.tolist()):
            x, y = (batch.column(i).flatten().to_numpy().reshape(batch.num_rows, -1) for i in (0, 1))
            yield (x, y), batch.column(2).to_numpy()

    return batches


def looked_up_tfds(folder: Path, size: int) -> Callable[[], Iterator[Any]]:
    """The pipeline of `tfds.load`, shuffled in a buffer, with rows joined batch by batch."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    from sciml_datasets.models.candle_uno import TABLES

    builder = tfds.builder("sciml/candle_uno", data_dir=folder / "data")
    features = builder.info.features
    skipped = dict.fromkeys(TABLES, tfds.decode.SkipDecoding())
    decoders = tfds.decode.PartialDecoding({**dict.fromkeys(TABLES, True), "response": True}, skipped)
    rows = builder.as_dataset(split="train", decoders=decoders, shuffle_files=True).shuffle(2048)

    def join(batch: Any) -> Any:
        return tuple(features[key].decode_batch_example(batch[key]) for key in TABLES), batch["response"]

    found = rows.batch(size, drop_remainder=True).map(join, num_parallel_calls=tf.data.AUTOTUNE)
    return found.prefetch(tf.data.AUTOTUNE).as_numpy_iterator


def looked_up_sciml(folder: Path, size: int) -> Callable[[], Iterator[Any]]:
    """The training pipeline of this package, with all rows shuffled."""
    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.candle_uno import RECIPES
    from sciml_datasets.prepared.prepared import Prepared

    recipe = RECIPES["candle_uno"].with_settings({"batch_size": size})
    batches = Batches(Prepared.open("candle_uno", folder / "data"), recipe, seed=0)
    return lambda: iter(batches.training(1))


JOINED = {
    "HDFStore feeder": hdfstore_feeder,
    "joined TFRecords": joined_tfrecord,
    "joined Parquet": joined_parquet,
    "sciml, tfds.load": looked_up_tfds,
    "sciml, training": looked_up_sciml,
}


WAYS: Ways = {
    f"{way.replace(', ', ' ')}, {size} rows": partial(read, size=size)
    for size in (32, 512)
    for way, read in JOINED.items()
}
