"""Examination of an installation: what is there, what is wrong, and the command that mends it."""
