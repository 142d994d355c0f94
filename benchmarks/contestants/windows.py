"""Stretches of time in which a contestant works, one after the other with the others: the side of the contestant.

A contestant is a process of its own. When it is ready it prints a line of JSON with facts about itself; for each
line on its standard input, a number of seconds, it works for as long as that, at least one step, and prints
`[images, seconds]`. In between it sleeps; the first step after that does not count, since the system may have taken
back memory that a process at work keeps. When its input ends, so does it.
"""

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

WARM_UP = 2  # steps that compile


class Windows:
    """`after_step` is called after every step of `images` images, and returns when there is work again."""

    def __init__(self, images: int, warm_up: int = WARM_UP, **facts: Any) -> None:
        self._images, self._warm_up, self._facts = images, warm_up, facts
        self._steps, self._seconds, self._end = 0, 0.0, 0.0
        self._asleep: float | None = None  # since when, until the first step after it
        self._slept = 0.0  # seconds, with those first steps

    def work_clock(self) -> float:
        """Seconds since some time, without those that do not count."""
        return (time.monotonic() if self._asleep is None else self._asleep) - self._slept

    def after_step(self) -> None:
        """Raises KeyboardInterrupt at the end."""
        now = time.monotonic()
        self._steps += 1
        if self._asleep is not None:
            self._begin(now)
        elif not self._seconds:
            if self._steps == self._warm_up:
                self._sleep(self._facts)
        elif now >= self._end:
            self._sleep([self._steps * self._images, now - self._end + self._seconds])

    def _begin(self, now: float) -> None:
        assert self._asleep is not None
        self._slept += now - self._asleep
        self._steps, self._asleep, self._end = 0, None, now + self._seconds

    def _sleep(self, answer: Any) -> None:
        print(json.dumps(answer), flush=True)
        self._asleep = time.monotonic()
        line = sys.stdin.readline()
        if not line:
            raise KeyboardInterrupt
        self._seconds = float(line)


def serve(step: Callable[[], Any], images: int, **facts: Any) -> None:
    """Work in windows until the input ends."""
    windows = Windows(images, **facts)
    with suppress(KeyboardInterrupt):
        while True:
            step()
            windows.after_step()
