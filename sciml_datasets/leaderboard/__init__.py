"""The leaderboard: a static site made of accepted submissions."""

from sciml_datasets.leaderboard.entries import Entry, entry_of
from sciml_datasets.leaderboard.ranking import Board, boards, rank
from sciml_datasets.leaderboard.site import write_site

__all__ = ["Board", "Entry", "boards", "entry_of", "rank", "write_site"]
