"""What a sample holds, and how it is read from the raw files."""

import h5py
import numpy as np

from sciml_datasets.rows import Row, Rows

POINTS = 200
SHIFTS = np.linspace(100, 1200, POINTS)  # Raman shifts, in 1 / cm


def features(dataset):
    from tensorflow_datasets import features

    spectrum = features.Tensor(shape=(POINTS,), dtype=np.float32)
    return {"id": features.Text(), "spectrum": spectrum, "mineral": features.ClassLabel(num_classes=3)}


def supervised_keys(dataset):
    return "spectrum", "mineral"


def rows(path):
    with h5py.File(path) as file:
        for number, spectrum in enumerate(file["spectrum"]):
            example = {"id": f"{path.stem}-{number}", "spectrum": spectrum, "mineral": int(file["mineral"][number])}
            yield Row(example, group=f"specimen {file['specimen'][number]}")


def raw_format(dataset):
    return Rows("*.h5", rows, facts=("mineral",), group_kind="specimen")
