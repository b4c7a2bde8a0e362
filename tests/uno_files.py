"""HDFStores as pandas 1.5 and 3.1 with PyTables 3.7 and 3.11 write them, and small studies, for the tests."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pyarrow as pa
from pyarrow import parquet

from sciml_datasets.candle_uno.forms import cell_tables
from sciml_datasets.raw_format import Sample

CELLS, GENES, DRUGS, DESCRIPTORS = 5, 6, 4, 7
ROWS = {"train": 40, "val": 12, "test": 12}
FILE = "top_21_auc_1fold.uno.h5"

Frames = dict[str, dict[str, np.ndarray]]
"""Key of a frame to its columns."""


def frames(seed: int = 0, times: int = 1) -> Frames:
    """The content of the prebuilt file, joined as there, with ``times`` as many rows."""
    rng = np.random.default_rng(seed)
    features = {
        ("0", "GE_"): rng.normal(size=(CELLS, GENES)).astype(np.float32),
        ("1", "dd_"): rng.normal(size=(DRUGS, DESCRIPTORS)).astype(np.float32),
    }
    made: Frames = {}
    for split, rows in ((split, times * rows) for split, rows in ROWS.items()):
        codes = {"0": rng.integers(0, CELLS, rows), "1": rng.integers(0, DRUGS, rows)}
        for (number, prefix), values in features.items():
            joined = values[codes[number]]
            made[f"x_{split}_{number}"] = {f"{prefix}{i}": joined[:, i] for i in range(values.shape[1])}
        made[f"y_{split}"] = {
            "AUC": rng.uniform(size=rows).astype(np.float32),
            "Sample": np.array([f"CCLE.C{i}".encode() for i in codes["0"]], "S30"),
            "Drug1": np.array([f"CTRP.{i}".encode() for i in codes["1"]], "S10"),
        }
    return made


def write_blocks(group: h5py.Group, columns: Mapping[str, np.ndarray], **filters: Any) -> None:
    """Layout table: columns of one type are one field, and their names pickled attributes."""
    _write_table(group, columns, named=False, filters=filters)


def write_query_columns(group: h5py.Group, columns: Mapping[str, np.ndarray], **filters: Any) -> None:
    """Layout table with data_columns=True: a field for each column."""
    _write_table(group, columns, named=True, filters=filters)


def write_reference(group: h5py.Group, columns: Mapping[str, np.ndarray], **filters: Any) -> None:
    """As the reference exports: text has fields of its own, since min_itemsize names it, and numbers a block."""
    numbers = {name: values for name, values in columns.items() if values.dtype.kind == "f"}
    fields = {"values_block_0": np.stack([*numbers.values()], axis=1)}
    fields |= {name: values for name, values in columns.items() if name not in numbers}
    _write_fields(group, fields, filters)


def write_fixed(group: h5py.Group, columns: Mapping[str, np.ndarray], **filters: Any) -> None:
    """Layout fixed: a block for each type; text is a pickle."""
    rows = len(next(iter(columns.values())))
    group["axis0"] = np.array([name.encode() for name in columns])
    group["axis1"] = np.arange(rows)
    for number, kind in enumerate(sorted({values.dtype.kind for values in columns.values()}, reverse=True)):
        block = {name: values for name, values in columns.items() if values.dtype.kind == kind}
        group[f"block{number}_items"] = np.array([name.encode() for name in block])
        values = np.stack([*block.values()], axis=1)
        if kind == "f":
            group.create_dataset(f"block{number}_values", data=values, chunks=True if filters else None, **filters)
        else:
            content = np.frombuffer(pickle.dumps(values.astype(object)), np.uint8)
            data = group.create_dataset(f"block{number}_values", (1,), h5py.vlen_dtype(np.uint8))
            data[0] = content
            data.attrs["PSEUDOATOM"] = np.bytes_("object")


def write_store(
    path: Path, content: Frames, write: Callable[..., None] = write_reference, filters: Mapping[str, Any] | None = None
) -> Path:
    """An HDFStore of frames."""
    with h5py.File(path, "w") as file:
        for key, columns in content.items():
            write(file.create_group(key), columns, **(filters or {}))
        file.create_group("model").attrs["input_features"] = np.bytes_(pickle.dumps({"cell.rnaseq": "cell.rnaseq"}))
    return path


def blosc(codec: str) -> Mapping[str, Any]:
    """As with complib="blosc:<codec>" and complevel=9 of the reference's export."""
    return hdf5plugin.Blosc(cname=codec, clevel=9, shuffle=hdf5plugin.Blosc.SHUFFLE)


