"""What a check found, in a line."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """`same` as computed anew; `differs`, which no rounding explains; or `unknown`: it can't be told here, and why."""

    level: Literal["same", "differs", "unknown"]
    subject: str
    text: str


def compared(subject: str, what: str, reported: object, anew: object) -> Finding:
    """Whether a reported value is the one that was computed anew."""
    if reported == anew:
        return Finding("same", subject, what)
    return Finding("differs", subject, f"{what}: reported {reported}, computed anew {anew}")
