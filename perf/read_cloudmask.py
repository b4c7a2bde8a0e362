"""Ways to read the patches of CloudMask for training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from read_records import Ways, whole_records


def cloudmask_reference(folder: Path) -> Callable[[], Iterator[Any]]:
    """The reference's training pipeline."""
    import tensorflow as tf

    patches = reference_patches(folder).shuffle(160).batch(32, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
    return lambda: iter(patches)


def reference_patches(folder: Path) -> Any:
    """The pipeline of mlcommons/science's benchmarks/cloudmask: HDF5 in a generator, extract_patches in tf.data."""
    import h5py
    import tensorflow as tf

    paths = sorted((folder / "raw" / "cloudmask" / "training").rglob("*.hdf"))

    def scenes() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for path in paths:
            with h5py.File(path) as file:
                refs, bts, bayes = file["refs"][:], file["bts"][:], file["bayes"][:]
            image = np.concatenate([refs - 0.5, (bts - 270.0) / 22.0], axis=-1)
            yield np.nan_to_num(image), (bayes > 0).astype(np.float32)

    def patches(image: Any, mask: Any) -> tuple[Any, Any]:
        def cut(stack: Any) -> Any:
            cropped = stack[None, 88:-88, 110:-110]
            size = [1, 256, 256, 1]
            found = tf.image.extract_patches(cropped, size, size, [1, 1, 1, 1], "VALID")
            return tf.reshape(found, (-1, 256, 256, stack.shape[-1]))

        return cut(image), cut(mask)

    signature = (tf.TensorSpec((1200, 1500, 9), tf.float32), tf.TensorSpec((1200, 1500, 1), tf.float32))
    return (
        tf.data.Dataset.from_generator(scenes, output_signature=signature)
        .map(patches, num_parallel_calls=tf.data.AUTOTUNE)
        .unbatch()
    )


def cloudmask_sciml(folder: Path, transform: str = "host") -> Callable[[], Iterator[Any]]:
    """The training pipeline of this package; with ``device`` the host only copies what is stored."""
    from sciml_datasets.models.batches import Batches
    from sciml_datasets.models.cloudmask import RECIPES
    from sciml_datasets.prepared.prepared import Prepared

    recipe = RECIPES["cloudmask"].with_settings({"transform": transform}).placed(accelerated=False)
    batches = Batches(Prepared.open("cloudmask", folder / "data"), recipe, seed=0)
    return lambda: iter(batches.training(1))


WAYS: Ways = {
    "reference": cloudmask_reference,
    "sciml": cloudmask_sciml,
    "sciml by copies alone": partial(cloudmask_sciml, transform="device"),
    **whole_records("cloudmask", "scenes"),
}
