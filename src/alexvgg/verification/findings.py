"""What a check found, in a line."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from alexvgg.system import faults
from alexvgg.system.errors import AlexvggError


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


def carefully(subject: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """What a check finds. Whatever it dies of is a finding, too: a file is not as the project would have written it."""
    try:
        yield from check()
    except Exception as error:  # noqa: BLE001 - people edit files in every way, and the next one is to be checked, too
        why = str(error) if isinstance(error, AlexvggError) else f"{type(error).__name__}: {faults.said(error)}"
        yield Finding("differs", subject, f"cannot be read as it would have been written: {' '.join(why.split())}")
