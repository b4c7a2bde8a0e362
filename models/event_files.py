"""The history of a run as TensorBoard's event files; TensorBoard itself is needed only to look at them."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def event_writer(folder: Path) -> Any:
    """TensorFlow's writer of event files in a folder."""
    import tensorflow as tf

    return tf.summary.create_file_writer(str(folder))


def write_events(writer: Any, row: dict[str, float]) -> None:
    """A curve for each column of ``history.csv`` over the epochs; ``tf.summary.scalar`` would need TensorBoard."""
    import tensorflow as tf
    from tensorflow.core.framework.summary_pb2 import DATA_CLASS_SCALAR, SummaryMetadata

    scalars = SummaryMetadata.PluginData(plugin_name="scalars")
    metadata = SummaryMetadata(plugin_data=scalars, data_class=DATA_CLASS_SCALAR)
    with writer.as_default(step=int(row["epoch"])):
        for name, value in row.items():
            if name != "epoch":
                tf.summary.write(name, tf.constant(value, tf.float32), metadata=metadata)
    writer.flush()
