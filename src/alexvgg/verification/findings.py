"""What a check found, in a line."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from alexvgg.system import faults
from alexvgg.system.errors import AlexvggError


@dataclass(frozen=True)
class Finding:
    """`same` as computed anew; `differs`, which no rounding explains; or `unknown`: it can't be told here, and why."""

    level: Literal["same", "differs", "unknown"]
    subject: str
    text: str


NOTHING = "nothing"
ANEW, HERE, EXPECTED = ("reported", "computed anew"), ("reported", "here"), ("found", "expected")


def compared(subject: str, what: str, reported: object, other: object, words: tuple[str, str] = ANEW) -> Finding:
    """Whether a reported value is another one; `words` are what the two are called where they differ."""
    if reported == other:
        return Finding("same", subject, what)
    parts = [f"{part}{words[0]} {one}, {words[1]} {two}" for part, one, two in _apart(reported, other)]
    return Finding("differs", subject, f"{what}: {'; '.join(parts)}")


def _apart(one: object, two: object, where: str = "") -> Iterator[tuple[str, object, object]]:
    """Where two values differ: the keys of mappings and records, the first place of lists, or the whole."""
    if isinstance(one, BaseModel) and isinstance(two, BaseModel):
        one, two = one.model_dump(), two.model_dump()
    if isinstance(one, dict) and isinstance(two, dict):
        for key in dict.fromkeys([*one, *two]):
            if one.get(key, NOTHING) != two.get(key, NOTHING):
                yield from _apart(one.get(key, NOTHING), two.get(key, NOTHING), f"{where.rstrip()}.{key} ".lstrip("."))
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        place = next(i for i in range(len(one)) if one[i] != two[i])
        yield f"{where}number {place + 1} ", one[place], two[place]
    elif isinstance(one, list) and isinstance(two, list):
        yield where, f"{len(one)} of them", len(two)
    else:
        yield where, one, two


def carefully(subject: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """What a check finds. Whatever it dies of is a finding, too: a file is not as the project would have written it."""
    try:
        yield from check()
    except Exception as error:  # noqa: BLE001 - people edit files in every way, and the next one is to be checked, too
        why = str(error) if isinstance(error, AlexvggError) else f"{type(error).__name__}: {faults.said(error)}"
        yield Finding("differs", subject, f"cannot be read as it would have been written: {' '.join(why.split())}")
