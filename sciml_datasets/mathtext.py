"""Text of data in pictures: matplotlib takes text between dollar signs as a formula, and refuses one that is none."""

from sciml_datasets.printable import printable


def literal(text: str) -> str:
    """A text that matplotlib draws as `printable` gives it; for names, units and ids, which may hold any character."""
    return printable(text).replace("$", r"\$")