def _write_table(
    group: h5py.Group, columns: Mapping[str, np.ndarray], *, named: bool, filters: Mapping[str, Any]
) -> None:
    if named:
        _write_fields(group, columns, filters)
        return
    kinds = dict.fromkeys(values.dtype.kind for values in columns.values())
    fields = {}
    for number, kind in enumerate(kinds):
        block = [values for values in columns.values() if values.dtype.kind == kind]
        fields[f"values_block_{number}"] = np.stack(block, axis=1)
    _write_fields(group, fields, filters)
    group.attrs["non_index_axes"] = np.bytes_(pickle.dumps([(1, [*columns])]))


def _write_fields(group: h5py.Group, fields: Mapping[str, np.ndarray], filters: Mapping[str, Any]) -> None:
    rows = len(next(iter(fields.values())))
    dtype = [("index", "<i8"), *((name, values.dtype, values.shape[1:]) for name, values in fields.items())]
    table = np.zeros(rows, dtype)
    table["index"] = np.arange(rows)
    for name, values in fields.items():
        table[name] = values
    group.create_dataset("table", data=table, chunks=(max(7, rows // 2),), **filters)


def write_improve(folder: Path, **changes: str) -> Path:
    """A small IMPROVE folder; ``changes`` replaces files, named by their stem, by other text."""
    text = {
        "y_data/response.tsv": "source\timprove_sample_id\timprove_chem_id\tstudy\tauc\tic50\n"
        "CCLE\tACH-1\tDrug_1\tCCLE\t0.5\t1.25\nCCLE\tACH-2\tDrug_1\tCCLE\t0.75\t\n"
        "gCSI\tACH-1\tDrug_2\tgCSI\t0.25\t2\ngCSI\tACH-2\tDrug_2\tgCSI\t0.875\t3\n",
        "x_data/cancer_gene_expression.tsv": "\tENSG1\tENSG2\tENSG3\n\t11\t12\t13\n\tTP53\tEGFR\tKRAS\n"
        "ACH-1\t1\t2\t3\nACH-2\t4\t\t6.5\n",
        "x_data/drug_mordred.tsv": "improve_chem_id\tABC\tnAcid\nDrug_1\t1.5\t0\nDrug_2\t-2\t1\n",
    }
    for name, default in text.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changes.get(path.stem, default))
    return folder


OMICS = {
    "copy_number": "\t11\t12\n\tTP53\tEGFR\n\tE1\tE2\nACH-1\t0.5\t1\nACH-2\t1.5\t\n",
    "dna_methylation": "\tTP53_1\tTP53_2\n\t11\t11\n\tE1\tE1\n\tTP53\tTP53\nACH-1\t0.25\t0\nACH-2\t1\t0.5\n",
    "mirna_expression": "\thsa-let-7a\thsa-mir-1\nACH-1\t7\t8\nACH-2\t9\t10\n",
    "mutation_count": "Entrez\t11\t12\nGene_Symbol\tTP53\tEGFR\nEnsembl\tE1\tE2\nACH-2\t2\t0\nACH-1\t0\t1\n",
    "rppa": "\tAKT\tMTOR_pS2448\nACH-1\t-1\t2\n",
}
"""Name of a table of omics to its text, with header lines as IMPROVE has them; of that of proteins a cell line less."""


def write_omics(folder: Path, **changes: str) -> Path:
    """Tables of omics in an IMPROVE folder; ``changes`` puts other text in place of some."""
    for name, text in {**OMICS, **changes}.items():
        (folder / "x_data" / cell_tables.OMICS[name].file).write_text(text)
    return folder


def write_mutations(folder: Path, **columns: Any) -> Path:
    """The matrix of mutations in an IMPROVE folder; ``columns`` replaces columns, named with _ in place of -."""
    table = {
        "Gene_symbol": ["TP53", "EGFR", "EGFR"],
        "Entrez_id": [11, 12, 12],
        "Genome_Change": ["g.chr17:1A>T", "g.chr7:2C>G", "g.chr7:2C>G"],
        "ACH-2": [0, 1, 0],
        "ACH-1": [1, 0, 1],
        "ACH-9": [1, 1, 1],
        **{name.replace("ACH_", "ACH-"): values for name, values in columns.items()},
    }
    parquet.write_table(pa.table(table), folder / "x_data" / cell_tables.OMICS["mutation"].file)
    return folder


def write_splits(folder: Path, study: str, number: int = 0, **rows: list[int]) -> None:
    """Lists of a split of a study, by IMPROVE's names of splits."""
    (folder / "splits").mkdir(exist_ok=True)
    for split, numbers in rows.items():
        (folder / "splits" / f"{study}_split_{number}_{split}.txt").write_text("".join(f"{row}\n" for row in numbers))


def write_combo(folder: Path, **changes: str) -> Path:
    """Form A in the small; ``changes`` puts other text for tables, named by their stem, or removes them if empty."""
    text = {
        "combined_single_response_agg": "SOURCE\tCELL\tDRUG\tSTUDY\tAUC\tEC50se\tR2fit\n"
        "CCLE\tCCLE.A\tCCLE.1\tCCLE\t0.5\t0.1\t0.9\n"
        "CTRP\tCTRP.A\tCTRP.7\tCTRP\t0.75\t3\t0.3\n"
        "NCI60\tNCI60.B\tNSC.5\tNCI60\t0.25\t0.2\t0.8\n"
        "CCLE\tCCLE.A\tCCLE.1\tCCLE\t0.1\t0.2\t0.29\n"
        "CCLE\tCCLE.A\tCCLE.1\tCCLE\t0.2\t3.1\t0.9\n"
        "CCLE\tCCLE.A\tCCLE.1\tCCLE\t0.3\t0.2\tnan\n",
        "combined_rnaseq_data_lincs1000": "Sample\tCancer_type_id\tTP53\tEGFR\n"
        "CCLE.A\tBRCA\t1\t2\nCTRP.A\tBRCA\t1.5\t\nNCI60.B\tCOAD\t4\t6\nGDC.T\tCOAD\t9\t9\n",
        "drug_info": "ID\tNAME\tCLEAN_NAME\tPUBCHEM\n"
        "CCLE.1\tNilotinib\tNILOTINIB\t644241\nCTRP.7\tnilotinib\tNILOTINIB\t644241\nGDSC.9\tOther\tOTHER\t12\n",
        "Combined_PubChem_dragon7_descriptors.tsv": "NAME\tMW\tALOGP\n"
        "PubChem.CID.644241\t529.5\t5\nPubChem.CID.12\t100\tna\n",
        "NCI60_dragon7_descriptors.tsv": "NAME\tALOGP\tMW\nNSC.5\t1\t300\nNSC.6\t-\t310\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, default in text.items():
        if content := changes.get(Path(name).stem, default):
            (folder / name).write_text(content)
    return folder


def member(key: str, facts: tuple[str, ...]) -> Sample:
    """A sample of which only the member list is of interest."""
    return Sample("train", key, "f", "0,0", 1, "|".join(facts), facts)


def write_doses(folder: Path, **changes: str) -> Path:
    """The features of form A with both tables of single doses; ``changes`` as for `write_combo`."""
    write_combo(folder, **{"combined_single_response_agg": "", **changes})
    text = {
        "rescaled_combined_single_drug_growth": "SOURCE\tDRUG_ID\tCELLNAME\tCONCUNIT\tLOG_CONCENTRATION\tEXPID"
        "\tGROWTH\n"
        "CCLE\tCCLE.1\tCCLE.A\tM\t-5.5\tx\t50\n"
        "CTRP\tCTRP.7\tCTRP.A\tM\t-6\tx\t-12.5\n"
        "NCI60\tNSC.5\tNCI60.B\tV\t-4\tx\t100\n"
        "CCLE\tCCLE.1\tCCLE.A\tM\t-5\tx\tna\n"
        "CCLE\tCCLE.1\tCCLE.A\tM\t\tx\t1\n"
        "CCLE\tCCLE.1\tCCLE.Z\tM\t-5\tx\t1\n"
        "CCLE\tCCLE.2\tCCLE.A\tM\t-5\tx\t1\n",
        "ComboDrugGrowth_Nov2017.csv": "SCREENER,CELLNAME,NSC1,CONC1,NSC2,CONC2,PERCENTGROWTH,VALID\n"
        "FF,B/X,5,1e-6,6,1e-7,25,Y\n"
        "FF,B/X,6,1e-7,5,1e-6,75,Y\n"
        "FF,B/X,5,1e-6,6,1e-7,25,N\n"
        "1A,B/X,5,1e-6,,,50,Y\n"
        "1A,unknown,5,1e-6,6,1e-6,50,Y\n"
        "1A,B/X,5,0,6,1e-6,50,Y\n",
        "NCI60_CELLNAME_to_Combo.txt": "NCI60.ID\tCELLNAME\tName\nNCI60.B\tB\tB/X\n",
    }
    for name, default in text.items():
        if content := changes.get(Path(name).stem, default):
            (folder / name).write_text(content)
    return folder
