"""Text of data in pictures: matplotlib takes text between dollar signs as a formula, and refuses one that is none."""


def literal(text: str) -> str:
    """A text that matplotlib draws unchanged; for names, units and ids, which may hold any character."""
    return text.replace("$", r"\$")
