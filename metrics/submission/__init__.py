"""Submissions: folders of results in git, written from runs and checked without trusting them."""

from sciml_datasets.metrics.submission.check import Checked, check, check_tree
from sciml_datasets.metrics.submission.findings import Finding
from sciml_datasets.metrics.submission.rules import RULES
from sciml_datasets.metrics.submission.truths import DataAtHand
from sciml_datasets.metrics.submission.write import Statement, submit

__all__ = ["RULES", "Checked", "DataAtHand", "Finding", "Statement", "check", "check_tree", "submit"]
