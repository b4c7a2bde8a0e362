"""Submissions: folders of results in git, written from runs and checked without trusting them."""

from sciml_datasets.submissions.check import Checked, check, check_tree
from sciml_datasets.submissions.data_at_hand import DataAtHand
from sciml_datasets.submissions.document_facts import Statement
from sciml_datasets.submissions.findings import Finding
from sciml_datasets.submissions.rule_texts import RULES
from sciml_datasets.submissions.write import submit

__all__ = ["RULES", "Checked", "DataAtHand", "Finding", "Statement", "check", "check_tree", "submit"]
