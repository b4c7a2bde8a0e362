"""CANDLE-UNO: the response of tumour cell lines to drugs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sciml_datasets.benchmark import (
    CORRELATION,
    ERROR,
    FIT,
    Benchmark,
    Choice,
    Conversion,
    Criterion,
    DataSet,
    NamedSplit,
    Regression,
    Source,
    Value,
)

_WITHIN = {"drug": "a drug", "drugs": "a pair of drugs", "cell": "a cell line"}


def _within(*groups: str) -> tuple[Criterion, ...]:
    """Scores of a regression within the groups of each grouping."""
    return tuple(
        Criterion(f"median_{score}_{group}", f"{symbol} within {_WITHIN[group]}, median", "higher", span=span)
        for group in groups
        for score, symbol, span in (("pearson", "r", CORRELATION), ("r2", "R2", FIT))
    )


def _growth(**variant: Any) -> Mapping[str, Any]:
    """The values of a variant for responses to single doses, for which no scores are published.

    Args:
        variant: further values, and ``groups``, for which scores are also reported.
    """
    groups = variant.pop("groups")
    scores = {"mse": "mean squared error", "mae": "mean absolute error"}
    fits = {"r2": ("R2", FIT), "pearson": ("Pearson's r", CORRELATION), "spearman": ("Spearman's rho", CORRELATION)}
    return {
        "task": Regression(target="growth", groups=groups, alike=("drug", "cell")),
        "criteria": (
            *(Criterion(name, title, "lower", span=ERROR) for name, title in scores.items()),
            *(Criterion(name, title, "higher", span=span) for name, (title, span) in fits.items()),
            *_within(*groups),
        ),
        **variant,
    }


_UNO_AUC = "ECP-CANDLE/Benchmarks, Pilot1/Uno/README.AUC.md, official validation split"

_UNO_TABLES = "http://ftp.mcs.anl.gov/pub/candle/public/benchmarks/Pilot1/combo"
_UNO_FEATURES = (
    "combined_rnaseq_data_lincs1000_source_scale",
    "drug_info",
    "Combined_PubChem_dragon7_descriptors.tsv",
    "NCI60_dragon7_descriptors.tsv",
)
_UNO_ALIASES = ("cl_mapping", "NCI60_CELLNAME_to_Combo.txt")


def _uno_tables(*names: str) -> tuple[Source]:
    """The source of tables of responses, of features and of aliases; their server reports the sizes."""
    files = (*names, *_UNO_FEATURES, *_UNO_ALIASES)
    return (Source(_UNO_TABLES, len(files), files=files),)


_RESPONSE = Choice(
    "response",
    "text",
    None,
    "column to take as the response (default: AUC, in any case, else AUC_curvecurator, else the one there is of AUC1, "
    "AAC, AAC1, DSS, DSS1, LN_IC50, IC50, EC50, pIC50, pEC50, and of the same with _curvecurator); the unit of another "
    "one stands in measures.tsv beside the responses",
)

BENCHMARK = Benchmark(
    name="candle_uno",
    title="Response of tumour cell lines to drugs",
    version="mlcommons-uno-v1.0",
    rules_names=("uno",),
    task=Regression(target="response", groups=("drug", "cell"), alike=("drug", "cell")),
    datasets=(
        DataSet("candle_uno", "2.0.0", "about 530,000 areas under dose-response curves, 942 genes, 5,270 descriptors"),
        DataSet(
            "candle_uno_demo", "2.0.0", "12,000 simulated areas under dose-response curves", 12000, licence="Apache-2.0"
        ),
        DataSet(
            "candle_uno_growth",
            "1.0.0",
            "27,769,716 measurements of growth under one dose of a drug",
            variant=_growth(
                groups=("drug", "cell"),
                obtain=f"`sciml fetch candle_uno_growth` gets its seven tables from {_UNO_TABLES}",
            ),
        ),
        DataSet(
            "candle_uno_pairs",
            "1.0.0",
            "3,686,475 measurements of growth under two drugs at a time",
            variant=_growth(
                groups=("drugs", "cell"),
                obtain=f"`sciml fetch candle_uno_pairs` gets its seven tables from {_UNO_TABLES}",
                groupings={
                    "cell": ("cell",),
                    "pair": ("drugs",),
                    "combination": ("cell", "drugs"),
                    "drug": ("drug_1", "drug_2"),
                    "study": ("source",),
                },
                each=("drug",),
                splits=(
                    NamedSplit("mixed", ("combination",)),
                    NamedSplit("cell_blind", ("cell",)),
                    NamedSplit("pair_blind", ("pair",)),
                    NamedSplit("drug_blind", ("drug",), (0.7, 0.15)),
                ),
            ),
        ),
    ),
    criteria=(
        Criterion(
            "mse",
            "mean squared error",
            "lower",
            target=Value(0.0054, "MLCommons Science benchmarks, CANDLE-UNO; read as the mse of the validation split"),
            reference=Value(0.0053, _UNO_AUC),
            span=ERROR,
            power=2,
        ),
        Criterion("mae", "mean absolute error", "lower", reference=Value(0.0490, _UNO_AUC), span=ERROR, power=1),
        Criterion("r2", "R2", "higher", reference=Value(0.7742, _UNO_AUC), span=FIT),
        Criterion("pearson", "Pearson's r", "higher", reference=Value(0.8800, _UNO_AUC), span=CORRELATION),
        Criterion("spearman", "Spearman's rho", "higher", span=CORRELATION),
        *_within("drug", "cell"),
    ),
    homepage="https://github.com/ECP-CANDLE/Benchmarks/tree/master/Pilot1/Uno",
    licence="as given by the studies that it combines: CCLE, CTRP, gCSI, GDSC and NCI60",
    obtain=f"`sciml fetch candle_uno` gets the seven tables from {_UNO_TABLES}",
    choices=(
        Choice("form", ("A", "B", "C"), None, "raw form: A tables, B prebuilt file, C IMPROVE folder"),
        Choice("scaling", ("training", "all"), "training", "entities that imputation and scaling are fitted on"),
        Choice(
            "omics",
            "text",
            None,
            "tables of form C that examples have beside gene expression, separated by commas (default: none): "
            "copy_number, discretized_copy_number, dna_methylation, mirna_expression, mutation, mutation_count, rppa; "
            "a response is left out where one of them lacks its cell line",
            of_features=True,
        ),
    ),
    groupings={"cell": ("cell",), "drug": ("drug",), "pair": ("cell", "drug"), "study": ("source",)},
    splits=(
        NamedSplit("mixed", ("pair",)),
        NamedSplit("cell_blind", ("cell",)),
        NamedSplit("drug_blind", ("drug",)),
        NamedSplit("disjoint", ("cell", "drug"), (0.7, 0.15)),
    ),
    leave_out="study",
    sources={
        "candle_uno": _uno_tables("combined_single_response_agg"),
        "candle_uno_growth": _uno_tables("rescaled_combined_single_drug_growth"),
        "candle_uno_pairs": _uno_tables("ComboDrugGrowth_Nov2017.csv"),
    },
    terms="The tables combine the studies CCLE, CTRP, gCSI, GDSC and NCI60. Each has its own terms, and they hold for "
    "what comes from it: read them at the studies, and cite those that you use.",
    original={"form": ("A", "B")},  # which hold no other measure than AUC
    modules={"model": "sciml_datasets.models.candle_uno"},
    simulator=(
        Choice("cells", "integer", None, "cell lines (default: one more for about a hundred responses)"),
        Choice("drugs", "integer", None, "drugs (default: one more for about a hundred responses)"),
        Choice("genes", "integer", None, "features of a cell line (default: as many as in the original)"),
        Choice(
            "descriptors",
            "integer",
            None,
            "features of a drug (default: as many as in the original; of the demo fewer)",
        ),
        Choice(
            "omics",
            "text",
            None,
            "tables of omics in IMPROVE's layout to write as well, separated by commas, which `sciml convert improve` "
            "takes along (default: none)",
        ),
    ),
    conversions=(
        Conversion(
            "improve",
            "a folder of IMPROVE's cross-study data, or other raw data of CANDLE-UNO, to raw data of CANDLE-UNO in "
            "IMPROVE's layout",
            "csa_data, its raw_data, or a raw folder of CANDLE-UNO",
            choices=(_RESPONSE,),
        ),
        Conversion(
            "csv",
            "a drug response study in the layout of drevalpy or DrugCell to raw data of CANDLE-UNO in IMPROVE's layout",
            "drevalpy's table of responses, DrugCell's drugcell_train.txt, or the folder of one of the two",
            choices=(_RESPONSE,),
        ),
    ),
)
