"""Comparison of the reference's own loader of CANDLE-UNO's raw tables with this package, row by row.

    git clone https://github.com/ECP-CANDLE/Benchmarks
    sciml simulate candle_uno_demo --out raw
    OLD/bin/python perf/uno_reference.py load Benchmarks/Pilot1/Uno raw/candle_uno_demo --out rows.npz
    OLD/bin/python perf/uno_reference.py load Benchmarks/Pilot1/Uno raw/candle_uno_demo --export demo.uno.h5
    python perf/uno_reference.py compare raw/candle_uno_demo rows.npz

``OLD`` is an environment with pandas 1.5, scikit-learn and PyTables: the reference does not run on pandas 3. Its module
``uno_data`` is executed unchanged, with TensorFlow and candle replaced by the two names that it takes from them; the
settings are those of its run on AUC (uno_auc_model.txt), with all studies. ``--export`` writes what its
``--export_data`` writes: train and validation, no test.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

BATCH = 32
"""Number of rows that the reference exports at once; a remainder is left out."""
TOLERANCE = 1e-5
"""Largest accepted difference of standardised descriptors: both are float32."""


def main() -> None:
    """Load with the reference, or compare with the rows that it loaded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    load = actions.add_parser("load")
    load.add_argument("reference", type=Path, help="folder with uno_data.py")
    load.add_argument("raw", type=Path, help="folder with the tables")
    load.add_argument("--out", type=Path)
    load.add_argument("--export", type=Path)
    other = actions.add_parser("compare")
    other.add_argument("raw", type=Path)
    other.add_argument("rows", type=Path)
    args = parser.parse_args()
    if args.action == "compare":
        compare(args.raw, args.rows)
        return
    uno = imported(args.reference, args.raw)
    loader = loaded(uno)
    if args.out:
        np.savez(args.out, **rows(uno, loader))
    if args.export:
        export(uno, loader, args.export)


def imported(reference: Path, raw: Path) -> Any:
    """The reference's module of data, which finds its files in the raw folder."""
    candle, tensorflow = ModuleType("candle"), ModuleType("tensorflow")
    vars(candle)["get_file"] = lambda name, **_: os.fspath(raw / name)
    vars(tensorflow)["keras"] = SimpleNamespace(utils=SimpleNamespace(Sequence=object))
    sys.modules |= {"candle": candle, "tensorflow": tensorflow}
    sys.path.insert(0, os.fspath(reference))
    import uno_data

    return uno_data


def loaded(uno: Any) -> Any:
    """The reference's loader after it has read all studies."""
    loader = uno.CombinedDataLoader(seed=uno.SEED)
    loader.load(
        agg_dose="AUC",
        cell_features=["rnaseq"],
        drug_features=["descriptors"],
        use_landmark_genes=True,
        preprocess_rnaseq="source_scale",
        embed_feature_source=False,
        encode_response_source=False,
        train_sources=["all"],
        single=True,
    )
    loader.partition_data(train_split=0.8, val_split=0.2)
    return loader


def rows(uno: Any, loader: Any) -> dict[str, np.ndarray]:
    """The response, the ids and the features of every row, in the order of the table."""
    generator = uno.CombinedDataGenerator(loader, batch_size=BATCH, shuffle=False, single=True)
    (cells, drugs), y = generator.get_slice(single=True, dataframe=True, partial_index=list(loader.df_response.index))
    texts = {name: y[name].to_numpy().astype(str) for name in ("Sample", "Drug1")}
    return {"AUC": y["AUC"].to_numpy(), **texts, "cells": cells.to_numpy(), "drugs": drugs.to_numpy()}


def export(uno: Any, loader: Any, path: Path) -> None:
    """Write the file that ``--export_data`` of uno_baseline_keras2.py writes."""
    import pandas as pd

    with pd.HDFStore(path, "w") as store:
        for part in ("train", "val"):
            generator = uno.CombinedDataGenerator(loader, partition=part, batch_size=BATCH, shuffle=False, single=True)
            for _ in range(generator.steps):
                features, y = generator.get_slice(size=BATCH, dataframe=True, single=True)
                for number, frame in enumerate(features):
                    frame.columns = [""] * len(frame.columns)
                    store.append(f"x_{part}_{number}", frame.astype("float32"), format="table")
                sizes = {"Sample": 30, "Drug1": 10}
                store.append(f"y_{part}", y.astype({"AUC": "float32"}), format="table", min_itemsize=sizes)
        store.put("model", pd.DataFrame())
        store.get_storer("model").attrs.input_features = loader.input_features
        store.get_storer("model").attrs.feature_shapes = loader.feature_shapes


def compare(raw: Path, file: Path) -> None:
    """Print the differences of our rows from the reference's, and end with 1 where they are not the same."""
    from sciml_datasets.candle_uno.forms import combo
    from sciml_datasets.candle_uno.stored import StoredTable

    tables = combo.read(raw)
    ours = {name: np.array(tables.responses[name].to_pylist()) for name in ("response", "cell", "drug")}
    for name, table in (("cells", tables.cells), ("drugs", tables.drugs)):
        row = {key: number for number, key in enumerate(table.ids)}
        stored = StoredTable.of(table, "all", np.arange(len(table.ids)))  # scaled as the reference does
        ours[name] = stored.values[[row[key] for key in ours[name.removesuffix("s")]]]
    theirs = np.load(file)
    shapes = {name: theirs[name].shape for name in ("AUC", "cells", "drugs")}
    print(f"rows: {len(ours['response'])}, the reference's {shapes}")
    same = all(shape[0] == len(ours["response"]) for shape in shapes.values())
    if same:
        ids = [np.array_equal(ours[one], theirs[other]) for one, other in (("cell", "Sample"), ("drug", "Drug1"))]
        apart = {
            one: float(np.abs(ours[one] - theirs[other]).max())
            for one, other in (("response", "AUC"), ("cells", "cells"), ("drugs", "drugs"))
        }
        print(f"ids the same: {ids}; largest difference: {apart}")
        same = all(ids) and max(apart.values()) <= TOLERANCE
    print("the same" if same else "NOT the same")
    sys.exit(not same)


if __name__ == "__main__":
    main()
