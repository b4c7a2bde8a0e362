"""Small drug response studies in the layouts of drevalpy and DrugCell."""

from __future__ import annotations

from pathlib import Path


def write_drevalpy(folder: Path, **changes: str) -> Path:
    """A small study as drevalpy takes it; ``changes`` replaces files."""
    text = {
        "response": "cellosaurus_id,cell_line_name,pubchem_id,drug_name,LN_IC50,AUC\n"
        'CVCL_1,"A, first",11,Alpha,1.5,0.5\nCVCL_2,B,11,Alpha,2.5,0.25\nCVCL_9,C,12,Beta,3.5,0.75\n'
        "CVCL_1,A,12,Beta,,\n",
        "gex": "cellosaurus_id,cell_line_name,TP53,EGFR\nCVCL_1,A,1,2\nCVCL_2,B,3,4\n",
        "fingerprints": "pubchem_id,dim_0,dim_1\n11,1.0,0.0\n12,0.0,1.0\n",
    }
    folder.mkdir(exist_ok=True)
    for name, default in text.items():
        (folder / f"{name}.csv").write_text(changes.get(name, default))
    return folder / "response.csv"


def write_drugcell(folder: Path, **changes: str) -> Path:
    """A small study in DrugCell's layout; ``changes`` replaces files."""
    text = {
        "drugcell_train": "A_LUNG\tCC=O\t0.5\nB_SKIN\tCC=O\t0.25\n",
        "drugcell_val": "A_LUNG\tC/C=C\\C\t0.75\n",
        "drugcell_test": "B_SKIN\tC/C=C\\C\t1.0625\n",
        "cell2ind": "0\tA_LUNG\n1\tB_SKIN\n",
        "cell2mutation": "0,1,0\n1,1,0\n",
        "gene2ind": "0\tTP53\n1\tEGFR\n2\tKRAS\n",
        "drug2ind": "1\tC/C=C\\C\n0\tCC=O\n",
        "drug2fingerprint": "1,0\n0,1\n",
    }
    folder.mkdir(exist_ok=True)
    for name, default in text.items():
        (folder / f"{name}.txt").write_text(changes.get(name, default))
    return folder / "drugcell_train.txt"
