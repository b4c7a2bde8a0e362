"""Conversion of other drug response studies to raw data of CANDLE-UNO in IMPROVE's layout."""

from __future__ import annotations

from pathlib import Path

from sciml_datasets.conversion import Converted


def convert(name: str, source: Path, out: Path, response: str | None = None) -> Converted:
    """The raw data of a study.

    Args:
        name: ``improve`` or ``csv``.
        source, out, response: see `studies.convert_improve` and `studies.convert_csv`.
    """
    from sciml_datasets.candle_uno.convert.studies import convert_csv, convert_improve

    facts = (convert_improve if name == "improve" else convert_csv)(source, out, response).facts()
    lines = [
        f"{facts['folder']}: {facts['responses']} responses of {facts['cells']} cells and {facts['drugs']} drugs",
        f"response: {facts['response']}, {facts['measure']['unit'] or 'a pure number'}, {facts['measure']['range']}",
        f"features: {facts['cell_features']} of cells, {facts['drug_features']} of drugs",
        "splits: " + (", ".join(f"{split} {count}" for split, count in facts["splits"].items()) or "none given"),
        *([f"tables of omics, as they are: {', '.join(facts['omics'])}"] if facts["omics"] else []),
        *(f"{count} responses {_rule(reason)}" for reason, count in facts["left_out"].items()),
    ]
    lost = sum(count for reason, count in facts["left_out"].items() if reason.startswith("no features of"))
    if lost > facts["responses"]:
        lines.append("most responses have no features: compare their ids with those of the tables of features")
    return Converted(facts, "\n".join(lines))


def _rule(reason: str) -> str:
    """The effect of a rule on responses: they are kept for some reasons, and left out for the others."""
    return reason if reason.startswith("kept") else f"left out: {reason}"
