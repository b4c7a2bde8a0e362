"""The row of an examination: a subject, what was found, whether it is right, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OK, NOTE, WRONG = "ok", "note", "wrong"
State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Observation:
    """What was found at one subject.

    Attributes:
        subject: what was looked at, in a few words.
        found: what was found; it never holds a password, a key or the value of a variable that may hold one.
        state: ``ok``; ``note`` for what is right on some machines and not on others; ``wrong`` for what some command
            fails of.
        remedy: the command that mends it, or what to do; empty where nothing is to be done.
    """

    subject: str
    found: str
    state: State = "ok"
    remedy: str = ""
