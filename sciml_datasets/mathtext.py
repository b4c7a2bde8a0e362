"""Text of data in pictures: matplotlib sets what stands between dollar signs as a formula, and refuses what is none."""


def literal(text: str) -> str:
    """Text that matplotlib draws as it is; for names, units and ids, which may hold any character."""
    return text.replace("$", r"\$")
